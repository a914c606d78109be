import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

/** What was asked before and stands is answered at a glance; what changed since is noticed all the same. */

let server: IndexServer;
let me: Session;

beforeAll(() => {
  const wheel = (version: string) =>
    makeWheel({ name: "apple", version, modules: { "apple.py": `version = "${version}"\n` } });
  server = startIndexServer({
    files: [
      wheel("1.0"),
      wheel("2.0"),
      makeWheel({ name: "pear", version: "1.0", modules: { "pear.py": "" } }),
    ],
  });
});
afterAll(async () => {
  await server.stop();
  me.end();
});

const QUESTIONS = [
  ["install"],
  ["run", "python", "-c", "import apple; print(apple.version)"],
  ["lock", "--check"],
  ["lock"],
] as const;

/** The questions that the root remembers answers to. */
function remembered(session = me): number {
  const [name] = readdirSync(`${session.home}/roots`).filter((name) => /^[0-9a-f]{32}$/.test(name));
  if (name === undefined) return 0;
  const root = JSON.parse(readFileSync(`${session.home}/roots/${name}`, "utf8")) as { standing?: unknown[] };
  return root.standing?.length ?? 0;
}

/** Each question asked and answered, so that it is answered at a glance from now on. */
async function ask(): Promise<void> {
  for (const question of QUESTIONS) await me.ok(...question);
}

beforeEach(async () => {
  me?.end();
  me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["apple==1.0"]));
  await me.ok("install");
  me.settle();
  await ask();
});

test("each question is remembered once, and answered as before", async () => {
  // `install` and `run` ask for the same.
  expect(remembered()).toBe(QUESTIONS.length - 1);
  await ask();
  expect(remembered()).toBe(QUESTIONS.length - 1);
  expect((await me.ok("install")).stderr).toMatch(/^Already installed: 1 package in /);
  expect((await me.ok("run", "python", "-c", "import apple; print(apple.version)")).stdout).toBe("1.0\n");
  expect((await me.ok("lock", "--check")).stderr).toMatch(/^The lock is up to date: 1 package in /);
  const json = JSON.parse((await me.ok("install", "--json")).stdout);
  const again = JSON.parse((await me.ok("install", "--json")).stdout);
  expect({ ...again, milliseconds: 0 }).toEqual({ ...json, milliseconds: 0 });
  expect((await me.ok("install", "-q")).stderr).toBe("");
  expect((await me.ok("install", "-q")).stderr).toBe("");
});

test("a project that is only locked is checked at a glance too, also with a Python by its path", async () => {
  const python = JSON.parse((await me.ok("python", "find", "--json")).stdout) as {
    executable?: string;
    path?: string;
  };
  const path = python.executable ?? python.path ?? "";
  expect(path).toStartWith("/");
  const other = me.project("other");
  other.write("pyproject.toml", pyproject(["pear"], "", "other"));
  await other.ok("lock");
  other.settle();
  for (let round = 0; round < 3; round += 1) {
    for (const words of [
      ["lock", "--check"],
      ["lock", "--check", "--python", path],
    ])
      expect((await other.ok(...words)).stderr).toMatch(/^The lock is up to date: 1 package in /);
  }
  expect(other.has(".venv")).toBe(false);
  await me.ok("cache", "size");
  await me.ok("cache", "prune");
  expect((await other.dx("env", "list")).stdout).not.toContain("1 ");
  other.write("pyproject.toml", pyproject(["pear", "apple"], "", "other"));
  for (const words of [
    ["lock", "--check"],
    ["lock", "--check", "--python", path],
  ])
    expect((await other.dx(...words)).code).toBe(1);
  await other.ok("install");
  await other.ok("run", "python", "-c", "import pear, apple");
});

test("files whose time is not past, or that bear times that tools set, are not relied on", async () => {
  for (const time of [Date.now() / 1000 + 60, 1_700_000_000]) {
    me.remove(me.home);
    utimesSync(`${me.dir}/pyproject.toml`, time, time);
    await me.ok("install");
    await ask();
    expect(remembered()).toBe(0);
  }
});

test("the link is made again where it is gone; where something else stands, it is looked at closer", async () => {
  const target = readlinkSync(`${me.dir}/.venv`);
  me.remove(".venv");
  expect((await me.ok("install")).stderr).toMatch(/^Installed 1 package in /);
  expect(readlinkSync(`${me.dir}/.venv`)).toBe(target);
  me.remove(".venv");
  expect((await me.ok(...QUESTIONS[1])).stdout).toBe("1.0\n");
  expect(readlinkSync(`${me.dir}/.venv`)).toBe(target);
  me.remove(".venv");
  me.sh("ln", "-s", "/nowhere", ".venv");
  await me.ok("install");
  expect(readlinkSync(`${me.dir}/.venv`)).toBe(target);
  me.remove(".venv");
  me.sh("python3", "-m", "venv", "--without-pip", ".venv");
  await me.ok("install");
  expect(readlinkSync(`${me.dir}/.venv`)).toBe(target);
  me.remove(".venv");
  me.write(".venv", "a file");
  expect((await me.dx("install")).code).toBe(1);
  expect(me.read(".venv")).toBe("a file");
});

