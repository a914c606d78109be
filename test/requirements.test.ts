import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readlinkSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

let server: IndexServer;
let me: Session;

beforeAll(() => {
  server = startIndexServer({
    files: [
      makeWheel({ name: "apple", version: "1.0", requires: ["core"] }),
      makeWheel({ name: "core", version: "1.0" }),
      makeWheel({ name: "extra-one", version: "1.0" }),
    ],
  });
});
afterAll(() => server.stop());

beforeEach(async () => {
  me?.end();
  me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["apple"]));
});
afterAll(() => me.end());

const layouts = () => (existsSync(`${me.home}/layouts`) ? readdirSync(`${me.home}/layouts`) : []);

test("C1 install uses the layout cache: a second project of the same packages gets the same layout", async () => {
  await me.ok("install");
  const other = me.project("other");
  other.write("pyproject.toml", pyproject(["apple"], "", "other"));
  await other.ok("install");
  expect(readlinkSync(`${other.dir}/.venv`)).toBe(readlinkSync(`${me.dir}/.venv`));
  expect(layouts()).toHaveLength(1);
});

test("C1 install after `rm .venv` is a hit, and asks no index", async () => {
  await me.ok("install");
  const before = readlinkSync(`${me.dir}/.venv`);
  me.remove(".venv");
  server.requests.length = 0;
  const { stderr } = await me.ok("install", "-v");
  expect(stderr).toContain("layout: hit");
  expect(readlinkSync(`${me.dir}/.venv`)).toBe(before);
  expect(server.requests).toEqual([]);
});

test("C2 lock writes the DPL beside pylock.toml, and the same bytes again", async () => {
  await me.ok("lock");
  expect(me.read("dx-py.dpl").slice(0, 4)).toBe("DXPL");
  const [text, dpl] = [me.read("pylock.toml"), me.read("dx-py.dpl")];
  me.remove("pylock.toml");
  me.remove("dx-py.dpl");
  await me.ok("lock", "--refresh");
  expect([me.read("pylock.toml"), me.read("dx-py.dpl")]).toEqual([text, dpl]);
});

test("C3 install reads the DPL: it is enough by itself", async () => {
  await me.ok("lock");
  me.remove("pylock.toml");
  me.remove("pyproject.toml");
  await me.ok("install", "--frozen");
  expect(me.sh(".venv/bin/python", "-c", "import apple, core").code).toBe(0);
});

test("C3 pylock.toml is enough by itself too", async () => {
  await me.ok("lock");
  me.remove("dx-py.dpl");
  await me.ok("install", "--frozen");
  expect(me.sh(".venv/bin/python", "-c", "import apple, core").code).toBe(0);
});

test("C3 a comment in pyproject.toml resolves nothing anew", async () => {
  await me.ok("install");
  const before = me.read("pylock.toml");
  me.write("pyproject.toml", `# a comment\n${me.read("pyproject.toml")}`);
  server.requests.length = 0;
  expect((await me.ok("lock")).stderr).toContain("up to date");
  expect((await me.ok("lock", "--check")).stderr).toContain("up to date");
  expect(server.requests).toEqual([]);
  expect(me.read("pylock.toml")).toBe(before);
});

test.skipIf(process.getuid?.() === 0)(
  "C4 a home that cannot be written to gives an ordinary environment, and says why",
  async () => {
    await me.ok("lock");
    chmodSync(me.home, 0o555);
    try {
      const { stderr } = await me.ok("install");
      expect(stderr).toContain("ordinary environment");
      expect(me.sh(".venv/bin/python", "-c", "import apple, core").code).toBe(0);
    } finally {
      chmodSync(me.home, 0o755);
    }
  },
);

test("C4 a home where a file stands in place of the layouts gives an ordinary environment, and says why", async () => {
  await me.ok("lock");
  me.write(`${me.home}/layouts`, "in the way");
  const { stderr } = await me.ok("install");
  expect(stderr).toContain("ordinary environment");
  expect(me.sh(".venv/bin/python", "-c", "import apple, core").code).toBe(0);
});

test("C5 cache clean --layouts keeps the store: the next install links and downloads nothing", async () => {
  await me.ok("install");
  await me.ok("cache", "clean", "--layouts");
  expect(layouts()).toEqual([]);
  server.requests.length = 0;
  const { stderr } = await me.ok("install", "-v");
  expect(stderr).toContain("layout: miss");
  expect(stderr).toContain("0 downloaded");
  expect(server.requests).toEqual([]);
});

test("C5 cache clean --store takes the layouts with it, which would be broken", async () => {
  await me.ok("install");
  await me.ok("cache", "clean", "--store");
  expect(readdirSync(`${me.home}/store`)).toEqual(["lock"]);
  expect((await me.ok("install", "-v")).stderr).toContain("2 downloaded");
  expect(me.sh(".venv/bin/python", "-c", "import apple, core").code).toBe(0);
});

test("C5 cache clean takes everything; cache dir and size say where and how much", async () => {
  await me.ok("install");
  expect((await me.ok("cache", "dir")).stdout).toBe(`${me.home}\n`);
  const size = JSON.parse((await me.ok("cache", "size", "--json")).stdout) as {
    store: number;
    total: number;
  };
  expect(size.store).toBeGreaterThan(0);
  expect(size.total).toBeGreaterThanOrEqual(size.store);
  await me.ok("cache", "clean");
  const left = readdirSync(me.home);
  for (const name of ["layouts", "layouts.dxc", "index"]) expect(left).not.toContain(name);
  // What keeps processes apart stays.
  expect(readdirSync(`${me.home}/store`)).toEqual(["lock"]);
});

test("C6 -v says miss, hit and healed, and where packages came from", async () => {
  const first = await me.ok("install", "-v");
  expect(first.stderr).toContain("layout: miss");
  expect(first.stderr).toContain("2 downloaded");
  expect(first.stderr).toMatch(/time: realise .*, layout .*, attach /);
  expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
  const layout = readlinkSync(`${me.dir}/.venv`);
  me.sh("chmod", "-R", "u+w", layout);
  me.sh("sh", "-c", `rm -r ${layout}/lib/python3*/site-packages/core`);
  expect((await me.ok("install", "-v")).stderr).toContain("layout: healed");
  expect(me.sh(".venv/bin/python", "-c", "import core").code).toBe(0);
});

test("C7 a warm install is one process that asks no interpreter, no index, and writes one link", async () => {
  await me.ok("install");
  me.remove(".venv");
  // What the warm path may not need is taken away: it must not be missed.
  me.remove(`${me.home}/interpreters`);
  me.remove(`${me.home}/index`);
  const { stderr } = await me.ok("install", "--offline");
  expect(stderr).toContain("Installed 2 packages");
  expect(existsSync(`${me.home}/interpreters`)).toBe(false);
});
