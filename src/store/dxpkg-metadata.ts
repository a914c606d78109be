import type { PackageObject, ScriptEntryPoint, ScriptFile, TopLevelEntry } from "./package-object.ts";

/** The metadata part of a `.dxpkg`: a package object without its hash, as canonical JSON (RFC 8785). */

/** Members in the order of their names, which is the canonical order. */
export function canonicalMetadata(object: PackageObject): Uint8Array {
  const value = {
    bytes: object.bytes,
    distInfo: object.distInfo,
    entryPoints: object.entryPoints.map(({ attribute, extras, group, module, name }) => ({
      attribute,
      extras,
      group,
      module,
      name,
    })),
    files: object.files,
    hasData: object.hasData,
    hasHeaders: object.hasHeaders,
    hasPth: object.hasPth,
    name: object.name,
    plainRecord: object.plainRecord,
    realPaths: object.realPaths,
    rootIsPurelib: object.rootIsPurelib,
    scripts: object.scripts.map(({ name, shebang }) => ({ name, shebang })),
    topLevel: object.topLevel.map(({ isDirectory, name, namespace }) => ({ isDirectory, name, namespace })),
    version: object.version,
  };
  // JSON.stringify writes strings and safe integers as RFC 8785 demands; lone surrogates cannot be here (decoded UTF-8).
  return new TextEncoder().encode(JSON.stringify(value));
}

/** `undefined` for anything that is not a package object's metadata. */
export function parsePackageMetadata(bytes: Uint8Array, outputHash: string): PackageObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const sound =
    text(value["name"]) &&
    text(value["version"]) &&
    text(value["distInfo"]) &&
    FLAGS.every((key) => typeof value[key] === "boolean") &&
    natural(value["files"]) &&
    natural(value["bytes"]) &&
    listOf(value["topLevel"], isTopLevel) &&
    listOf(value["scripts"], isScript) &&
    listOf(value["entryPoints"], isEntryPoint);
  if (!sound) return undefined;
  value["outputHash"] = outputHash;
  return value as unknown as PackageObject;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

const FLAGS = ["rootIsPurelib", "hasData", "hasHeaders", "hasPth", "realPaths", "plainRecord"];

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function text(value: unknown): value is string {
  return typeof value === "string";
}
function natural(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
function listOf<T>(value: unknown, check: (item: Record<string, unknown>) => boolean): value is T[] {
  return Array.isArray(value) && value.every((item) => isRecord(item) && check(item));
}
/** A name that becomes one entry of a folder: never a way out of it. */
function plainName(value: unknown): boolean {
  return text(value) && value !== "" && value !== "." && value !== ".." && !/[/\\\0]/.test(value);
}
function isTopLevel(item: Record<string, unknown>): boolean {
  return (
    plainName(item["name"]) &&
    typeof item["isDirectory" satisfies keyof TopLevelEntry] === "boolean" &&
    typeof item["namespace" satisfies keyof TopLevelEntry] === "boolean"
  );
}
function isScript(item: Record<string, unknown>): boolean {
  const shebang = item["shebang" satisfies keyof ScriptFile];
  return text(item["name"]) && (shebang === "python" || shebang === "pythonw" || shebang === "none");
}
function isEntryPoint(item: Record<string, unknown>): boolean {
  const group = item["group" satisfies keyof ScriptEntryPoint];
  return (
    (group === "console_scripts" || group === "gui_scripts") &&
    plainName(item["name"]) &&
    text(item["module"]) &&
    text(item["attribute"]) &&
    Array.isArray(item["extras"]) &&
    item["extras"].every(text)
  );
}
