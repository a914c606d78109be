import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

/** What dx-py writes can be read by people: the lock, the store, the layouts; and what is damaged is named and mended. */

let server: IndexServer;
let me: Session;

const APPLE = makeWheel({
  name: "apple",
  version: "1.0",
  requires: ["core>=1", 'extra-one ; sys_platform == "win32"'],
  modules: { "apple/__init__.py": "value = 'apple'\n", "apple/data.bin": new Uint8Array([0, 255, 10, 13]) },
  entryPoints: { apple: "apple:main" },
});

beforeAll(async () => {
  server = startIndexServer({
    files: [
      APPLE,
      makeWheel({ name: "core", version: "1.0" }),
      makeWheel({ name: "core", version: "2.0" }),
      makeWheel({ name: "extra-one", version: "1.0" }),
      makeSdist({ name: "made-here", version: "1.0" }),
    ],
  });
  me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["apple", "core<2", "made-here"]));
  await me.ok("install");
});
afterAll(async () => {
  await server.stop();
  me.end();
});

/** Root may write anywhere, but a file's mode is checked as well: it is given back. */
function damage(path: string, act: () => void): void {
  const folder = path.slice(0, path.lastIndexOf("/"));
  chmodSync(folder, 0o755);
  act();
}

describe("dx-py lock show", () => {
  test("lists the packages, and one with everything that is known of it", async () => {
    const all = (await me.ok("lock", "show")).stdout;
    expect(all).toContain("packages: 4");
    expect(all).toMatch(/^apple +1\.0 +1$/m);
    expect(all).toMatch(/^extra-one +1\.0 +1 +sys_platform == /m);
    const one = (await me.ok("lock", "show", "Apple")).stdout;
    expect(one).toStartWith("apple 1.0\n");
    expect(one).toContain("  needs: core");
    expect(one).toMatch(/ {2}wheel: apple-1\.0-py3-none-any\.whl .*sha256 [0-9a-f]{64}/);
    const none = await me.dx("lock", "show", "nothing");
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("The lock has no package nothing");
  });

  test("as JSON", async () => {
    const { packages, header } = JSON.parse((await me.ok("lock", "show", "--json")).stdout);
    expect(header.packages).toBe(4);
    expect(packages.map((each: { name: string }) => each.name)).toEqual([
      "apple",
      "core",
      "extra-one",
      "made-here",
    ]);
    expect(packages[0].wheels[0].buildHash).toMatch(/^[0-9a-f]{64}$/);
  });

  test("makes a binary lock readable for git diff", async () => {
    const other = me.project("versioned");
    other.write("pyproject.toml", pyproject(["core<2"], "", "versioned"));
    await other.ok("lock");
    const git = (...args: string[]) =>
      other.sh("git", "-c", "user.name=t", "-c", "user.email=t@example.org", ...args);
    expect(git("init", "-q").code).toBe(0);
    const tool = JSON.stringify(process.env["DX_PY_TEST_EXECUTABLE"] ?? `${import.meta.dir}/../dist/dx-py`);
    git("config", "diff.dpl.textconv", `${tool} lock show --file`);
    other.write(".gitattributes", "*.dpl diff=dpl\n");
    git("add", ".");
    git("commit", "-qm", "first");
    other.write("pyproject.toml", pyproject(["core"], "", "versioned"));
    await other.ok("lock", "--upgrade");
    const { stdout } = git("diff", "dx-py.dpl");
    expect(stdout).toContain("-core 1.0");
    expect(stdout).toContain("+core 2.0");
    expect(stdout).not.toContain("Binary files");
  });

  test("a lock that is damaged or missing is an error that says so", async () => {
    me.write("bad.dpl", "DXPL and then nothing");
    const bad = await me.dx("lock", "show", "--file", "bad.dpl");
    expect([bad.code, bad.stdout]).toEqual([2, ""]);
    expect(bad.stderr).toContain("bad.dpl");
    expect((await me.dx("lock", "show", "--file", "none.dpl")).stderr).toContain("There is no file none.dpl");
  });
});

