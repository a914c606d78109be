import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { openStore } from "../store/store.ts";
import { indexPath } from "../store/store-level.ts";
import { ensureSystemStore, noteUse } from "../store/system-store.ts";
import { pruneHome } from "./prune.ts";
import { listRoots, writeRoot } from "./roots.ts";
import {
  install,
  pythonSays,
  type TestProject,
  temporaryFolder,
  testProject,
  warm,
} from "./testing/test-project.ts";
import { projectUsage } from "./usage.ts";

const scratch = temporaryFolder();
afterAll(() => removeTree(scratch));
let counter = 0;
const fresh = () => `${scratch}/${counter++}`;

const wheel = (name: string, version = "1.0") => ({
  name,
  version,
  modules: { [`${name}/__init__.py`]: `value = "${version}"\n${"#".repeat(5000)}\n` },
});

/** Makes everything of a home look as if it had been made so many days ago. */
function age(project: TestProject, days: number): void {
  const { home } = project;
  const then = Date.now() - days * 86_400_000;
  for (const hash of openStore(home).list())
    utimesSync(indexPath(home.store, hash), then / 1000, then / 1000);
  for (const name of readdirSync(home.layouts)) {
    const path = `${home.layouts}/${name}/dx-py-layout.json`;
    const description = JSON.parse(readFileSync(path, "utf8"));
    // The layout's own folders are read-only, and their times must stay as they are.
    chmodSync(path, 0o644);
    writeFileSync(path, JSON.stringify({ ...description, created: then }));
  }
  for (const root of listRoots(home)) {
    writeRoot(home, { ...root, generations: root.generations.map((g) => ({ ...g, time: then })) });
  }
}

const namesOf = (items: { kind: string; name: string }[]) =>
  items.filter(({ kind }) => kind === "package").map(({ name }) => name);

test("what is attached stays however old it is; what nothing holds goes when it is old enough", async () => {
  const homeRoot = fresh();
  const kept = await testProject(fresh(), homeRoot, [wheel("shared"), wheel("kept")]);
  await install(kept);
  const gone = await testProject(fresh(), homeRoot, [wheel("shared"), wheel("lost")]);
  await install(gone);
  rmSync(gone.dir, { recursive: true });
  age(kept, 100);

  // The project that is not there any more is noticed now; its packages have time until it comes back.
  const first = await pruneHome({ home: kept.home, keepDays: 30 });
  expect(first.items).toEqual([]);
  expect(first.gone.map(({ link }) => link)).toEqual([gone.link]);

  const dry = await pruneHome({ home: kept.home, keepDays: 0, dryRun: true });
  expect(namesOf(dry.items)).toEqual(["lost 1.0"]);
  expect(dry.bytes).toBeGreaterThan(5000);
  expect(openStore(kept.home).list()).toHaveLength(3);

  const pruned = await pruneHome({ home: kept.home, keepDays: 0 });
  expect(namesOf(pruned.items)).toEqual(["lost 1.0"]);
  expect(pruned.items.map(({ kind }) => kind).sort()).toEqual(["layout", "package", "root"]);
  expect(pruned.kept).toMatchObject({ layouts: 1, packages: 2, roots: 1 });
  expect(listRoots(kept.home).map(({ link }) => link)).toEqual([kept.link]);
  expect(pythonSays(kept.link, "import kept, shared; print(kept.value)")).toBe("1.0");
  expect(warm(kept)?.changed).toBe(false);
  expect((await pruneHome({ home: kept.home, keepDays: 0 })).items).toEqual([]);
});

test("recent generations stay; old ones go, and the attached one still works", async () => {
  const homeRoot = fresh();
  const dir = fresh();
  const before = await testProject(dir, homeRoot, [wheel("moves", "1.0")]);
  await install(before);
  const after = await testProject(dir, homeRoot, [wheel("moves", "2.0")]);
  await install(after);
  expect((await pruneHome({ home: after.home, keepDays: 1 })).items).toEqual([]);
  age(after, 10);
  const pruned = await pruneHome({ home: after.home, keepDays: 5 });
  expect(namesOf(pruned.items)).toEqual(["moves 1.0"]);
  expect(pythonSays(after.link, "import moves; print(moves.value)")).toBe("2.0");
});

