import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

let server: IndexServer;
let me: Session;
beforeEach(() => {
  server = startIndexServer({
    files: [
      makeWheel({ name: "apple", version: "1.0", requires: ["core<2"] }),
      makeWheel({ name: "berry", version: "1.0", requires: ["core>=2"] }),
      makeWheel({ name: "core", version: "1.0" }),
      makeWheel({ name: "core", version: "2.0" }),
    ],
  });
  me = startSession({ index: server.url });
});
afterEach(async () => {
  me.end();
  await server.stop();
});

/** Nothing half made: no lock, no environment, no object in the store, no folder left in staging. */
function expectNothingMade(): void {
  for (const name of ["pylock.toml", "dx-py.dpl", ".venv"]) expect(me.has(name)).toBe(false);
  expect(objects()).toEqual([]);
  expect(existsSync(`${me.home}/layouts`) ? readdirSync(`${me.home}/layouts`) : []).toEqual([]);
  expect(existsSync(`${me.home}/tmp`) ? readdirSync(`${me.home}/tmp`) : []).toEqual([]);
}

function objects(): string[] {
  const store = `${me.home}/store`;
  return existsSync(store)
    ? readdirSync(store, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith(".dxpkg"))
    : [];
}

async function failure(code: number, ...args: string[]): Promise<string> {
  const answer = await me.dx(...args);
  expect(answer.stderr).not.toContain("defect");
  expect(answer.stderr).not.toMatch(/^\s+at /m);
  expect(answer.code).toBe(code);
  return answer.stderr;
}

describe("errors say what happened, in the person's own terms, and leave nothing half made", () => {
  test("an unsatisfiable project", async () => {
    me.write("pyproject.toml", pyproject(["apple", "berry"]));
    const said = await failure(1, "install");
    for (const word of ["apple", "berry", "core<2", "core>=2"])
      expect(said.replaceAll(" ", "")).toContain(word);
    expectNothingMade();
  });

  test("a package that does not exist", async () => {
    me.write("pyproject.toml", pyproject(["aple"]));
    const said = await failure(1, "install");
    expect(said).toContain("aple");
    expectNothingMade();
  });

  test("a bad specifier, with its place in the file", async () => {
    me.write(
      "pyproject.toml",
      '[project]\nname = "x"\nversion = "1"\ndependencies = [\n  "apple",\n  "berry=>1",\n]\n',
    );
    const said = await failure(2, "install");
    expect(said).toContain("pyproject.toml:6:3");
    expect(said).toContain("berry=>1");
    expect(said).toContain("^");
    expectNothingMade();
  });

  test("a file that is not TOML, with line and column", async () => {
    me.write("pyproject.toml", '[project]\nname = "x"\ndependencies = = 3\n');
    expect(await failure(2, "install")).toContain("pyproject.toml:3:16");
    expectNothingMade();
  });

  test("a setting that does not exist, with a suggestion", async () => {
    me.write("pyproject.toml", pyproject([], '[tool.dx-py]\nprerelase = "allow"\n'));
    const said = await failure(2, "lock");
    expect(said).toContain("tool.dx-py.prerelase");
    expect(said).toContain("Did you mean `prerelease`?");
  });

  test("an index that cannot be reached", async () => {
    await server.stop();
    me.write("pyproject.toml", pyproject(["apple"]));
    const said = await failure(1, "install");
    expect(said).toContain("127.0.0.1");
    expectNothingMade();
    server = startIndexServer();
  });

  test("an index that answers 500", async () => {
    server.fault({ path: /simple/, status: 500 });
    me.write("pyproject.toml", pyproject(["apple"]));
    expect(await failure(1, "install")).toContain("500");
    expectNothingMade();
  }, 60_000);

  test("a wheel whose hash is not the one that was locked", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    await me.ok("lock");
    server.fault({ path: /files\/apple.*whl$/, corrupt: true });
    const lock = me.read("pylock.toml");
    const said = await failure(1, "install");
    expect(said).toContain("apple-1.0-py3-none-any.whl");
    expect(said.toLowerCase()).toContain("sha256".slice(0, 3));
    expect(me.has(".venv")).toBe(false);
    expect(me.read("pylock.toml")).toBe(lock);
    expect(objects().length).toBeLessThanOrEqual(1);
  });

  test("a wheel that is no zip, although its hash is right", async () => {
    const broken = { ...makeWheel({ name: "apple", version: "1.1" }) };
    broken.bytes = broken.bytes.slice(0, broken.bytes.length - 30);
    server.add(broken);
    me.write("pyproject.toml", pyproject(["apple==1.1"]));
    await me.ok("lock");
    expect(await failure(1, "install")).toContain("apple-1.1-py3-none-any.whl");
    expect(me.has(".venv")).toBe(false);
    expect(objects()).toEqual([]);
  });

  test("no project at all", async () => {
    expect(await failure(2, "install")).toContain("dx-py init");
  });

  test("offline, what is missing is named", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    expect(await failure(1, "lock", "--offline")).toContain("apple");
    expect(server.requests).toEqual([]);
  });

  test("an interpreter that does not exist", async () => {
    me.write("pyproject.toml", pyproject([]));
    expect(await failure(1, "install", "--python", "3.99")).toContain("3.99");
  });

  test("a lock that is out of date, where it must not be changed", async () => {
    me.write("pyproject.toml", pyproject(["core"]));
    expect(await failure(1, "lock", "--check")).toContain("dx-py lock");
    await me.ok("lock");
    await me.ok("lock", "--check");
    me.write("pyproject.toml", pyproject(["core<2"]));
    expect(await failure(1, "lock", "--check")).toContain("core 2.0 -> 1.0");
    expect(await failure(1, "install", "--locked")).toContain("not up to date");
    expect(me.read("pylock.toml")).toContain('version = "2.0"');
  });

  test("a corrupted binary lock is made again from the text, and said to be", async () => {
    me.write("pyproject.toml", pyproject(["core"]));
    await me.ok("install");
    me.write("dx-py.dpl", "DXPLgarbage");
    const { stderr } = await me.ok("install");
    expect(stderr).toContain("dx-py.dpl");
    await me.ok("install", "--frozen");
  });

  test("the same failure as JSON", async () => {
    me.write("pyproject.toml", pyproject(["aple"]));
    const answer = await me.dx("install", "--json");
    expect(answer.code).toBe(1);
    const { error } = JSON.parse(answer.stdout) as { error: { code: string; message: string } };
    expect(error.code).toStartWith("DXPY_");
    expect(error.message).toContain("aple");
    expect(answer.stderr).toBe("");
  });
});

