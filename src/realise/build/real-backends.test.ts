import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { readDrvOutNotes } from "../../store/drv-out.ts";
import type { Derivation } from "../derivation.ts";
import { type DerivationTree, derivationTree } from "../drv-queries.ts";
import { readDerivation } from "../drv-store.ts";
import type { RealiseContext } from "../realise-context.ts";
import { realisePackages } from "../realise-packages.ts";
import { backendClosure, realBackends } from "../testing/real-backends.ts";
import {
  type TestPlace,
  testContext,
  testIndex,
  testInterpreter,
  testPlace,
} from "../testing/test-context.ts";
import type { RealisedPackage } from "../wanted-package.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

const places: TestPlace[] = [];
afterAll(() => {
  for (const place of places) place.remove();
});

type Files = Record<string, string>;
const module = { "src/thing/__init__.py": "answer = 42\n" };
const project = (extra = "") =>
  `[project]\nname = "thing"\nversion = "1.0"\ndescription = "a thing"\n${extra}`;
const system = (backend: string, ...requires: string[]) =>
  `[build-system]\nrequires = ${JSON.stringify(requires)}\nbuild-backend = "${backend}"\n`;

const extension = `#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fast", 0, -1, 0};
PyMODINIT_FUNC PyInit__fast(void) {
  PyObject *made = PyModule_Create(&module);
  PyModule_AddIntConstant(made, "answer", 42);
  return made;
}
`;

interface Case {
  files: Files;
  /** Takes seconds: tried with DX_PY_TEST_SLOW, and by `bench/source-builds.ts`. */
  slow?: true;
  /** False: not tried. */
  editable?: false;
}

const cases: Record<string, Case> = {
  setuptools: {
    files: { "pyproject.toml": system("setuptools.build_meta", "setuptools") + project(), ...module },
  },
  "setuptools, legacy setup.py": {
    // The same hook as with a table.
    editable: false,
    files: {
      "setup.py":
        'from setuptools import setup\nsetup(name="thing", version="1.0", package_dir={"": "src"}, packages=["thing"])\n',
      ...module,
    },
  },
  "setuptools with a C extension": {
    files: {
      "pyproject.toml": system("setuptools.build_meta", "setuptools") + project(),
      "setup.py":
        'from setuptools import Extension, setup\nsetup(ext_modules=[Extension("thing._fast", ["src/thing/_fast.c"])])\n',
      "src/thing/_fast.c": extension,
      "src/thing/__init__.py": "from thing._fast import answer\n",
    },
  },
  "Cython through setuptools": {
    slow: true,
    // The same way as the last, and Cython takes seconds.
    editable: false,
    files: {
      "pyproject.toml": system("setuptools.build_meta", "setuptools", "Cython>=3") + project(),
      "setup.py":
        'from Cython.Build import cythonize\nfrom setuptools import setup\nsetup(ext_modules=cythonize(["src/thing/_fast.pyx"]))\n',
      "src/thing/_fast.pyx": "answer = 42\n",
      "src/thing/__init__.py": "from thing._fast import answer\n",
    },
  },
  hatchling: { files: { "pyproject.toml": system("hatchling.build", "hatchling") + project(), ...module } },
  "flit-core": {
    files: { "pyproject.toml": system("flit_core.buildapi", "flit_core>=3.4") + project(), ...module },
  },
  "poetry-core": {
    files: {
      "pyproject.toml": `${system("poetry.core.masonry.api", "poetry-core")}${project()}[tool.poetry]\npackages = [{ include = "thing", from = "src" }]\n`,
      ...module,
    },
  },
  "pdm-backend": { files: { "pyproject.toml": system("pdm.backend", "pdm-backend") + project(), ...module } },
  "meson-python": {
    slow: true,
    files: {
      "pyproject.toml": system("mesonpy", "meson-python", "ninja") + project(),
      "meson.build":
        "project('thing', 'c', version: '1.0')\npy = import('python').find_installation(pure: false)\n" +
        "py.install_sources('src/thing/__init__.py', subdir: 'thing')\npy.extension_module('_fast', '_fast.c', install: true, subdir: 'thing')\n",
      "_fast.c": extension,
      "src/thing/__init__.py": "from thing._fast import answer\n",
    },
    // It builds again on import, by tools of a build environment that it expects to stay.
    editable: false,
  },
};