test("a moved project is noticed, and is whole again where it is now", async () => {
  const homeRoot = fresh();
  const project = await testProject(fresh(), homeRoot, [wheel("wanders")]);
  await install(project);
  const to = fresh();
  renameSync(project.dir, to);
  const noticed = await pruneHome({ home: project.home, keepDays: 30 });
  expect(noticed.gone).toHaveLength(1);
  expect(pythonSays(`${to}/.venv`, "import wanders; print(wanders.value)")).toBe("1.0");
  // The next command in the new place makes a root of its own.
  const moved = { ...project, dir: to, link: `${to}/.venv` };
  await install(moved);
  await pruneHome({ home: project.home, keepDays: 0 });
  expect(listRoots(project.home).map(({ link }) => link)).toEqual([moved.link]);
  expect(pythonSays(moved.link, "import wanders; print(wanders.value)")).toBe("1.0");
});

test("what the lock of a project names stays, though it is not installed", async () => {
  const homeRoot = fresh();
  const project = await testProject(fresh(), homeRoot, [wheel("always"), wheel("elsewhere")]);
  await install(project);
  rmSync(project.link);
  age(project, 100);
  // Something stands where the environment was: the project is there.
  mkdirSync(project.link);
  const pruned = await pruneHome({ home: project.home, keepDays: 30 });
  expect(namesOf(pruned.items)).toEqual([]);
});

test("a project that was gone and came back has its days anew when it goes again", async () => {
  const project = await testProject(fresh(), fresh(), [wheel("returns")]);
  const { home, link, dir } = project;
  await install(project);
  rmSync(`${dir}/dx-py.dpl`);
  const target = readlinkSync(link);
  rmSync(link);
  await pruneHome({ home, keepDays: 30 });
  // That was long ago; since then it was there for a while.
  const long = Date.now() - 100 * 24 * 60 * 60 * 1000;
  const [marker = ""] = readdirSync(home.roots).filter((name) => name.endsWith(".gone"));
  writeFileSync(`${home.roots}/${marker}`, String(long));
  for (const path of [`${home.roots}/${marker}`, `${home.roots}/${marker.slice(0, -5)}`, dir])
    utimesSync(path, long / 1000, long / 1000);
  expect((await pruneHome({ home, keepDays: 30, dryRun: true })).items.map(({ kind }) => kind)).toContain(
    "root",
  );
  symlinkSync(target, link);
  rmSync(link);
  expect((await pruneHome({ home, keepDays: 30 })).items).toEqual([]);
  expect(listRoots(home)).toHaveLength(1);
});

test("a project that is only locked is not gone: its lock holds what it names, while it is there", async () => {
  const homeRoot = fresh();
  const project = await testProject(fresh(), homeRoot, [wheel("locked-only")]);
  const { home, link, dir } = project;
  await install(project);
  // Locked, and looked at with `lock --check`; never installed, or no more.
  rmSync(link);
  writeRoot(home, { format: 1, link, generations: [] });
  const pruned = await pruneHome({ home, keepDays: 0 });
  expect(pruned.gone).toEqual([]);
  expect(pruned.items.map(({ kind }) => kind)).toEqual(["layout"]);
  expect(listRoots(home)).toHaveLength(1);
  rmSync(`${dir}/dx-py.dpl`);
  const after = await pruneHome({ home, keepDays: 0 });
  expect(after.gone.map((one) => one.link)).toEqual([link]);
  expect(after.items.map(({ name }) => name)).toEqual(["locked-only 1.0", link]);
  expect(listRoots(home)).toEqual([]);
});

