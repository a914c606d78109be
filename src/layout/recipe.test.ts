import { afterAll, expect, test } from "bun:test";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { type Home, homeFolders } from "../platform/home.ts";
import { sealedJson } from "../platform/sealed-json.ts";
import { removeTree } from "../platform/staging.ts";
import { makeLayoutLinks } from "../store/layout-links.ts";
import { indexPath } from "../store/store-level.ts";
import { buildFromRecipe } from "./build-from-recipe.ts";
import { buildLayout } from "./build-layout.ts";
import type { LayoutPlan, LinkMode } from "./layout-plan.ts";
import { type Recipe, readRecipe, recipes } from "./recipe.ts";
import { prefixContents } from "./testing/prefix-contents.ts";
import { anInterpreter, type SamplePackage, samplePackage } from "./testing/sample-packages.ts";

const scratch = mkdtempSync(`${process.env["TMPDIR"] ?? "/tmp"}/recipe-`);
afterAll(() => removeTree(scratch));
let counter = 0;

const samples: SamplePackage[] = [
  {
    name: "Alpha",
    files: { "alpha/__init__.py": "", "alpha_single.py": "", "shared/a.py": "", "shared/deep/one/x.py": "" },
    consoleScripts: { alpha: "alpha:main.inner" },
  },
  {
    name: "beta-thing",
    files: { "beta/__init__.py": "", "shared/b.py": "", "shared/deep/two/y.py": "" },
    scripts: { "beta-script": "#!python -E\nimport beta\n", "beta-shell": "#!/bin/sh\necho shell\n" },
    data: { "share/beta/info.txt": "info", "share/one/two/three/four/deep.txt": "x", "etc/beta.conf": "x" },
    headers: { "beta.h": "int x;\n" },
  },
  { name: "gamma", files: { "gamma/__init__.py": "", "gamma/sub/__init__.py": "" }, realPaths: true },
  { name: "umlaut", files: { "grün/__init__.py": "", "__proto__/__init__.py": "", "spaced name.py": "" } },
];

function planned(changes: Partial<LayoutPlan> = {}): { home: Home; plan: LayoutPlan } {
  const home = homeFolders({ DX_PY_HOME: `${scratch}/${counter++}` });
  const [alpha, ...packages] = samples.map((sample) => samplePackage(home.store, sample));
  for (const { outputHash } of [alpha!, ...packages]) writeFileSync(indexPath(home.store, outputHash), "");
  const editable = { ...alpha!, path: "/work/alpha", directUrl: '{"url":"file:///work/alpha"}' };
  const parts = { packages, editables: [editable], linkMode: "symlink" as const, realPaths: [] };
  return { home, plan: { interpreter: anInterpreter(), ...parts, ...changes } };
}

/** The home has a layout with a recipe, and the layout is gone. */
function forgotten(changes: Partial<LayoutPlan> = {}) {
  const { home, plan } = planned(changes);
  const { path, projectHash, links, record } = buildLayout(plan, home, { recipe: true });
  const before = prefixContents(path);
  removeTree(path);
  return { home, plan, path, hash: projectHash, links, record, before };
}

const modes: LinkMode[] = ["symlink", "hardlink", "copy"];
for (const linkMode of modes) {
  test(`what is made as the recipe says is what was made from the plan: ${linkMode}`, () => {
    for (const changes of [{}, { prompt: "mine", realPaths: ["umlaut"] }]) {
      const { home, hash, path, before, links, record } = forgotten({ linkMode, ...changes });
      const built = buildFromRecipe(hash, home)!;
      expect(built).toMatchObject({ path, projectHash: hash, links, lost: false });
      expect({ ...built.record, created: 0, stamps: 0 }).toEqual({ ...record, created: 0, stamps: 0 });
      expect(prefixContents(path)).toEqual(before);
    }
  });
}

test.skipIf(process.platform !== "linux")(
  "its links are names of those that the store has, as they were",
  () => {
    const { home, plan } = planned();
    for (const { object, treePath } of plan.packages) makeLayoutLinks(object, treePath, treePath);
    const { path, projectHash, record } = buildLayout(plan, home, { recipe: true });
    const beta = `${path}/${record.sitePackages}/beta`;
    const { ino, nlink } = lstatSync(beta);
    expect(nlink).toBe(2);
    removeTree(path);
    buildFromRecipe(projectHash, home);
    expect(lstatSync(beta)).toMatchObject({ ino, nlink });
  },
);

test("a layout that somebody else has made meanwhile stays", () => {
  const { home, plan, hash, path } = forgotten();
  buildLayout(plan, home);
  const before = prefixContents(path);
  expect(buildFromRecipe(hash, home)?.lost).toBe(true);
  expect(prefixContents(path)).toEqual(before);
});

test("what two packages want differently is as it was; packages in another store have no recipe", () => {
  const { home, plan } = planned();
  const rival = samplePackage(home.store, { name: "rival", files: { "beta/__init__.py": "other" } });
  writeFileSync(indexPath(home.store, rival.outputHash), "");
  const two = buildLayout({ ...plan, packages: [...plan.packages, rival] }, home, { recipe: true });
  expect(two.collisions).not.toEqual([]);
  const before = prefixContents(two.path);
  removeTree(two.path);
  expect(buildFromRecipe(two.projectHash, home)?.lost).toBe(false);
  expect(prefixContents(two.path)).toEqual(before);
  const away = samplePackage(`${scratch}/elsewhere`, { name: "away", files: { "away.py": "" } });
  const other = buildLayout({ ...plan, packages: [away] }, home, { recipe: true });
  expect(readRecipe(home, other.projectHash)).toBeUndefined();
});