function write(folder: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
    writeFileSync(`${folder}/${path}`, text);
  }
}

function contextWith(place: TestPlace): RealiseContext {
  return {
    ...testContext(place, testIndex([])),
    resolveBuildRequires: async (requirements) => {
      const names = new Set(requirements.flatMap(({ normalized }) => backendClosure(normalized)));
      return [...names].map((name) => realBackends![name]!);
    },
  };
}

/** One home for all, so that each backend is unpacked once, and another one for what must not depend on the home. */
const homes = new Map<string, RealiseContext>();

function homeOf(name: string): RealiseContext {
  const known = homes.get(name);
  if (known !== undefined) return known;
  const place = testPlace();
  places.push(place);
  const context = contextWith(place);
  homes.set(name, context);
  return context;
}

let folders = 0;

interface Built {
  built: RealisedPackage;
  context: RealiseContext;
  /** Of the project, relative to the context's project folder. */
  path: string;
}

async function build(files: Files, editable: boolean, home = "shared"): Promise<Built> {
  const context = homeOf(home);
  folders += 1;
  const path = `thing-${folders}`;
  write(`${context.projectDir}/${path}`, files);
  const [built] = await realisePackages(
    [{ name: "thing", source: { kind: "directory", path, editable } }],
    context,
  );
  return { built: built!, context, path };
}

/** Editables that lead to the path and hold nothing else: a second checkout gets its own without the backend. */
const checkouts: Record<string, Files> = {
  setuptools: cases["setuptools"]!.files,
  "setuptools with packages at the top": {
    "pyproject.toml": `${system("setuptools.build_meta", "setuptools>=61", "wheel")}${project('readme = "README.md"\n[project.scripts]\nthing = "thing:main"\n')}`,
    "README.md": "# A thing\n",
    LICENSE: "Do as you like.\n",
    "thing/__init__.py": "answer = 42\n",
    "thing/deep/__init__.py": "",
    "thing/data/file.txt": "text\n",
  },
  hatchling: cases["hatchling"]!.files,
  "hatchling with packages at the top": {
    "pyproject.toml": `${system("hatchling.build", "hatchling")}${project('readme = "README.md"\nlicense = "MIT"\n[project.scripts]\nthing = "thing:main"\n')}`,
    "README.md": "# A thing\n",
    "LICENSE.txt": "Do as you like.\n",
    "thing/__init__.py": "answer = 42\n",
  },
  "flit-core": cases["flit-core"]!.files,
  "poetry-core": cases["poetry-core"]!.files,
  "poetry-core without a project table": {
    "pyproject.toml": `${system("poetry.core.masonry.api", "poetry-core")}[tool.poetry]\nname = "thing"\nversion = "1.0"\ndescription = ""\nauthors = ["A <a@example.org>"]\nreadme = "README.md"\npackages = [{ include = "thing", from = "src" }]\n[tool.poetry.dependencies]\npython = ">=3.8"\n`,
    "README.md": "# A thing\n",
    ...module,
  },
  "pdm-backend": cases["pdm-backend"]!.files,
};

/** Where only the backend knows, and what makes it so. */
const onlyBackend: Record<string, Files> = {
  "a build hook": {
    ...module,
    "pyproject.toml": `${system("hatchling.build", "hatchling")}${project()}[tool.hatch.build.hooks.custom]\npath = "own.py"\n`,
    "own.py":
      "from hatchling.builders.hooks.plugin.interface import BuildHookInterface\nclass Own(BuildHookInterface):\n    pass\n",
  },
  "a version that the code states": {
    ...module,
    "pyproject.toml": `${system("setuptools.build_meta", "setuptools")}[project]\nname = "thing"\ndynamic = ["version"]\n[tool.setuptools.dynamic]\nversion = { attr = "thing.version" }\n`,
    "src/thing/__init__.py": 'answer = 42\nversion = "1.0"\n',
  },
  "a setup.py": cases["setuptools with a C extension"]!.files,
};

/** Derivations of a build and of all that it was made from. */
function derivationsBelow({ built, context }: Built): string[] {
  const below = (node: DerivationTree): string[] => [node.buildHash, ...node.inputs.flatMap(below)];
  return [...new Set(below(derivationTree(built.derivation, context.store)))].sort();
}

const pathOf = ({ context, path }: Built) => `${context.projectDir}/${path}`;