describe("dx-py store", () => {
  test("ls, show and cat", async () => {
    const listed = (await me.ok("store", "ls")).stdout;
    expect(listed).toMatch(/^apple +1\.0 +[0-9a-f]{12} +6 /m);
    expect(listed.split("\n").length).toBe(5);
    const [core] = JSON.parse((await me.ok("store", "ls", "core", "--json")).stdout);
    expect(core).toMatchObject({ name: "core", version: "1.0" });
    const shown = (await me.ok("store", "show", core.outputHash.slice(0, 8))).stdout;
    expect(shown).toContain(`output hash: ${core.outputHash}`);
    expect(shown).toContain("lib/core/__init__.py");
    expect(shown).toContain(me.dir);
    const child = me.start("store", "cat", "apple", "lib/apple/data.bin");
    expect(new Uint8Array(await new Response(child.stdout as ReadableStream).arrayBuffer())).toEqual(
      new Uint8Array([0, 255, 10, 13]),
    );
    expect((await me.dx("store", "cat", "apple", "lib/none")).stderr).toContain("has no file lib/none");
    expect((await me.dx("store", "show", "nothing")).stderr).toContain("The store has no package");
  });

  test("verify names what is damaged, and --repair fetches it again; every layout that uses it is whole", async () => {
    expect((await me.ok("store", "verify")).stderr).toContain("3 packages verified, 0 damaged");
    const site = readdirSync(`${me.dir}/.venv/lib`)[0];
    const module = realpathSync(`${me.dir}/.venv/lib/${site}/site-packages/apple/__init__.py`);
    damage(module, () => {
      unlinkSync(module);
      writeFileSync(module, "value = 'evil'\n", { mode: 0o444 });
    });
    const verified = await me.dx("store", "verify");
    expect(verified.code).toBe(1);
    expect(verified.stdout).toContain("damaged apple 1.0");
    expect(verified.stdout).toContain("lib/apple/__init__.py is not what it was");
    const inLayout = await me.dx("layout", "verify");
    expect(inLayout.code).toBe(1);
    expect(inLayout.stdout).toContain("apple 1.0 is damaged in the store: lib/apple/__init__.py");
    server.requests.length = 0;
    const repaired = await me.ok("store", "verify", "--repair");
    expect(repaired.stderr).toContain("repaired apple 1.0");
    expect(server.count(/apple-1\.0-py3-none-any\.whl/)).toBeGreaterThan(0);
    await me.ok("store", "verify");
    await me.ok("layout", "verify");
    const says = me.sh(".venv/bin/python", "-c", "import apple; print(apple.value)");
    expect(says.stdout).toBe("apple\n");
  });

  test("what cannot be fetched stays as it was, and the exit code says so", async () => {
    const module = lib("core/__init__.py");
    const before = readFileSync(module);
    damage(module, () => {
      chmodSync(module, 0o644);
      appendFileSync(module, "# more\n");
      chmodSync(module, 0o444);
    });
    const failed = await me.dx("store", "verify", "--repair", "--offline");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("core 1.0");
    expect(me.sh(".venv/bin/python", "-c", "import core").code).toBe(0);
    await me.ok("store", "verify", "core", "--repair");
    expect(readFileSync(module)).toEqual(before);
  });

  test("what layouts share of a package is verified with it, and made again from its files", async () => {
    const tree = lib("core/__init__.py").replace(/\/lib\/core\/.*$/, "");
    const shared = `${tree}/dist-info`;
    damage(`${shared}/INSTALLER`, () => {
      unlinkSync(`${shared}/INSTALLER`);
      writeFileSync(`${shared}/INSTALLER`, "pip\n");
    });
    const verified = await me.dx("store", "verify");
    expect(verified.code).toBe(1);
    expect(verified.stdout).toContain("INSTALLER of the layouts is changed");
    server.requests.length = 0;
    await me.ok("store", "verify", "--repair");
    expect(server.requests).toEqual([]);
    expect(readFileSync(`${shared}/INSTALLER`, "utf8")).toBe("dx-py\n");
    await me.ok("layout", "verify");
  });

  test("what was built here is removed, and built by the next install", async () => {
    const module = lib("made_here/__init__.py");
    damage(module, () => unlinkSync(module));
    const repaired = await me.ok("store", "verify", "--repair");
    expect(repaired.stderr).toContain("made-here 1.0");
    expect(repaired.stderr).toContain(me.dir);
    await me.ok("install");
    expect(me.sh(".venv/bin/python", "-c", "import made_here, apple").code).toBe(0);
    await me.ok("store", "verify");
  });

  function lib(path: string): string {
    const site = readdirSync(`${me.dir}/.venv/lib`)[0];
    return realpathSync(`${me.dir}/.venv/lib/${site}/site-packages/${path}`);
  }
});

describe("dx-py layout", () => {
  test("ls and show", async () => {
    const hash = readlinkSync(`${me.dir}/.venv`).split("/").at(-1) as string;
    expect((await me.ok("layout", "ls")).stdout).toContain(`${me.dir}/.venv`);
    for (const args of [[], [hash.slice(0, 10)]]) {
      const shown = (await me.ok("layout", "show", ...args)).stdout;
      expect(shown).toContain(`layout ${hash}`);
      expect(shown).toMatch(/^core +1\.0 +[0-9a-f]{12}$/m);
    }
    const shown = JSON.parse((await me.ok("layout", "show", "--json")).stdout);
    expect(shown.packages.length).toBe(3);
    expect((await me.dx("layout", "show", "abcdef")).stderr).toContain("There is no layout");
  });

  test("verify names what is missing, changed and extra, and --repair makes it right", async () => {
    await me.ok("layout", "verify", "--all");
    const layout = readlinkSync(`${me.dir}/.venv`);
    const site = `${layout}/lib/${readdirSync(`${layout}/lib`)[0]}/site-packages`;
    damage(`${site}/core`, () => unlinkSync(`${site}/core`));
    writeFileSync(`${site}/stray.py`, "");
    damage(`${site}/apple-1.0.dist-info/METADATA`, () => unlinkSync(`${site}/apple-1.0.dist-info/METADATA`));
    const verified = await me.dx("layout", "verify");
    expect(verified.code).toBe(1);
    expect(verified.stdout).toContain("site-packages/core is missing");
    expect(verified.stdout).toContain("site-packages/stray.py is extra");
    expect(verified.stdout).toContain("METADATA is missing");
    const { stdout } = await me.dx("layout", "verify", "--json");
    expect(JSON.parse(stdout)[0].faults.length).toBe(3);
    await me.ok("layout", "verify", "--repair");
    await me.ok("layout", "verify");
    expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
  });

  test("a layout that does not say what it is, is damaged", async () => {
    const layout = readlinkSync(`${me.dir}/.venv`);
    damage(`${layout}/dx-py-layout.json`, () => {
      unlinkSync(`${layout}/dx-py-layout.json`);
      writeFileSync(`${layout}/dx-py-layout.json`, "{}");
    });
    const verified = await me.dx("layout", "verify", "--all");
    expect(verified.code).toBe(1);
    expect(verified.stdout).toContain("does not say any more what it is");
  });
});
