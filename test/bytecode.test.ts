import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync, realpathSync, statSync, utimesSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

/** Bytecode is compiled once per machine and Python, by whoever comes first, and shared by all layouts. */

const MODULES = 40;
let server: IndexServer;
let me: Session;

beforeAll(() => {
  const modules: Record<string, string> = { "apple/__init__.py": "", "apple/broken.py": "def (:\n" };
  for (let i = 0; i < MODULES; i++)
    modules[`apple/part_${i}.py`] = `value = ${i}\ndef f(x):\n    return x + ${i}\n`;
  server = startIndexServer({
    files: [
      makeWheel({ name: "apple", version: "1.0", modules }),
      makeWheel({ name: "single", version: "1.0", modules: { "single.py": "value = 'single'\n" } }),
      makeWheel({ name: "space-one", version: "1.0", modules: { "space/one/__init__.py": "value = 1\n" } }),
      makeWheel({
        name: "space-two",
        version: "1.0",
        modules: { "space/two/__init__.py": "value = 2\n", "space/flat.py": "" },
      }),
    ],
  });
});
afterAll(async () => {
  await server.stop();
  me.end();
});
beforeEach(() => {
  me?.end();
  me = startSession({ index: server.url });
});

const ALL = ["apple", "single", "space-one", "space-two"];
const IMPORT_ALL = `import importlib, single, space.one, space.two, space.flat
for i in range(${MODULES}): importlib.import_module("apple.part_%d" % i)`;

/** Links are not followed. */
function bytecode(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry): string[] => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return bytecode(path);
      return entry.name.includes(".pyc") ? [path] : [];
    })
    .sort();
}

/** Each file as its Python reads it: magic number, time and size of its source, and code that loads. */
const CHECK = `
import importlib.util, marshal, os, struct, sys
good = 0
for line in sys.stdin:
    path = line.strip()
    with open(path, "rb") as f: data = f.read()
    source = importlib.util.source_from_cache(path)
    stat = os.stat(source)
    assert data[:4] == importlib.util.MAGIC_NUMBER, path
    flags, mtime, size = struct.unpack("<III", data[4:16])
    assert (flags, mtime, size) == (0, int(stat.st_mtime) & 0xffffffff, stat.st_size & 0xffffffff), path
    marshal.loads(data[16:])
    good += 1
print(good)
`;

function validated(python: string, files: readonly string[]): number {
  const done = Bun.spawnSync([python, "-c", CHECK], { stdin: new TextEncoder().encode(files.join("\n")) });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  return Number(done.stdout.toString());
}

describe("without --compile-bytecode", () => {
  test("an interpreter leaves bytecode in the store, through the links; a second project writes nothing", async () => {
    me.write("pyproject.toml", pyproject(ALL));
    await me.ok("install");
    expect(bytecode(`${me.home}/store`)).toEqual([]);
    expect(me.sh(".venv/bin/python", "-c", IMPORT_ALL).code).toBe(0);
    const made = bytecode(`${me.home}/store`);
    // The single modules have theirs in the layout, beside the link: `apple` and the two packages of the namespace are links.
    expect(made.length).toBe(MODULES + 1 + 2);
    const times = made.map((path) => statSync(path).mtimeMs);
    const other = me.project("other");
    // Another set of packages, hence another layout.
    other.write("pyproject.toml", pyproject(["apple", "space-one", "space-two"], "", "other"));
    await other.ok("install");
    expect(readlinkSync(`${other.dir}/.venv`)).not.toBe(readlinkSync(`${me.dir}/.venv`));
    const import2 = IMPORT_ALL.replace("single, ", "");
    expect(other.sh(".venv/bin/python", "-c", import2).code).toBe(0);
    expect(bytecode(`${me.home}/store`)).toEqual(made);
    expect(made.map((path) => statSync(path).mtimeMs)).toEqual(times);
    await me.ok("store", "verify");
    await me.ok("layout", "verify", "--all");
    expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
  });

  test("a package with files of its own in the layout (real-paths) shares its bytecode too", async () => {
    me.write("pyproject.toml", pyproject(ALL, '[tool.dx-py]\nreal-paths = ["apple"]\n'));
    await me.ok("install");
    const site = `${me.dir}/.venv/lib/${readdirSync(`${me.dir}/.venv/lib`)[0]}/site-packages`;
    expect(statSync(`${site}/apple/part_1.py`).nlink).toBeGreaterThan(1);
    expect(me.sh(".venv/bin/python", "-c", IMPORT_ALL).code).toBe(0);
    const made = bytecode(`${me.home}/store`).filter((path) => path.includes("/apple/"));
    expect(made.length).toBe(MODULES + 1);
    const other = me.project("other");
    other.write("pyproject.toml", pyproject(["apple"], "", "other"));
    await other.ok("install");
    const loaded = other.sh(".venv/bin/python", "-v", "-c", "import apple.part_1");
    expect(loaded.stderr).toMatch(/matches .*apple\/__init__/);
    expect(loaded.stderr).not.toMatch(/created .*apple/);
  });

  test("bytecode of another version of a file is not used: its time and size are those of its source", async () => {
    me.write("pyproject.toml", pyproject(ALL));
    await me.ok("install", "--compile-bytecode");
    const module = realpathSync(
      `${me.dir}/.venv/lib/${readdirSync(`${me.dir}/.venv/lib`)[0]}/site-packages/apple/part_1.py`,
    );
    utimesSync(module, 1, 1);
    expect(me.sh(".venv/bin/python", "-v", "-c", "import apple.part_1").stderr).toMatch(/created .*part_1/);
  });
});

