/**
 * An environment whose pure packages are not there: they are imported from packed objects that are mapped into memory
 * (docs/guides/packed.md). It is a layout like any other, of the packages that need a tree and of one that brings the
 * import hook, so that it is found, verified and healed as others are.
 */
import { existsSync } from "node:fs";
import type { Interpreter } from "../../interpreters/interpreter.ts";
import { type LayoutPlan, projectHash } from "../../layout/layout-plan.ts";
import { ensureDir } from "../../platform/atomic-file.ts";
import { blake3Hex } from "../../platform/blake3.ts";
import { Failure } from "../../platform/errors.ts";
import type { Home } from "../../platform/home.ts";
import { startProcess } from "../../platform/process.ts";
import { placeOwnPackage } from "../../store/own-object.ts";
import { packObject } from "../../store/pack.ts";
import type { PackageObject } from "../../store/package-object.ts";
import type { Store } from "../../store/store.ts";
import { findLayout, healLayout } from "../heal.ts";
import { looksHealthy } from "../layout-health.ts";
import importHook from "./packed_imports.py" with { type: "text" };

export interface PackedOptions {
  home: Home;
  store: Store;
  interpreter: Interpreter;
  /** Every package of the environment. */
  packages: readonly { outputHash: string; object: PackageObject }[];
  /** Packages with data files are packed too: they work when they read them by `importlib.resources`. */
  withData?: boolean;
}

export interface PackedEnvironment {
  /** Absolute path of the layout. */
  prefix: string;
  /** Names of the packages that are imported from their packed form. */
  packed: string[];
  /** Those that stand in the layout, unpacked. */
  unpacked: string[];
}

/** Failure `DXPY_COMPILE_FAILED` when the interpreter cannot compile; those of the store. */
export async function packedEnvironment(options: PackedOptions): Promise<PackedEnvironment> {
  const { home, store, interpreter, packages, withData = false } = options;
  const chosen = packages.filter(({ outputHash, object }) => isPackable(store, outputHash, object, withData));
  const rest = packages.filter((one) => !chosen.includes(one));
  const packed = chosen.map((one) => ({ ...one, path: packedPath(store, one.outputHash) }));
  ensureDir(`${store.root}/packed`);
  for (const { outputHash, path } of packed) if (!existsSync(path)) packObject(store, outputHash, path);
  await compilePacked(packed, options);
  const hook = await hookPackage(home, packed);
  const plan: LayoutPlan = {
    interpreter,
    packages: [...rest, { outputHash: hook.outputHash, object: hook }].map(({ outputHash, object }) => ({
      outputHash,
      object,
      treePath: store.objectPath(outputHash),
    })),
    editables: [],
    linkMode: "symlink",
    realPaths: [],
  };
  const hash = projectHash(plan);
  const known = await findLayout(home, Uint8Array.fromHex(hash));
  if (known === undefined || !looksHealthy(home, known)) await healLayout(home, plan, hash);
  const names = (list: readonly { object: PackageObject }[]) => list.map(({ object }) => object.name);
  return { prefix: `${home.layouts}/${hash}`, packed: names(chosen), unpacked: names(rest) };
}

/** Where the packed form is, and beside it the bytecode for each Python. */
function packedPath(store: Store, hash: string): string {
  return `${store.root}/packed/${hash}.dxpkg`;
}

const CODE = /\.(py|pyi|typed|pyc)$|(^|\/)(LICENSE|COPYING|NOTICE|AUTHORS|README)[^/]*$/i;
const NATIVE = /\.(so|pyd|dylib|dll)(\.|$)/i;

/** Pure code: what has native libraries, `.pth` files, scripts or files for the prefix needs a place of its own on the disk. */
function isPackable(store: Store, hash: string, object: PackageObject, withData: boolean): boolean {
  if (object.hasPth || object.hasData || object.hasHeaders || object.scripts.length > 0) return false;
  const stored = store.open(hash);
  try {
    for (const { path } of stored.manifest()) {
      if (NATIVE.test(path)) return false;
      if (!withData && !CODE.test(path) && !path.startsWith(`lib/${object.distInfo}/`)) return false;
    }
    return true;
  } finally {
    stored.close();
  }
}

async function compilePacked(
  packed: readonly { outputHash: string; path: string }[],
  { store, interpreter }: PackedOptions,
): Promise<void> {
  const tasks = packed.flatMap(({ outputHash, path }) => {
    const target = `${path.slice(0, -".dxpkg".length)}.${interpreter.cacheTag}.dxpyc`;
    return existsSync(target) ? [] : [[path, store.objectPath(outputHash), target].join("\t")];
  });
  if (tasks.length === 0) return;
  const script = [
    interpreter.executable,
    "-I",
    "-c",
    `import sys\n__file__ = "packed_imports"\n${importHook}`,
  ];
  const done = await startProcess(script, { input: `${tasks.join("\n")}\n` });
  if (done.code !== 0) {
    throw new Failure("DXPY_COMPILE_FAILED", "The packed packages could not be compiled", {
      context: { detail: done.stderr.trim() },
    });
  }
}

/** Brings the hook, the list of packages, the line that installs it, and the commands of the packed packages. */
async function hookPackage(
  home: Home,
  packed: readonly { path: string; object: PackageObject }[],
): Promise<PackageObject> {
  const list = packed.map(({ path, object }) => {
    const names = object.topLevel.flatMap(({ name, isDirectory }) =>
      isDirectory || !name.endsWith(".py") ? [name] : [name, name.slice(0, -".py".length)],
    );
    return `    (${JSON.stringify(path)}, ${JSON.stringify(object.distInfo)}, ${JSON.stringify(names)}),\n`;
  });
  const points = (group: string) =>
    packed
      .flatMap(({ object }) => object.entryPoints.filter((one) => one.group === group))
      .map(({ name, module, attribute }) => `${name} = ${module}:${attribute}\n`)
      .join("");
  const files = {
    "dx_py_packed/__init__.py": importHook,
    "dx_py_packed/packages.py": `PACKAGES = [\n${list.join("")}]\n`,
    "dx_py_packed.pth": "import dx_py_packed; dx_py_packed.install()\n",
  };
  return await placeOwnPackage(home, {
    name: "dx-py-packed",
    version: `0+${blake3Hex(JSON.stringify(files)).slice(0, 12)}`,
    files,
    entryPoints: `[console_scripts]\n${points("console_scripts")}[gui_scripts]\n${points("gui_scripts")}`,
  });
}