describe("noticed at once", () => {
  const second = () => pyproject(["apple==2.0"]);

  test("other dependencies, of the same length and with a time of the past", async () => {
    writeFileSync(`${me.dir}/pyproject.toml`, second());
    utimesSync(`${me.dir}/pyproject.toml`, 1_700_000_001.5, 1_700_000_001.5);
    expect((await me.dx("lock", "--check")).code).toBe(1);
    expect((await me.ok(...QUESTIONS[1])).stdout).toBe("2.0\n");
  });

  test("a lock that was merged, one that is gone, and one that is damaged", async () => {
    const text = me.read("pylock.toml");
    me.write("pylock.toml", text.replace('marker = "', 'marker = " ').concat("# merged\n"));
    expect((await me.ok("install", "-v")).stderr).toMatch(/layout: hit/);
    me.settle();
    await ask();
    me.remove("dx-py.dpl");
    await me.ok("install");
    expect(me.has("dx-py.dpl")).toBe(true);
    me.settle();
    await ask();
    me.remove("pylock.toml");
    await me.ok("install");
    await me.ok("lock");
    expect(me.has("pylock.toml")).toBe(true);
  });

  test("settings: a file of the person's own, a variable, the version of Python that is asked for", async () => {
    me.write(`${me.env["HOME"]}/.config/dx-py/config.toml`, 'link-mode = "copy"\n');
    await me.ok("install");
    expect(statSync(`${me.dir}/.venv/pyvenv.cfg`).isFile()).toBe(true);
    expect(() => readlinkSync(`${me.dir}/.venv`)).toThrow();
    me.remove(`${me.env["HOME"]}/.config`);
    await me.ok("install");
    expect(readlinkSync(`${me.dir}/.venv`)).toStartWith(me.home);
    me.env["DX_PY_LINK_MODE"] = "copy";
    await me.ok("install");
    expect(() => readlinkSync(`${me.dir}/.venv`)).toThrow();
    delete me.env["DX_PY_LINK_MODE"];
    await me.ok("install");
    me.write(".python-version", "2.7\n");
    expect((await me.dx("install")).code).not.toBe(0);
  });

  test("a repository that begins above: version files beyond its top do not hold", async () => {
    me.write("../.python-version", "2.7\n");
    expect((await me.dx("install")).code).not.toBe(0);
    me.write(".git/HEAD", "");
    await me.ok("install");
  });

  test("a package of the system's store, a layout, and the whole home that went", async () => {
    const target = readlinkSync(`${me.dir}/.venv`);
    renameSync(target, `${target}.away`);
    await me.ok("install");
    expect((await me.ok(...QUESTIONS[1])).stdout).toBe("1.0\n");
    me.remove(me.home);
    expect((await me.ok(...QUESTIONS[1])).stdout).toBe("1.0\n");
  });

  test("an index of layouts that is damaged, or gone, is made again", async () => {
    const index = `${me.home}/layouts.dxc`;
    const size = statSync(index).size;
    for (const damage of [
      () => writeFileSync(index, new Uint8Array(size)),
      () => writeFileSync(index, ""),
      () =>
        writeFileSync(
          index,
          readFileSync(index).map((byte, i) => (i >= 64 ? byte ^ 255 : byte)),
        ),
      () => me.remove(index),
    ]) {
      damage();
      expect((await me.ok(...QUESTIONS[1])).stdout).toBe("1.0\n");
      await me.ok("layout", "verify", "--all");
      expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
      expect(statSync(index).size).toBeGreaterThan(64);
      await ask();
    }
  });

  test("a layout that was cleaned away is made again as its recipe says, or from its derivation", async () => {
    const target = readlinkSync(`${me.dir}/.venv`);
    const recipe = `${me.home}/index/recipes/${target.slice(target.lastIndexOf("/") + 1)}.json`;
    const whole = readFileSync(recipe, "utf8");
    const ways: [string, string | undefined][] = [
      ["recipe", whole],
      ["derivation", undefined],
      ["derivation", whole.replace('"linked":true', '"linked":false')],
      ["derivation", whole.slice(0, 500)],
    ];
    for (const [at, [way, text]] of ways.entries()) {
      await me.ok("cache", "clean", "--layouts");
      expect(existsSync(target)).toBe(false);
      if (text === undefined) me.remove(recipe);
      else me.write(recipe, text);
      if (at % 2 === 1) me.remove(".venv");
      const made = await me.ok("install", "-v");
      expect(made.stderr).toContain(`layout: miss (${way}) ${target}`);
      // It is there again for the next time.
      expect(readFileSync(recipe, "utf8")).toBe(whole);
      expect(readlinkSync(`${me.dir}/.venv`)).toBe(target);
      expect((await me.ok(...QUESTIONS[1])).stdout).toBe("1.0\n");
      await me.ok("layout", "verify");
      expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
    }
    await me.ok("cache", "clean", "--layouts");
    const json = await me.ok("install", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ layout: "miss", via: "recipe", changed: true });
    await me.ok("cache", "clean", "--layouts");
    expect((await me.ok(...QUESTIONS[1])).stdout).toBe("1.0\n");
  });

  test("and is fetched where its packages, or its derivation, were cleaned away too", async () => {
    await me.ok("cache", "clean", "--layouts", "--store");
    expect((await me.ok("install", "-v")).stderr).toMatch(/1 downloaded/);
    expect((await me.ok(...QUESTIONS[1])).stdout).toBe("1.0\n");
    me.settle();
    await ask();
    await me.ok("cache", "clean", "--layouts");
    for (const name of readdirSync(`${me.home}/store/drv`)) {
      me.remove(`${me.home}/store/drv/${name}`);
      me.write(`${me.home}/store/drv/${name}`, "{}");
    }
    expect((await me.ok(...QUESTIONS[1])).stdout).toBe("1.0\n");
  });

  test("another project in the folder above, and one in a folder below", async () => {
    me.write("inner/pyproject.toml", pyproject(["pear"], "", "inner"));
    const inner = me.project("project/inner");
    await inner.ok("install");
    expect(inner.has("dx-py.dpl")).toBe(true);
    expect((await me.ok(...QUESTIONS[1])).stdout).toBe("1.0\n");
  });
});