describe("a failure or an interruption midway leaves what was there", () => {
  beforeEach(async () => {
    me.write("pyproject.toml", `# mine\n${pyproject(["core"])}`);
    await me.ok("install");
  });

  const files = () => ["pyproject.toml", "pylock.toml", "dx-py.dpl"].map((name) => me.read(name));

  test("add of what cannot be resolved", async () => {
    const before = files();
    await failure(1, "add", "nothing-like-this");
    expect(files()).toEqual(before);
  });

  test("add of what cannot be installed", async () => {
    server.fault({ path: /files\/apple.*whl$/, corrupt: true });
    const before = files();
    await failure(1, "add", "apple");
    expect(files()).toEqual(before);
    expect(me.sh(".venv/bin/python", "-c", "import core").code).toBe(0);
  });

  test("Ctrl-C while an add downloads", async () => {
    server.fault({ path: /files\/apple.*whl$/, delay: 20_000 });
    const before = files();
    const child = me.start("add", "apple");
    while (server.count(/files\/apple.*whl$/) === 0) await Bun.sleep(10);
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    expect(files()).toEqual(before);
    expect(me.sh(".venv/bin/python", "-c", "import core").code).toBe(0);
    expect((await me.ok("install")).stderr).toContain("Already installed");
  });

  test("killed while it installs: the next command goes on as if nothing had been", async () => {
    me.write("pyproject.toml", pyproject(["core", "apple"]));
    server.fault({ path: /files\/apple.*whl$/, delay: 20_000, times: 1 });
    const child = me.start("install");
    while (server.count(/files\/apple.*whl$/) === 0) await Bun.sleep(10);
    child.kill("SIGKILL");
    await child.exited;
    expect(me.sh(".venv/bin/python", "-c", "import core").code).toBe(0);
    await me.ok("install");
    expect(me.sh(".venv/bin/python", "-c", "import core, apple").code).toBe(0);
  });
});
