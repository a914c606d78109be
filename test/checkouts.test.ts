/** A further checkout of a project (a git worktree) is made from what another one has: the same environment with its own code, or the long way. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, utimesSync, writeFileSync } from "node:fs";
import { realBackends } from "../src/realise/testing/real-backends.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

const backends = new URL("../.tools/backends", import.meta.url).pathname;
const system = '[build-system]\nrequires = ["flit_core>=3.4"]\nbuild-backend = "flit_core.buildapi"\n';

let me: Session;
let main: Session;
let made = 0;

beforeAll(async () => {
  if (realBackends === undefined) return;
  me = startSession({ name: "wheels" });
  for (const version of ["1.0", "2.0"]) {
    const { filename, bytes } = makeWheel({
      name: "part",
      version,
      modules: { "part/__init__.py": `version = "${version}"\ndef main():\n    print(version)\n` },
      entryPoints: { part: "part:main" },
    });
    writeFileSync(`${me.dir}/${filename}`, bytes);
  }
  main = me.project("main");
  main.write("pyproject.toml", text(["part<2"]));
  main.write("src/app/__init__.py", code("main"));
  main.write(".gitignore", ".venv\n__pycache__\n");
  await main.ok("install");
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-q", "-m", "start");
});
afterAll(() => me?.end());

const code = (name: string) => `"""An app."""\n__version__ = "1"\ndef main():\n    print("${name}")\n`;

function text(dependencies: string[]): string {
  const scripts = '[project.scripts]\napp = "app:main"\n';
  const settings = `[tool.dx-py]\nno-index = true\nfind-links = ["${backends}", "${me.dir}"]\n`;
  const project = pyproject(dependencies, `${scripts}${system}${settings}`, "app");
  return project.replace('version = "0.1.0"', 'version = "0.1.0"\ndescription = "app"');
}

function git(...args: string[]): void {
  const done = main.sh("git", "-c", "user.name=t", "-c", "user.email=t@example.org", ...args);
  if (done.code !== 0) throw new Error(done.stderr);
}

/** A further checkout with code of its own. */
function checkout(from = "main"): Session & { name: string } {
  const name = `tree-${made++}`;
  git("worktree", "add", "-q", "-b", name, `../${name}`, from);
  const tree = me.project(name);
  tree.write("src/app/__init__.py", code(name));
  return { ...tree, name };
}

const layoutOf = (tree: Session) => readlinkSync(`${tree.dir}/.venv`);
const records = () =>
  readdirSync(`${me.home}/index/checkouts`).map((name) => `${me.home}/index/checkouts/${name}`);

/** The environment is right, whichever way it came. */
function expectOwn(tree: Session & { name: string }, version = "1.0"): void {
  expect(tree.sh(".venv/bin/app").stdout).toBe(`${tree.name}\n`);
  expect(tree.sh(".venv/bin/part").stdout).toBe(`${version}\n`);
  const where =
    "import app, importlib.metadata as m; print(app.__file__); print(m.distribution('app').read_text('direct_url.json'))";
  const [file = "", url = ""] = tree.sh(".venv/bin/python", "-c", where).stdout.split("\n");
  expect(file).toBe(`${tree.dir}/src/app/__init__.py`);
  expect(JSON.parse(url)).toEqual({ dir_info: { editable: true }, url: `file://${tree.dir}` });
}

const here = test.skipIf(realBackends === undefined);

here("a further checkout gets the layout that the long way comes to, without a backend", async () => {
  const tree = checkout();
  const { stderr } = await tree.ok("install", "-v");
  expect(stderr).toContain("layout: miss (checkout)");
  expect(stderr).not.toContain("building");
  expectOwn(tree);
  const first = layoutOf(tree);
  expect((await tree.ok("layout", "verify")).code).toBe(0);
  expect((await tree.ok("install", "-v")).stderr).toContain("layout: hit");
  expect((await tree.ok("drv", "show", "app")).stdout).toContain("moved from: ");
  expect((await tree.ok("drv", "show", ".")).stdout).toContain(tree.dir);
  expect((await tree.ok("drv", "rebuild", "--check", "app")).stdout).toStartWith("the same app");
  // Forgotten but for the store: the lock is read, and its packages are looked for.
  for (const name of ["index/checkouts", "layouts.dxc", "roots"]) tree.remove(`${me.home}/${name}`);
  await tree.ok("cache", "clean", "--layouts");
  tree.remove(".venv");
  expect((await tree.ok("install", "-v")).stderr).not.toContain("checkout");
  expect(layoutOf(tree)).toBe(first);
  expectOwn(tree);
});

here("`run` in a checkout that was never installed; JSON says the way", async () => {
  const tree = checkout();
  expect((await tree.ok("run", "app")).stdout).toBe(`${tree.name}\n`);
  const other = checkout();
  expect(JSON.parse((await other.ok("install", "--json")).stdout)).toMatchObject({
    layout: "miss",
    via: "checkout",
    packages: 2,
    changed: true,
  });
});