describe("a record that makes no sense", () => {
  const path = () => {
    const [name] = readdirSync(`${me.home}/roots`).filter((name) => /^[0-9a-f]{32}$/.test(name));
    return `${me.home}/roots/${name}`;
  };

  test("is no answer, and no harm", async () => {
    const text = readFileSync(path(), "utf8");
    const root = JSON.parse(text) as { standing: Record<string, unknown>[] };
    const nonsense: unknown[] = [
      null,
      7,
      {},
      [],
      [null],
      [7],
      root.standing.map((one) => ({ ...one, seen: 7 })),
    ];
    for (const seen of [[7], [[7]], [["/", "x"]], [["/no\0where", 0, 0]]])
      nonsense.push(root.standing.map((one) => ({ ...one, seen })));
    for (const environment of [7, {}, { layoutPath: 7 }])
      nonsense.push(root.standing.map((one) => ({ ...one, environment })));
    for (const standing of nonsense) {
      writeFileSync(path(), JSON.stringify({ ...root, standing }));
      for (const question of QUESTIONS) expect((await me.dx(...question)).code).toBe(0);
    }
    for (const other of ["", "{", "null", "[]", text.slice(0, -20), `${text}x`]) {
      writeFileSync(path(), other);
      for (const question of QUESTIONS) expect((await me.dx(...question)).code).toBe(0);
    }
  });

  test("of another link is not this one's", async () => {
    const other = me.project("other");
    other.write("pyproject.toml", pyproject(["apple==2.0"], "", "other"));
    await other.ok("install");
    other.settle();
    await other.ok(...QUESTIONS[1]);
    const names = readdirSync(`${me.home}/roots`).filter((name) => /^[0-9a-f]{32}$/.test(name));
    const [a = "", b = ""] = names.map((name) => `${me.home}/roots/${name}`);
    const [textA, textB] = [readFileSync(a), readFileSync(b)];
    writeFileSync(a, textB);
    writeFileSync(b, textA);
    expect((await me.ok(...QUESTIONS[1])).stdout).toBe("1.0\n");
    expect((await other.ok(...QUESTIONS[1])).stdout).toBe("2.0\n");
  });
});

test("what reads no further gets no complaint, and a closed stream takes nothing", () => {
  const run = (line: string) =>
    me.sh(
      "bash",
      "-c",
      line.replaceAll("DX", process.env["DX_PY_TEST_EXECUTABLE"] ?? `${import.meta.dir}/../dist/dx-py`),
    );
  expect(run("DX install 2>&-")).toMatchObject({ code: 0, stdout: "" });
  expect(run("DX install --json >&-").code).toBe(0);
  expect(run("DX run -- yes | head -1")).toMatchObject({ code: 0, stdout: "y\n", stderr: "" });
});
