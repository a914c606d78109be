/**
 * What an installation leaves for other checkouts of the same project (git worktrees): which layout it came to, and how the project's own packages were
 * asked for. A further checkout with the same lock, asked in the same words, gets a layout like it, with its own code. Written in
 * docs/formats/checkouts.md.
 */
import { readSealedJson } from "../platform/sealed-json.ts";
import type { BuiltPackageDerivation } from "../realise/derivation.ts";

export interface CheckoutRecord {
  format: 1;
  /** Absolute folder of the checkout that it was learnt from. */
  project: string;
  /** Project hash of its layout, which has a recipe. */
  layout: string;
  /** Below `project`, in the lock's order. */
  editables: { name: string; request: BuiltPackageDerivation }[];
  /** As resolved: names. */
  selection: { extras: string[]; groups: string[] };
  /** The caller's variables that a build sees. */
  variables: Record<string, string>;
}

/** A hundred times what a workspace of 100 projects takes. */
const MAX_SIZE = 8 * 1024 * 1024;

/** `undefined`: there is none, or it makes no sense. */
export function readCheckout(path: string): CheckoutRecord | undefined {
  const value = readSealedJson(path, MAX_SIZE);
  return isCheckout(value) ? value : undefined;
}

/** The hash becomes a path, and folders are written into environments: these are looked at one by one. */
function isCheckout(value: unknown): value is CheckoutRecord {
  const record = value as Partial<CheckoutRecord> | null;
  if (typeof record !== "object" || record === null || record.format !== 1) return false;
  const { project, layout, editables, selection, variables } = record;
  return (
    isFolder(project) &&
    isHash(layout) &&
    Array.isArray(editables) &&
    editables.length > 0 &&
    editables.every((one) => isEditable(one, project)) &&
    isTexts(selection?.extras) &&
    isTexts(selection?.groups) &&
    isVariables(variables)
  );
}

function isEditable(value: unknown, project: string): boolean {
  const one = value as Partial<CheckoutRecord["editables"][number]> | null;
  const { request } = one ?? {};
  const build = request?.build;
  const source = build?.source;
  return (
    typeof one?.name === "string" &&
    request?.format === 1 &&
    request.kind === "package" &&
    build?.hook === "build_editable" &&
    source?.kind === "directory" &&
    source.subdirectory === undefined &&
    isFolder(source.path) &&
    (source.path === project || source.path.startsWith(`${project}/`)) &&
    build.isolated === true &&
    isTexts(build.extraRequires) &&
    isTexts(build.constraints) &&
    isVariables(build.environment) &&
    isVariables(build.configSettings) &&
    typeof build.platform === "string" &&
    isVariables(build.python)
  );
}

/** Absolute, and as the system writes it: nothing in it leads upward. */
function isFolder(value: unknown): value is string {
  return typeof value === "string" && /^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/.test(value);
}

function isHash(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isVariables(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((one) => typeof one === "string")
  );
}
