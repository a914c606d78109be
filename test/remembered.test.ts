import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";
import { commitAll, put, writeSource } from "./source-tree.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

let server: IndexServer;
let me: Session;

const uploadTime = "2020-01-01T00:00:00Z";
const files = () =>
  [
    makeWheel({ name: "apple", version: "1.0", requires: ["core"] }),
    makeWheel({ name: "apple", version: "2.0", requires: ["core>=1", "win; sys_platform == 'win32'"] }),
    makeWheel({ name: "core", version: "1.0" }),
    makeWheel({ name: "core", version: "1.5" }),
    makeWheel({ name: "win" }),
    makeWheel({ name: "pear", requires: ["core<1.5", "stem"] }),
    makeWheel({ name: "stem" }),
    // Says nothing without being built.
    makeSdist({ name: "sourced", version: "1.0", requires: ["core"], pkgInfo: false }),
  ].map((file) => ({ ...file, uploadTime }));

beforeAll(() => {
  server = startIndexServer({ files: files() });
});
afterAll(async () => {
  await server.stop();
});
beforeEach(() => {
  me?.end();
  me = startSession({ index: server.url });
});
afterAll(() => me.end());

const both = (session = me) => [session.read("pylock.toml"), session.read("dx-py.dpl")];
const forgetLock = () => {
  me.remove("pylock.toml");
  me.remove("dx-py.dpl");
};
const folder = () => `${me.home}/index/resolutions`;

/** Locks; whether the resolution was remembered. */
async function lock(...args: string[]): Promise<boolean> {
  return (await me.ok("lock", "-v", ...args)).stderr.includes("resolution: remembered");
}

/** The files of a lock that is resolved with nothing remembered. */
async function fresh(...args: string[]): Promise<string[]> {
  const kept = both();
  forgetLock();
  me.remove("../dx-py-home/index/resolutions");
  expect(await lock(...args)).toBe(false);
  const made = both();
  me.write("pylock.toml", kept[0] as string);
  return made;
}