test("beyond a size, recent things go too, the oldest first, but nothing that is attached", async () => {
  const homeRoot = fresh();
  const dir = fresh();
  for (const version of ["1.0", "2.0", "3.0"]) {
    const project = await testProject(dir, homeRoot, [wheel("big", version)]);
    await install(project);
    await Bun.sleep(15);
  }
  const { home, link } = await testProject(dir, homeRoot, [wheel("big", "3.0")]);
  const [one] = (await pruneHome({ home, dryRun: true, maxSize: 0 })).items;
  expect(one?.why).toBe("size");
  const full = await pruneHome({ home, dryRun: true });
  const pruned = await pruneHome({ home, maxSize: full.left - 100 });
  expect(namesOf(pruned.items)).toEqual(["big 1.0"]);
  const most = await pruneHome({ home, maxSize: 1 });
  expect(namesOf(most.items)).toEqual(["big 2.0"]);
  expect(pythonSays(link, "import big; print(big.value)")).toBe("3.0");
});

test("a layout that a process runs in stays", async () => {
  const project = await testProject(fresh(), fresh(), [wheel("runs")]);
  const { layoutPath } = await install(project);
  const child = Bun.spawn([`${layoutPath}/bin/python`, "-c", "import time; time.sleep(60)"]);
  try {
    const runs = () =>
      process.platform !== "linux" ||
      readFileSync(`/proc/${child.pid}/cmdline`, "latin1").includes(layoutPath);
    while (!runs()) await Bun.sleep(5);
    rmSync(project.dir, { recursive: true });
    const pruned = await pruneHome({ home: project.home, keepDays: 0 });
    if (process.platform === "linux") expect(pruned.items.filter(({ kind }) => kind !== "root")).toEqual([]);
  } finally {
    child.kill();
    await child.exited;
  }
  await pruneHome({ home: project.home, keepDays: 0 });
  expect(existsSync(layoutPath)).toBe(false);
});

test("objects of a system store that another user has in use where they lie stay", async () => {
  const project = await testProject(fresh(), fresh(), [wheel("used"), wheel("unused")]);
  const { realised } = await install(project);
  const { home } = project;
  ensureSystemStore(home);
  const other = homeFolders({ DX_PY_HOME: scratch });
  expect(noteUse(home.store, other, realised.find(({ name }) => name === "used")!.outputHash)).toBe(true);
  rmSync(project.dir, { recursive: true });
  const pruned = await pruneHome({ home, keepDays: 0 });
  expect(namesOf(pruned.items)).toEqual(["unused 1.0"]);
});

test("a warm install while layouts are collected is never left without its layout", async () => {
  const homeRoot = fresh();
  const project = await testProject(fresh(), homeRoot, [wheel("races")]);
  await install(project);
  for (let i = 0; i < 20; i += 1) {
    rmSync(project.link);
    const pruning = pruneHome({ home: project.home, keepDays: 0 });
    const attached = warm(project);
    await pruning;
    if (attached === undefined) await install(project);
    expect(existsSync(readlinkSync(project.link))).toBe(true);
    expect(pythonSays(project.link, "import races; print(races.value)")).toBe("1.0");
  }
}, 20_000);

test("how much each project takes, and how much of it alone", async () => {
  const homeRoot = fresh();
  const a = await testProject(fresh(), homeRoot, [wheel("common"), wheel("onlya")]);
  await install(a);
  const b = await testProject(fresh(), homeRoot, [wheel("common")]);
  await install(b);
  const usage = projectUsage(a.home);
  expect(usage.map(({ link, packages }) => [link, packages])).toEqual([
    [a.link, 2],
    [b.link, 1],
  ]);
  expect(usage[0]!.bytes).toBeGreaterThan(usage[0]!.alone);
  expect(usage[0]!.alone).toBeGreaterThan(5000);
  expect(usage[1]!.alone).toBeLessThan(usage[1]!.bytes - 5000);
});
