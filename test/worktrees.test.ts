/** Ten checkouts of one packaged project: each runs its own code, and what they have in common is there once. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { realBackends } from "../src/realise/testing/real-backends.ts";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

const TREES = 10;
const PARTS = 12;

let server: IndexServer;
let me: Session;
let trees: Session[];

beforeAll(async () => {
  const part = (i: number, version: string) =>
    makeWheel({
      name: `part-${i}`,
      version,
      modules: Object.fromEntries(
        Array.from({ length: 30 }, (_, n) => [
          `part_${i}/${n === 0 ? "__init__" : `m${n}`}.py`,
          `version = "${version}"\n${"# filler, so that a copy would show\n".repeat(100)}`,
        ]),
      ),
      entryPoints: { [`part-${i}`]: `part_${i}:main` },
    });
  server = startIndexServer({
    files: [...Array.from({ length: PARTS }, (_, i) => part(i, "1.0")), part(0, "2.0")],
  });
  me = startSession({ index: server.url, name: "main" });
  // A packaged project: its own backend, its code in src/, a command.
  const backend = /import base64[\s\S]*/.exec(backendSource())![0];
  me.write("pyproject.toml", projectText(["part-0<2"]));
  me.write("build_backend.py", backend);
  me.write("METADATA.in", "Metadata-Version: 2.1\nName: app\nVersion: 0.1.0\n\n");
  me.write("entry_points.in", "[console_scripts]\napp = app:main\n");
  me.write("src/app/__init__.py", "def main():\n    print('main')\n");
  me.write(".gitignore", ".venv\n__pycache__\n");
  await me.ok("lock");
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-q", "-m", "start");
  trees = Array.from({ length: TREES }, (_, i) => {
    git("worktree", "add", "-q", "-b", `branch-${i}`, `../tree-${i}`);
    const tree = me.project(`tree-${i}`);
    tree.write("src/app/__init__.py", `def main():\n    print('branch ${i}')\n`);
    return tree;
  });
});
afterAll(async () => {
  me.end();
  await server.stop();
});

/** The PEP 517 and PEP 660 backend that test sdists bring along. */
function backendSource(): string {
  const { bytes } = makeSdist({ name: "any" });
  return new TextDecoder()
    .decode(Bun.gunzipSync(bytes as Uint8Array<ArrayBuffer>))
    .split("\0")
    .find((part) => part.includes("import base64"))!;
}

function projectText(first: string[]): string {
  const others = Array.from({ length: PARTS - 1 }, (_, i) => `part-${i + 1}`);
  const build = '[build-system]\nrequires = []\nbuild-backend = "build_backend"\nbackend-path = ["."]\n';
  return pyproject([...first, ...others], build, "app");
}

function git(...args: string[]): void {
  const done = me.sh("git", "-c", "user.name=t", "-c", "user.email=t@example.org", ...args);
  if (done.code !== 0) throw new Error(done.stderr);
}

/** Bytes and inodes that are a folder's own: files with other names elsewhere and what links point to are not. */
function ownSize(path: string): { bytes: number; files: number } {
  const stats = lstatSync(path);
  const own = { bytes: stats.nlink > 1 && !stats.isDirectory() ? 0 : stats.blocks * 512, files: 1 };
  if (!stats.isDirectory()) return own;
  for (const name of readdirSync(path)) {
    const child = ownSize(`${path}/${name}`);
    own.bytes += child.bytes;
    own.files += child.files;
  }
  return own;
}

const layoutOf = (tree: Session) => readlinkSync(`${tree.dir}/.venv`);

test("each worktree has its own editable: none imports another's code, by .venv, by script or by `run`", async () => {
  const times: number[] = [];
  for (const tree of trees) times.push((await tree.ok("install")).took);
  expect(new Set(trees.map(layoutOf)).size).toBe(TREES);
  for (const [i, tree] of trees.entries()) {
    const expected = `branch ${i}\n`;
    expect(tree.sh(".venv/bin/python", "-c", "import app; app.main()").stdout).toBe(expected);
    expect(tree.sh(".venv/bin/app").stdout).toBe(expected);
    expect((await tree.ok("run", "app")).stdout).toBe(expected);
    // Started from another checkout, it is still this one's code.
    expect(trees[(i + 1) % TREES]!.sh(`${tree.dir}/.venv/bin/app`).stdout).toBe(expected);
    const file = tree.sh(".venv/bin/python", "-c", "import app; print(app.__file__)").stdout;
    expect(file).toStartWith(`${tree.dir}/src/app/`);
  }
  times.sort((a, b) => a - b);
  console.log(`${TREES} worktrees: install ${times[TREES / 2]!.toFixed(0)} ms each (median)`);
});