const losses: Record<string, (tree: string, home: Home, hash: string) => void> = {
  "its index file": (tree) => rmSync(`${tree}.dxpkg`),
  "its metadata": (tree) => rmSync(`${tree}/lib/umlaut-1.0.dist-info/METADATA`),
  "the shared RECORD": (tree) => removeTree(`${tree}/dist-info`),
  everything: (tree) => removeTree(tree),
};
for (const [what, lose] of Object.entries(losses)) {
  test(`a package that lost ${what}: nothing is made`, () => {
    const { home, plan, hash, path } = forgotten();
    const { treePath, outputHash } = plan.packages.at(-1)!;
    lose(treePath, home, outputHash);
    expect(buildFromRecipe(hash, home)).toBeUndefined();
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });
}

test("a file of a package that is gone: nothing is left of the attempt", () => {
  const { home, plan, hash, path } = forgotten({ linkMode: "hardlink" });
  rmSync(`${plan.packages[0]!.treePath}/lib/beta/__init__.py`);
  rmSync(`${plan.packages[0]!.treePath}/lib/shared/b.py`);
  expect(() => buildFromRecipe(hash, home)).toThrow();
  expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
});

const known = forgotten();
const file = `${recipes(known.home)}/${known.hash}.json`;
const whole = readFileSync(file);
const recipe = readRecipe(known.home, known.hash)!;

function attempt(text: string | Uint8Array) {
  writeFileSync(file, text);
  return buildFromRecipe(known.hash, known.home);
}

test("no changed byte and no shorter file is a recipe", () => {
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Uint8Array.from(whole);
      changed[at]! ^= change;
      expect(attempt(changed)).toBeUndefined();
      expect(attempt(whole.subarray(0, at))).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

const nested = (depth: number): unknown => (depth === 0 ? [] : [["deep", nested(depth - 1)]]);
/** Keys with dots between them, and what stands there, with a checksum that is right. */
test.each<[string, string, unknown]>([
  ["another format", "format", 2],
  ["another dx-py", "build", "0".repeat(32)],
  ["another store", "store", "/etc"],
  ["an interpreter by its name", "interpreter.executable", "python3"],
  ["an interpreter that changed", "interpreter.size", 1],
  ["a folder outside", "interpreter.paths.purelib", "../../outside"],
  ["a folder from the top", "interpreter.paths.scripts", "/bin"],
  ["another way to link", "linkMode", "magic"],
  ["a hash that leads elsewhere", "packages.0.outputHash", "../../etc"],
  ["metadata elsewhere", "packages.0.distInfo", "../x"],
  ["no packages", "packages", null],
  ["no tree", "tree", {}],
  ["a name with a way in it", "tree.0.0", "../up"],
  ["a name that is the folder above", "tree.0.0", ".."],
  ["a name that is nothing", "tree.0.0", ""],
  ["a name with a zero", "tree.0.0", "a\0b"],
  ["a name that is a number", "tree.0.0", 1],
  [
    "a name twice",
    "tree",
    [
      ["a", []],
      ["a", "text", 0],
    ],
  ],
  ["a package that there is not", "tree", [["a", 99, "/lib/a", 0]]],
  ["a package before the first", "tree", [["a", -1, "/lib/a", 0]]],
  ["a package between two", "tree", [["a", 0.5, "/lib/a", 0]]],
  ["a file out of its package", "tree", [["a", 0, "/lib/../../../../etc/passwd", 0]]],
  ["a file beside its package", "tree", [["a", 0, "x/lib/a", 0]]],
  ["a file without a way", "tree", [["a", 0, "", 0]]],
  ["flags that are none", "tree", [["a", 0, "/lib/a", "1"]]],
  ["a link out of the links", "tree", [["a", 0, "/lib/a", 8, "../../a"]]],
  ["a text with another mark", "tree", [["a", "text", 7, 0]]],
  ["a text of nobody", "tree", [["a", "text", 1]]],
  ["a script that starts nothing", "tree", [["a", null, "module", null, 0]]],
  ["a script of nobody", "tree", [["a", null, "module", "main"]]],
  ["something that is no node", "tree", [7]],
  ["deeper than anything", "tree", nested(500)],
])("no layout: %s", (_, place, value) => {
  const copy = structuredClone(recipe) as never as Record<string, unknown>;
  const keys = place.split(".");
  const last = keys.pop()!;
  keys.reduce((one, key) => one[key] as Record<string, unknown>, copy)[last] = value;
  expect(attempt(sealedJson(copy))).toBeUndefined();
  expect(readdirSync(known.home.layouts)).toEqual([]);
});

test("any tree is one, or none, and stays in its place", () => {
  const name = fc.oneof(fc.constantFrom("a", "b", "..", "x/y"), fc.string());
  const { node } = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      fc.tuple(name, fc.string(), fc.constantFrom(0, 1, 2), fc.integer({ min: -1, max: 5 })),
      fc.tuple(name, fc.constant(null), fc.string(), fc.string(), fc.integer({ min: -1, max: 5 })),
      fc.tuple(name, fc.integer({ min: -1, max: 5 }), fc.string(), fc.nat(15)),
      fc.tuple(name, fc.array(tie("node"), { maxLength: 4 })),
      fc.jsonValue(),
    ),
  }));
  fc.assert(
    fc.property(fc.array(node, { maxLength: 4 }), (tree) => {
      try {
        attempt(sealedJson({ ...recipe, tree: tree as Recipe["tree"] }));
      } catch (error) {
        // A name that is too long, a file that is not there: the system's own answer.
        expect((error as { syscall?: string }).syscall).toBeString();
      }
      removeTree(known.path);
      expect(readdirSync(known.home.layouts)).toEqual([]);
    }),
    { numRuns: 150 },
  );
});