describe("a lock that was resolved before", () => {
  test("the same question gives the same bytes without resolving, offline too, and says so", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    expect(await lock()).toBe(false);
    const first = both();
    for (const args of [[], ["--offline"], ["--upgrade"]]) {
      forgetLock();
      expect(await lock(...args)).toBe(true);
      expect(both()).toEqual(first);
    }
    forgetLock();
    const said = JSON.parse((await me.ok("lock", "--json")).stdout);
    expect(said).toMatchObject({ status: "created", remembered: { pages: 3 } });
    expect(said.changes.added).toHaveLength(3);
    expect(await fresh()).toEqual(first);
    await me.ok("install", "--locked");
  });

  test("spelling and comments do not matter; requirements and settings do", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    await lock();
    forgetLock();
    me.write("pyproject.toml", `# a comment\n${pyproject(["Apple"])}`);
    expect(await lock()).toBe(true);
    expect((await me.ok("lock", "--check")).stderr).toContain("up to date");
    for (const changed of [
      pyproject(["apple<2"]),
      pyproject(["apple"], '[tool.dx-py]\nprerelease = "allow"\n'),
      pyproject(["apple"], '[tool.dx-py]\nconstraint-dependencies = ["core<1.5"]\n'),
      pyproject(["apple"], '[tool.dx-py]\nexclude-newer = "2026-01-01"\n'),
    ]) {
      forgetLock();
      me.write("pyproject.toml", changed);
      expect(await lock()).toBe(false);
    }
    forgetLock();
    me.write("pyproject.toml", pyproject(["apple"]));
    expect(await lock("--resolution", "lowest")).toBe(false);
    forgetLock();
    expect(await lock("--find-links", me.dir)).toBe(false);
  });

  test("a requirement that is added and removed again leaves the lock as it was", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    await lock();
    const before = both();
    // Brings an older core, so that more moves than what is new.
    await me.ok("add", "pear");
    expect(me.read("pylock.toml")).toContain('version = "1.0"');
    await me.ok("remove", "pear");
    // The older core is preferred now: what was remembered has another, and moves it.
    expect(both()).not.toEqual(before);
    expect(me.read("pylock.toml")).not.toContain("pear");
    await me.ok("lock", "--upgrade");
    expect(both()).toEqual(before);
    await me.ok("add", "stem");
    const removed = await me.ok("remove", "stem", "-v");
    expect(removed.stderr).toContain("resolution: remembered");
    expect(both()).toEqual(before);
  });

  test("a page that changed is noticed when it may be asked for, and no sooner", async () => {
    const other = startIndexServer({ files: files(), cacheControl: "max-age=0" });
    try {
      me.env["DX_PY_DEFAULT_INDEX"] = other.url;
      me.write("pyproject.toml", pyproject(["apple"]));
      await lock();
      forgetLock();
      // Stale pages are asked for again, all of them, and are the same.
      const asked = other.requests.length;
      expect(await lock()).toBe(true);
      expect(other.requests.slice(asked).map(({ status }) => status)).toEqual([304, 304, 304]);
      other.add(makeWheel({ name: "core", version: "1.6" }));
      forgetLock();
      expect(await lock("--offline")).toBe(true);
      forgetLock();
      expect(await lock()).toBe(false);
      expect(me.read("pylock.toml")).toContain("core-1.6");
      other.remove("core-1.6-py3-none-any.whl");
      forgetLock();
      // What was asked of the older page was replaced by what was asked of the newer one.
      expect(await lock()).toBe(false);
      expect(me.read("pylock.toml")).not.toContain("core-1.6");
    } finally {
      await other.stop();
    }
  });

  test("who asks for fresh answers gets them", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    await lock();
    forgetLock();
    expect(await lock("--refresh")).toBe(false);
    forgetLock();
    expect(await lock("--refresh-package", "core")).toBe(false);
  });

  test("a span of time moves on, a moment does not", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    for (const [newer, remembered] of [
      ["2 days", false],
      ["2026-01-01T00:00:00Z", true],
    ] as const) {
      for (const expected of [false, remembered]) {
        expect(await lock("--exclude-newer", newer)).toBe(expected);
        forgetLock();
      }
    }
  });

  test("members, folders and repositories are asked again", async () => {
    const repository = `${me.dir}/../repository`;
    writeSource(repository, { name: "thing", requires: ["stem"] });
    commitAll(repository);
    const project = (member: string) => {
      me.write(
        "pyproject.toml",
        pyproject(
          ["thing", "part"],
          `[tool.uv.workspace]\nmembers = ["part"]\n[tool.uv.sources]\npart = { workspace = true }\nthing = { git = "file://${repository}", branch = "main" }\n`,
        ),
      );
      me.write("part/pyproject.toml", pyproject([member], "", "part"));
    };
    project("core");
    await lock();
    const first = both();
    forgetLock();
    expect(await lock()).toBe(true);
    expect(both()).toEqual(first);
    forgetLock();
    project("stem");
    expect(await lock()).toBe(false);
    forgetLock();
    project("core");
    expect(await lock()).toBe(true);
    forgetLock();
    put(repository, "changed", "1");
    const commit = commitAll(repository);
    expect(await lock()).toBe(false);
    expect(me.read("pylock.toml")).toContain(commit);
  });

  test("what a build answered is asked of it again", async () => {
    me.write("pyproject.toml", pyproject(["sourced"]));
    await lock();
    const first = both();
    forgetLock();
    expect(await lock()).toBe(true);
    expect(both()).toEqual(first);
  });

  test("a second checkout finds it", async () => {
    const second = me.project("second");
    for (const one of [me, second]) {
      one.write(
        "pyproject.toml",
        pyproject(["apple", "part"], '[tool.uv.sources]\npart = { path = "part" }'),
      );
      one.write("part/pyproject.toml", pyproject(["stem"], "", "part"));
    }
    await lock();
    expect((await second.ok("lock", "-v")).stderr).toContain("resolution: remembered");
    expect(both(second)).toEqual(both());
  });

  test("what is damaged, foreign or not readable is resolved again, and mended", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    await lock();
    const first = both();
    const [name] = readdirSync(folder()) as [string];
    const path = `${folder()}/${name}`;
    const whole = readFileSync(path);
    const flipped = (at: number) => {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ 1;
      return bytes;
    };
    const damaged = [
      Buffer.alloc(0),
      whole.subarray(0, whole.length - 1),
      Buffer.from("not a memo at all"),
      ...[0, 4, 12, 200, whole.length - 20].map(flipped),
    ];
    for (const bytes of damaged) {
      forgetLock();
      writeFileSync(path, bytes);
      const said = await me.ok("lock", "-v");
      expect(said.stderr).not.toContain("remembered");
      expect(said.stderr).not.toContain("warning");
      expect(both()).toEqual(first);
      expect(readFileSync(path).equals(whole)).toBe(true);
    }
    await me.ok("cache", "clean", "--index");
    expect(me.has(folder())).toBe(false);
    forgetLock();
    expect(await lock()).toBe(false);
  });
});