describe("install --compile-bytecode", () => {
  test("compiles everything that can be, once; the next layout and the next command find it", async () => {
    me.write("pyproject.toml", pyproject(ALL));
    await me.ok("install", "--compile-bytecode");
    const inStore = bytecode(`${me.home}/store`);
    const inLayout = bytecode(realpathSync(`${me.dir}/.venv`));
    expect(inStore.length).toBe(MODULES + 1 + 2);
    expect(inLayout.map((path) => path.split("/").at(-1)?.split(".")[0])).toEqual(["single", "flat"]);
    expect(validated(`${me.dir}/.venv/bin/python`, [...inStore, ...inLayout])).toBe(inStore.length + 2);
    const verbose = me.sh(".venv/bin/python", "-v", "-c", IMPORT_ALL);
    expect(verbose.stderr).not.toMatch(/^# created/m);
    const times = inStore.map((path) => statSync(path, { bigint: true }).mtimeNs);
    await me.ok("install", "--compile-bytecode");
    expect(inStore.map((path) => statSync(path, { bigint: true }).mtimeNs)).toEqual(times);
    await me.ok("store", "verify");
    await me.ok("layout", "verify");
  });

  test("the setting does the same, and an environment of the project's own gets its own", async () => {
    me.write(
      "pyproject.toml",
      pyproject(["apple"], '[tool.dx-py]\ncompile-bytecode = true\nlink-mode = "copy"\n'),
    );
    await me.ok("install");
    expect(bytecode(`${me.dir}/.venv`).length).toBe(MODULES + 1);
    expect(bytecode(`${me.home}/store`)).toEqual([]);
  });

  test("two Pythons and many processes at once: every file is whole, each Python has its own", async () => {
    const found: { version: string; executable: string; implementation: string }[] = JSON.parse(
      (await me.ok("python", "list", "--json")).stdout,
    );
    const minor = (version: string) => version.split(".").slice(0, 2).join(".");
    const byMinor = new Map(
      found.filter((one) => one.implementation === "cpython").map((one) => [minor(one.version), one]),
    );
    const pythons = [...byMinor.values()].slice(0, 2);
    const projects = pythons.flatMap((python) =>
      [0, 1, 2].map((n) => {
        const project = me.project(`p-${minor(python.version)}-${n}`);
        // Different sets, so that layouts differ and packages are shared.
        project.write("pyproject.toml", pyproject(["apple", ...ALL.slice(1, 1 + n)], "", `p${n}`));
        return { project, python };
      }),
    );
    await Promise.all(
      projects.map(async ({ project, python }, i) => {
        await project.ok(
          "install",
          "--python",
          python.executable,
          ...(i % 3 === 2 ? [] : ["--compile-bytecode"]),
        );
        const importing = Bun.spawn(
          [`${project.dir}/.venv/bin/python`, "-c", `import apple.part_${i}, apple.part_3`],
          {
            stderr: "pipe",
          },
        );
        expect(await importing.exited).toBe(0);
      }),
    );
    let whole = 0;
    for (const python of pythons) {
      const tag = `cpython-${minor(python.version).replace(".", "")}`;
      const files = bytecode(`${me.home}/store`).filter((path) => path.endsWith(`.${tag}.pyc`));
      expect(files.filter((path) => path.includes("/apple/")).length).toBe(MODULES + 1);
      whole += validated(python.executable, files);
    }
    const all = bytecode(`${me.home}/store`);
    // Nothing half written was left under another name.
    expect(all.filter((path) => !path.endsWith(".pyc"))).toEqual([]);
    expect(whole).toBe(all.length);
    console.log(
      `${pythons.length} Pythons, ${projects.length} processes: ${whole} files of bytecode, each whole`,
    );
    await me.ok("store", "verify");
    expect(existsSync(`${me.home}/tmp`) ? readdirSync(`${me.home}/tmp`) : []).toEqual([]);
  });
});