/** The `build` derivation behind a package. */
function buildOf({ built, context }: Built): Derivation | undefined {
  const { notes } = readDrvOutNotes(context.store.root, built.derivation)!;
  return readDerivation(context.store.levels, notes["build"]!);
}

async function passes(built: RealisedPackage, context: RealiseContext): Promise<string> {
  const { prefix } = await context.makeBuildEnvironment!([built], context.interpreter);
  const done = Bun.spawnSync([`${prefix}/bin/python`, "-c", "import thing; assert thing.answer == 42"], {
    env: {},
  });
  return done.stderr.toString();
}

const tried = Object.entries(cases).filter(([, { slow }]) => slow !== true || process.env["DX_PY_TEST_SLOW"]);
const possible = realBackends !== undefined && testInterpreter !== undefined;

/** Of the first build of each. */
const outputs = new Map<string, { output: string; derivations: string[] }>();

describe.skipIf(!possible)("real backends from PyPI", () => {
  test.each(tried)("%s builds a wheel that works", async (name, { files }) => {
    const made = await build(files, false);
    const { built, context, path } = made;
    outputs.set(name, { output: built.outputHash, derivations: derivationsBelow(made) });
    expect(built.object).toMatchObject({ name: "thing", version: "1.0" });
    expect(await passes(built, context)).toBe("");
    // In place, but nothing that would make it another source.
    const source = { kind: "directory" as const, path, editable: false };
    expect((await realisePackages([{ name: "thing", source }], context))[0]!.how).toBe("store");
  });

  const editables = tried.filter(([, { editable }]) => editable !== false);
  test.each(editables)("%s makes an editable that follows the code", async (_, { files }) => {
    const { built, context, path } = await build(files, true);
    expect(await passes(built, context)).toBe("");
    writeFileSync(`${context.projectDir}/${path}/src/thing/__init__.py`, "answer = 6 * 7 + 1\n");
    expect(await passes(built, context)).toContain("AssertionError");
  });

  test.each(Object.entries(checkouts))(
    "%s: the editable of a second checkout is the first one's with its own path, which is what the backend makes",
    async (_, files) => {
      const first = await build(files, true, "checkouts");
      expect(buildOf(first)).not.toHaveProperty("movedFrom");
      const second = await build(files, true, "checkouts");
      expect(buildOf(second)).toMatchObject({
        movedFrom: expect.any(String),
        source: { path: pathOf(second) },
      });
      const [asked] = await realisePackages(
        [{ name: "thing", source: { kind: "directory", path: pathOf(second), editable: true } }],
        homeOf("by the backend"),
      );
      expect(buildOf({ built: asked!, context: homeOf("by the backend"), path: "" })).not.toHaveProperty(
        "movedFrom",
      );
      expect(second.built.outputHash).toBe(asked!.outputHash);
      expect(second.built.object).toEqual(asked!.object);
      expect(await passes(second.built, second.context)).toBe("");
    },
  );

  test.each(Object.entries(onlyBackend))("%s: each checkout is built by the backend", async (_, files) => {
    await build(files, true, "checkouts");
    expect(buildOf(await build(files, true, "checkouts"))).not.toHaveProperty("movedFrom");
  });

  test("a checkout that differs in what the backend reads is built by it", async () => {
    const files = { ...checkouts["hatchling with packages at the top"]! };
    const differences: Files[] = [
      { "README.md": "# Another thing\n" },
      { "LICENSE.txt": "Ask me.\n" },
      { "pyproject.toml": `${files["pyproject.toml"]}# changed\n` },
      { "src/thing/__init__.py": "answer = 42\n" },
      { AUTHORS: "A\n" },
    ];
    for (const difference of differences) {
      const changed = await build({ ...files, ...difference }, true, "checkouts");
      expect(buildOf(changed)).not.toHaveProperty("movedFrom");
    }
    expect(buildOf(await build(files, true, "checkouts"))).toHaveProperty("movedFrom");
  });

  test.each(["setuptools", "hatchling", "poetry-core"])(
    "%s: a build in another home has the same derivations and the same output",
    async (name) => {
      const made = await build(cases[name]!.files, false, "other");
      expect(made.built.outputHash).toBe(outputs.get(name)!.output);
      expect(derivationsBelow(made)).toEqual(outputs.get(name)!.derivations);
    },
  );
});
