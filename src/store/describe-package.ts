import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import { escapingRpath } from "../platform/native-library.ts";
import { accessFile } from "../platform/random-access.ts";
import { parseEntryPoints } from "../standards/entry-points.ts";
import { parseMetadata } from "../standards/metadata.ts";
import { normalizeExtra } from "../standards/names.ts";
import { parseRecord, type RecordRow } from "../standards/record.ts";
import { parseWheelFile } from "../standards/wheel-file.ts";
import type { ManifestEntry } from "./manifest.ts";
import type { PackageObject, ScriptEntryPoint, ScriptFile, TopLevelEntry } from "./package-object.ts";
import { badWheel } from "./wheel-tree.ts";

/** Draws from an unpacked tree what installing needs to know: done once, when the package enters the store. */
export interface Description {
  object: PackageObject;
  /** The wheel's RECORD. */
  record: RecordRow[];
}

/** METADATA, WHEEL and the like are read whole; none of a real wheel is near this. */
const MAX_TEXT = 64 * 1024 * 1024;

/**
 * `tree` holds exactly `entries`; `source` is what messages call it. Failures `DXPY_BAD_WHEEL`,
 * `DXPY_BAD_METADATA` and those of the other files of `.dist-info`.
 */
export function describePackage(
  tree: string,
  entries: readonly ManifestEntry[],
  distInfo: string,
  outputHash: string,
  source: string,
): Description {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const text = (name: string): Uint8Array | undefined => {
    const path = `lib/${distInfo}/${name}`;
    const entry = byPath.get(path);
    if (entry === undefined) return undefined;
    if (entry.size > MAX_TEXT) throw badWheel(source, `${path} is too large`);
    return new Uint8Array(readFileSync(`${tree}/${path}`));
  };
  const required = (name: string) => {
    const bytes = text(name);
    if (bytes === undefined) throw badWheel(source, `it has no ${name}`);
    return bytes;
  };
  const metadata = parseMetadata(required("METADATA"), { file: source });
  const wheelFile = parseWheelFile(required("WHEEL"), { file: source });
  const record = parseRecord(decode(required("RECORD")), { file: source });
  const entryPointsText = text("entry_points.txt");
  const folders = libFolders(entries);
  const object: PackageObject = {
    outputHash,
    name: metadata.name,
    version: metadata.version,
    distInfo,
    rootIsPurelib: wheelFile.rootIsPurelib,
    topLevel: topLevelOf(entries, byPath),
    scripts: entries.filter(({ path }) => path.startsWith("scripts/")).map((entry) => scriptOf(tree, entry)),
    entryPoints: entryPointsText === undefined ? [] : scriptEntryPoints(decode(entryPointsText)),
    hasData: entries.some(({ path }) => path.startsWith("data/")),
    hasHeaders: entries.some(({ path }) => path.startsWith("headers/")),
    realPaths: entries.some((entry) => climbsOut(tree, entry, folders)),
    hasPth: entries.some(({ path }) => /^lib\/[^/]+\.pth$/.test(path)),
    plainRecord: isPlain(record, entries, distInfo),
    files: entries.length,
    bytes: entries.reduce((sum, { size }) => sum + size, 0),
  };
  return { object, record };
}

/** Finds the one `.dist-info` of a tree that did not come as a wheel. */
export function distInfoOf(entries: readonly ManifestEntry[], source: string): string {
  const found = new Set(entries.flatMap(({ path }) => /^lib\/([^/]+\.dist-info)\//.exec(path)?.[1] ?? []));
  const [distInfo] = found;
  if (distInfo === undefined || found.size > 1) {
    throw new Failure("DXPY_BAD_PACKAGE", `${source} does not have exactly one .dist-info folder`, {
      context: { file: source },
    });
  }
  return distInfo;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8").decode(bytes);
}

function topLevelOf(
  entries: readonly ManifestEntry[],
  byPath: ReadonlyMap<string, ManifestEntry>,
): TopLevelEntry[] {
  const found = new Map<string, TopLevelEntry>();
  for (const { path } of entries) {
    if (!path.startsWith("lib/")) continue;
    const slash = path.indexOf("/", 4);
    const name = path.slice(4, slash === -1 ? undefined : slash);
    if (found.has(name)) continue;
    const isDirectory = slash !== -1;
    found.set(name, { name, isDirectory, namespace: isDirectory && !byPath.has(`lib/${name}/__init__.py`) });
  }
  return [...found.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

function scriptOf(tree: string, { path }: ManifestEntry): ScriptFile {
  const line = new TextDecoder("latin1").decode(firstBytes(`${tree}/${path}`, 16));
  const match = /^#!python(w?)(?=[\s]|$)/.exec(line);
  const shebang = match === null ? "none" : match[1] === "w" ? "pythonw" : "python";
  return { name: path.slice("scripts/".length), shebang };
}

function firstBytes(path: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const file = openSync(path, "r");
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
  } finally {
    closeSync(file);
  }
}

/** A script needs a function; a name that would be no file name is left out, as a script that nobody could have made. */
function scriptEntryPoints(text: string): ScriptEntryPoint[] {
  const found: ScriptEntryPoint[] = [];
  for (const { group, name, module, attribute, extras } of parseEntryPoints(text)) {
    if (group !== "console_scripts" && group !== "gui_scripts") continue;
    if (attribute === undefined || !/^[^/\\\0]+$/.test(name) || name === "." || name === "..") continue;
    found.push({ group, name, module, attribute, extras: extras.map(normalizeExtra) });
  }
  return found;
}

function libFolders(entries: readonly ManifestEntry[]): Set<string> {
  const folders = new Set<string>();
  for (const { path } of entries) {
    if (!path.startsWith("lib/")) continue;
    for (let slash = path.lastIndexOf("/"); slash > 3; slash = path.lastIndexOf("/", slash - 1)) {
      const folder = path.slice(4, slash);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return folders;
}

/** By its name or its execute bit a file may be a native library; then its first bytes tell. */
const NATIVE_NAME = /\.(so|dylib)(\.[0-9.]+)?$/;

function climbsOut(tree: string, entry: ManifestEntry, folders: ReadonlySet<string>): boolean {
  if (
    !entry.path.startsWith("lib/") ||
    !(entry.executable || NATIVE_NAME.test(entry.path)) ||
    entry.size < 64
  ) {
    return false;
  }
  const file = openSync(`${tree}/${entry.path}`, "r");
  try {
    return escapingRpath(accessFile(file, entry.size), entry.path.slice(4), (folder) => folders.has(folder));
  } finally {
    closeSync(file);
  }
}

/** Signatures of RECORD are not listed in it (PEP 427). */
const UNLISTED = /\/RECORD\.(jws|p7s)$/;

function isPlain(record: readonly RecordRow[], entries: readonly ManifestEntry[], distInfo: string): boolean {
  const listed = new Set(record.map(({ path }) => path));
  const lib = entries.filter(({ path }) => path.startsWith("lib/")).map(({ path }) => path.slice(4));
  const here = new Set(lib);
  return (
    listed.size === record.length &&
    record.every(({ path }) => here.has(path)) &&
    lib.every((path) => listed.has(path) || (path.startsWith(`${distInfo}/`) && UNLISTED.test(path)))
  );
}
