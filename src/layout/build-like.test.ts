import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { type Home, homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { indexPath } from "../store/store-level.ts";
import { buildLayout } from "./build-layout.ts";
import { buildLike } from "./build-like.ts";
import { type EditableInstall, type LayoutPlan, projectHash } from "./layout-plan.ts";
import { readRecipe } from "./recipe.ts";
import { prefixContents } from "./testing/prefix-contents.ts";
import { anInterpreter, type SamplePackage, samplePackage } from "./testing/sample-packages.ts";
import { verifyLayout } from "./verify-layout.ts";

const scratch = mkdtempSync(`${process.env["TMPDIR"] ?? "/tmp"}/like-`);
afterAll(() => removeTree(scratch));
let counter = 0;

const samples: SamplePackage[] = [
  {
    name: "alpha",
    files: { "alpha/__init__.py": "", "shared/a.py": "" },
    consoleScripts: { alpha: "alpha:main" },
    scripts: { "alpha-old": "#!python\nimport alpha\n", "alpha-shell": "#!/bin/sh\n" },
    data: { "share/alpha/info.txt": "info" },
  },
  { name: "beta", files: { "beta.py": "", "shared/b.py": "" }, headers: { "beta.h": "int x;\n" } },
  // RECORD of its own, with hashes of scripts that name the prefix.
  {
    name: "gamma",
    files: { "gamma.py": "" },
    headers: { "gamma.h": "" },
    consoleScripts: { gamma: "gamma:main" },
  },
];

const app = (files: Record<string, string>): SamplePackage => ({
  name: "app",
  files,
  consoleScripts: { app: "app:main" },
});

function planned(
  editable: SamplePackage,
  linkMode: LayoutPlan["linkMode"],
): { home: Home; plan: LayoutPlan } {
  const home = homeFolders({ DX_PY_HOME: `${scratch}/${counter++}` });
  const packages = samples.map((sample) => samplePackage(home.store, sample));
  for (const { outputHash } of packages) writeFileSync(indexPath(home.store, outputHash), "");
  const editables = [editableAt("/work/one", samplePackage(home.store, editable))];
  return { home, plan: { interpreter: anInterpreter(), packages, editables, linkMode, realPaths: [] } };
}

function editableAt(path: string, one: Omit<EditableInstall, "path">): EditableInstall {
  return { ...one, path, directUrl: `{"url":"file://${path}"}` };
}

/** The layout of a plan like that of another, which was built with a recipe. */
function like(plan: LayoutPlan, { projectHash: hash }: { projectHash: string }, home: Home) {
  const recipe = readRecipe(home, hash)!;
  const names = recipe.packages.filter((p) => p.bound && p.path === undefined).map((p) => p.name);
  const bound = plan.packages.filter(({ object }) => names.includes(object.name));
  return {
    names,
    made: buildLike({ recipe, like: hash, bound, editables: plan.editables }, projectHash(plan), home),
  };
}

for (const linkMode of ["symlink", "hardlink"] as const) {
  test(`with its own editable, a layout like another is the one that is made from the plan: ${linkMode}`, () => {
    const { home, plan } = planned(app({ "app.pth": "/work/one\n" }), linkMode);
    const first = buildLayout(plan, home, { recipe: true });
    const second = samplePackage(home.store, app({ "app.pth": "/work/two\n" }));
    const further = { ...plan, editables: [editableAt("/work/two", second)] };
    const { names, made } = like(further, first, home);
    expect(names).toEqual(linkMode === "symlink" ? ["gamma"] : ["alpha", "gamma"]);
    expect(made).toMatchObject({ projectHash: projectHash(further), lost: false });
    expect(verifyLayout(further, made!.path)).toEqual([]);
    const contents = prefixContents(made!.path);
    removeTree(made!.path);
    const usual = buildLayout(further, home);
    expect(usual.path).toBe(made!.path);
    // The order of packages in the description is that in which they were given.
    const { "/dx-py-layout.json": given, ...others } = contents;
    const { "/dx-py-layout.json": wanted, ...expected } = prefixContents(usual.path);
    expect(others).toEqual(expected);
    expect(inOrder(given)).toEqual(inOrder(wanted));
    expect({ ...made!.record, created: 0, stamps: 0 }).toEqual({ ...usual.record, created: 0, stamps: 0 });
  });
}

function inOrder(description: unknown): unknown {
  const { packages, ...rest } = description as { packages: { name: string }[] };
  return { ...rest, packages: packages.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

test("an editable that shares a folder with packages", () => {
  const { home, plan } = planned(app({ "shared/app.py": "one" }), "symlink");
  const first = buildLayout(plan, home, { recipe: true });
  const second = samplePackage(home.store, app({ "shared/app.py": "two" }));
  const further = { ...plan, editables: [editableAt("/work/two", second)] };
  const { made } = like(further, first, home);
  expect(verifyLayout(further, made!.path)).toEqual([]);
  const contents = prefixContents(made!.path);
  removeTree(made!.path);
  expect(Object.keys(prefixContents(buildLayout(further, home).path))).toEqual(Object.keys(contents));
});

test("nothing is made where two packages want one path, or one is gone", () => {
  for (const damage of ["contested", "gone"]) {
    const { home, plan } = planned(
      app({ [damage === "contested" ? "beta.py" : "app.pth"]: "mine" }),
      "symlink",
    );
    const first = buildLayout(plan, home, { recipe: true });
    if (damage === "gone") removeTree(plan.packages[0]!.treePath);
    const second = samplePackage(home.store, app({ "app.pth": "/work/two\n" }));
    const further = { ...plan, editables: [editableAt("/work/two", second)] };
    expect(like(further, first, home).made).toBeUndefined();
  }
});