here("ten at once", async () => {
  const trees = Array.from({ length: 10 }, () => checkout());
  const answers = await Promise.all(trees.map((tree) => tree.ok("install", "-v")));
  for (const { stderr } of answers) expect(stderr).toContain("layout: miss (checkout)");
  for (const tree of trees) expectOwn(tree);
});

here("a version file in the repository says the same in each checkout", async () => {
  const tree = checkout();
  const version = tree.sh("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.trim();
  tree.write(".python-version", `${version}\n`);
  await tree.ok("install");
  const other = checkout();
  other.write(".python-version", `${version}\n`);
  expect((await other.ok("install", "-v")).stderr).toContain("layout: miss (checkout)");
  expectOwn(other);
});

const doubts: Record<string, (tree: Session) => string[] | undefined> = {
  "the lock as it is, whatever became of the project": () => ["--frozen"],
  "a variable that compilers read": (tree) => {
    tree.env["CFLAGS"] = "-O1";
    return undefined;
  },
  "a project file with another dependency": (tree) => {
    tree.write("pyproject.toml", text(["part>=2"]));
    return undefined;
  },
  "a folder where the link would be": (tree) => {
    tree.sh("mkdir", ".venv");
    return undefined;
  },
  "what the backend made is not known any more": () => {
    me.remove(`${me.home}/index/editables`);
    return undefined;
  },
  "a readme that the project did not have": (tree) => {
    tree.write("README.md", "new\n");
    return undefined;
  },
};

for (const [what, doubt] of Object.entries(doubts)) {
  here(`the long way: ${what}`, async () => {
    const before = checkout();
    await before.ok("install");
    const tree = checkout();
    const words = doubt(tree) ?? [];
    try {
      expect((await tree.ok("install", "-v", ...words)).stderr).not.toContain("checkout)");
      expectOwn(tree, what.includes("another dependency") ? "2.0" : "1.0");
    } finally {
      // The environment is that of all sessions.
      delete tree.env["CFLAGS"];
    }
  });
}

here("a package that was cleaned away since is had again", async () => {
  await checkout().ok("install");
  await main.ok("cache", "clean", "--store", "--layouts");
  const tree = checkout();
  expect((await tree.ok("install", "-v")).stderr).toContain("1 downloaded");
  expectOwn(tree);
});

here("a record that is damaged, or names what it should not, is no record, and is replaced", async () => {
  await checkout().ok("install");
  const [path] = records().sort((a, b) => readFileSync(b).length - readFileSync(a).length);
  const whole = readFileSync(path!, "utf8");
  const outside = whole.slice(65).replaceAll(/"project":"[^"]+"/g, '"project":"/tmp/../etc"');
  const digest = new Bun.CryptoHasher("sha256").update(outside).digest("hex");
  for (const wrong of [
    whole.slice(0, 300),
    whole.replace("isolated", "Isolated"),
    `${digest}\n${outside}`,
    "",
  ]) {
    for (const record of records()) writeFileSync(record, wrong);
    const tree = checkout();
    expect((await tree.ok("install", "-v")).stderr).not.toContain("checkout)");
    expectOwn(tree);
    expect((await checkout().ok("install", "-v")).stderr).toContain("layout: miss (checkout)");
  }
});

here(
  "the recipe of the first one's layout is gone, or damaged: the long way, which leaves another",
  async () => {
    await checkout().ok("install");
    const folder = `${me.home}/index/recipes`;
    for (const text of [undefined, "damaged"]) {
      for (const name of readdirSync(folder))
        if (text === undefined) me.remove(`${folder}/${name}`);
        else writeFileSync(`${folder}/${name}`, text);
      const tree = checkout();
      expect((await tree.ok("install", "-v")).stderr).not.toContain("checkout)");
      expectOwn(tree);
      const further = checkout();
      expect((await further.ok("install", "-v")).stderr).toContain("layout: miss (checkout)");
      expectOwn(further);
    }
  },
);

here("`cache prune` forgets what is old", async () => {
  const recipes = () => readdirSync(`${me.home}/index/recipes`).map((name) => name.replace(".json", ""));
  const made = recipes();
  // Only this one's layout is there.
  await main.ok("cache", "clean", "--layouts");
  await main.ok("install");
  for (const record of records()) utimesSync(record, 1_600_000_000, 1_600_000_000);
  for (const name of made) utimesSync(`${me.home}/index/recipes/${name}.json`, 1_600_000_000, 1_600_000_000);
  await main.ok("cache", "prune");
  expect(records()).toEqual([]);
  // What is left is of a layout that is there.
  expect(made.length).toBeGreaterThan(1);
  expect(readdirSync(`${me.home}/layouts`)).toEqual(expect.arrayContaining(recipes()));
  const tree = checkout();
  expect((await tree.ok("install", "-v")).stderr).not.toContain("checkout)");
  expectOwn(tree);
});
