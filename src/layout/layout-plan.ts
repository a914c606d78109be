/** A layout plan: everything that decides what one environment prefix holds, and the hash that names it. */
import type { Interpreter } from "../interpreters/interpreter.ts";
import { canonicalJson } from "../realise/canonical-json.ts";
import { derivationText, type LayoutDerivation, textHash } from "../realise/derivation.ts";
import type { PackageObject } from "../store/package-object.ts";

/**
 * How files of the store get into a layout. `symlink`: links to whole directories, the default; the others make real
 * directories with a hardlink, a reflink or a copy per file.
 */
export type LinkMode = "symlink" | "hardlink" | "clone" | "copy";

/** A package object to place in a layout. */
export interface LayoutPackage {
  /** Lower-case hex BLAKE3. */
  outputHash: string;
  object: PackageObject;
  /** Absolute path of the unpacked tree: `lib/ scripts/ data/ headers/`. */
  treePath: string;
  /** Text of `direct_url.json` (PEP 610) when the source is direct. */
  directUrl?: string;
}

/** A project installed in place (PEP 660): the package object of its editable wheel, and where its code is. */
export interface EditableInstall extends LayoutPackage {
  /** Absolute path of the project. */
  path: string;
}

export interface LayoutPlan {
  interpreter: Interpreter;
  packages: LayoutPackage[];
  editables: EditableInstall[];
  linkMode: LinkMode;
  /** Normalised names of packages that get real directories although nothing in them asks for it. */
  realPaths: string[];
  systemSitePackages?: false;
  /** Written to `pyvenv.cfg`. Absent: activation takes the name of the folder that holds `.venv`. */
  prompt?: string;
}

/** What of a plan its hash is made of. */
export interface HashedPlan {
  interpreter: Pick<Interpreter, "fingerprint">;
  packages: readonly Pick<LayoutPackage, "outputHash" | "directUrl">[];
  editables: readonly Pick<EditableInstall, "outputHash" | "directUrl" | "path">[];
  linkMode: LinkMode;
  realPaths: readonly string[];
  prompt?: string;
}

/**
 * The layout's derivation (docs/formats/derivation.md): what the project hash is the hash of. The order in which packages are
 * given does not matter. `format` is the derivations'; what `buildLayout` writes for a plan is fixed with it.
 */
export function layoutDerivation(plan: HashedPlan): LayoutDerivation {
  return {
    format: 1,
    kind: "layout",
    interpreter: plan.interpreter.fingerprint,
    linkMode: plan.linkMode,
    packages: inCanonicalOrder(
      plan.packages.map((p) =>
        p.directUrl === undefined ? p.outputHash : { output: p.outputHash, directUrl: p.directUrl },
      ),
    ),
    editables: inCanonicalOrder(
      plan.editables.map((e) => ({ output: e.outputHash, path: e.path, directUrl: e.directUrl ?? "" })),
    ),
    ...(plan.prompt === undefined ? {} : { prompt: plan.prompt }),
    realPaths: [...new Set(plan.realPaths)].sort(),
  };
}

/** The project hash: lower-case hex BLAKE3 of the resolved set, the interpreter, the link mode and the editables. */
export function projectHash(plan: HashedPlan): string {
  return textHash(derivationText(layoutDerivation(plan)));
}

/** The project hash with the derivation's text that it is the hash of: both cost a millisecond for 100 packages. */
export function hashedDerivation(plan: HashedPlan): { hash: string; text: string } {
  const text = derivationText(layoutDerivation(plan));
  return { hash: textHash(text), text };
}

/** In the order of their canonical texts. */
function inCanonicalOrder<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, text: canonicalJson(value) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ value }) => value);
}