test("an environment is less than 1 MB beyond the store, and what is shared is there once", () => {
  const sizes = trees.map((tree) => ownSize(layoutOf(tree)));
  for (const { bytes } of sizes) expect(bytes).toBeLessThan(1_000_000);
  if (process.platform === "linux") {
    const site = `${layoutOf(trees[0]!)}/lib/${readdirSync(`${layoutOf(trees[0]!)}/lib`)[0]}/site-packages`;
    // Links to packages are names of the store's own: all checkouts have the same.
    expect(lstatSync(`${site}/part_1`).nlink).toBe(1 + TREES);
  }
  const stored = me.sh("sh", "-c", `find ${me.home}/store -name '*.dxpkg' | wc -l`).stdout.trim();
  // The packages, and an editable wheel for each of the checkouts.
  expect(Number(stored)).toBe(PARTS + TREES);
  const [{ bytes, files }] = sizes as [{ bytes: number; files: number }];
  console.log(`an environment of ${PARTS + 1} packages: ${(bytes / 1024).toFixed(0)} kB, ${files} names`);
});

test("a second install is a hit, and `rm -r .venv` costs one link", async () => {
  for (const tree of trees) {
    const before = layoutOf(tree);
    tree.remove(".venv");
    server.requests.length = 0;
    expect((await tree.ok("install", "-v")).stderr).toContain("layout: hit");
    expect(layoutOf(tree)).toBe(before);
    expect(server.requests).toEqual([]);
  }
});

test("a branch with one changed dependency costs that dependency, and disturbs no other checkout", async () => {
  const [branch, ...others] = trees as [Session, ...Session[]];
  const before = others.map(layoutOf);
  branch.write("pyproject.toml", projectText(["part-0>=2"]));
  server.requests.length = 0;
  const { stderr } = await branch.ok("install", "-v");
  expect(stderr).toContain("1 downloaded");
  expect(server.count(/^\/files\/.*\.whl$/)).toBe(1);
  const version = (tree: Session) =>
    tree.sh(".venv/bin/python", "-c", "import part_0; print(part_0.version)").stdout.trim();
  expect(version(branch)).toBe("2.0");
  for (const tree of others) expect(version(tree)).toBe("1.0");
  expect(others.map(layoutOf)).toEqual(before);
});

test("a branch that is switched back gets its layout back", async () => {
  const tree = trees[1]!;
  const before = layoutOf(tree);
  const text = tree.read("pyproject.toml");
  const [lock, dpl] = ["pylock.toml", "dx-py.dpl"].map((name) => Bun.file(`${tree.dir}/${name}`));
  const [oldLock, oldDpl] = [await lock!.bytes(), await dpl!.bytes()];
  tree.write("pyproject.toml", projectText(["part-0>=2"]));
  await tree.ok("install");
  expect(layoutOf(tree)).not.toBe(before);
  tree.write("pyproject.toml", text);
  await Bun.write(lock!, oldLock);
  await Bun.write(dpl!, oldDpl);
  expect((await tree.ok("install", "-v")).stderr).toContain("layout: hit");
  expect(layoutOf(tree)).toBe(before);
});

test("a worktree that was moved is another checkout: its editable is its own again", async () => {
  git("worktree", "move", "--force", "../tree-9", "../moved");
  const moved = me.project("moved");
  await moved.ok("install");
  expect(moved.sh(".venv/bin/python", "-c", "import app; print(app.__file__)").stdout).toStartWith(
    `${moved.dir}/src/app/`,
  );
  expect(moved.sh(".venv/bin/app").stdout).toBe("branch 9\n");
});

test("ten installs at once, in ten new worktrees", async () => {
  const fresh = Array.from({ length: TREES }, (_, i) => {
    git("worktree", "add", "-q", "-b", `fresh-${i}`, `../fresh-${i}`);
    const tree = me.project(`fresh-${i}`);
    tree.write("src/app/__init__.py", `def main():\n    print('fresh ${i}')\n`);
    return tree;
  });
  await Promise.all(fresh.map((tree) => tree.ok("install")));
  for (const [i, tree] of fresh.entries()) expect(tree.sh(".venv/bin/app").stdout).toBe(`fresh ${i}\n`);
});

test.skipIf(realBackends === undefined)(
  "with a usual backend, a further checkout runs none: its editable is the first one's with its own path, as the backend confirms",
  async () => {
    const wheels = new URL("../.tools/backends", import.meta.url).pathname;
    const system = '[build-system]\nrequires = ["flit_core>=3.4"]\nbuild-backend = "flit_core.buildapi"\n';
    const text = pyproject(
      [],
      `${system}[tool.dx-py]\nno-index = true\nfind-links = ["${wheels}"]\n`,
      "usual",
    ).replace('version = "0.1.0"', 'version = "0.1.0"\ndescription = "usual"');
    const checkouts = ["usual-0", "usual-1"].map((name) => {
      const checkout = me.project(name);
      checkout.write("pyproject.toml", text);
      checkout.write("usual/__init__.py", `name = "${name}"\n`);
      return checkout;
    });
    for (const [i, checkout] of checkouts.entries()) {
      const { stderr } = await checkout.ok("install", "-v");
      expect(stderr.includes("building usual")).toBe(i === 0);
      expect(checkout.sh(".venv/bin/python", "-c", "import usual; print(usual.name)").stdout).toBe(
        `usual-${i}\n`,
      );
    }
    const second = checkouts[1]!;
    expect((await second.ok("drv", "show", "usual")).stdout).toContain("moved from: ");
    expect((await second.ok("drv", "log", "usual")).stdout).toContain("flit_core.buildapi build_editable");
    expect((await second.ok("drv", "rebuild", "--check", "usual")).stdout).toStartWith("the same usual");
  },
);
