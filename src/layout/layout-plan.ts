/** A layout plan: everything that decides what one environment prefix holds, and the hash that names it. */
import { blake3 } from "@noble/hashes/blake3.js";
import type { Interpreter } from "../interpreters/interpreter.ts";
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

/** The version of what `buildLayout` writes for a plan. A change of the writer's output needs a new number. */
export const LAYOUT_FORMAT = 1;

/** The canonical form of a plan (RFC 8785: keys sorted, no white space): the layout's derivation. */
export function layoutDerivation(plan: LayoutPlan): string {
  const packages = [...plan.packages].sort((a, b) => compare(a.outputHash, b.outputHash));
  const editables = [...plan.editables].sort((a, b) => compare(a.path, b.path));
  const direct = (p: LayoutPackage) =>
    p.directUrl === undefined ? p.outputHash : { directUrl: p.directUrl, output: p.outputHash };
  const value: Record<string, unknown> = {
    editables: editables.map((e) => ({ directUrl: e.directUrl ?? "", output: e.outputHash, path: e.path })),
    format: LAYOUT_FORMAT,
    interpreter: plan.interpreter.fingerprint,
    kind: "layout",
    linkMode: plan.linkMode,
    packages: packages.map(direct),
    ...(plan.prompt === undefined ? {} : { prompt: plan.prompt }),
    realPaths: [...new Set(plan.realPaths)].sort(),
  };
  return JSON.stringify(value);
}

/**
 * The project hash: lower-case hex BLAKE3 of the resolved set (output hashes), the interpreter, the link mode and the
 * project's own editables. The order in which packages are given does not matter.
 */
export function projectHash(plan: LayoutPlan): string {
  return hex(blake3(new TextEncoder().encode(layoutDerivation(plan))));
}

/** Lower-case hex of bytes. */
export function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** The inverse of {@link hex}; `undefined` when the text is not 64 hex digits. */
export function unhex(text: string): Uint8Array | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? Uint8Array.fromHex(text) : undefined;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
