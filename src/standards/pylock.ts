/** Checks a parsed `pylock.toml`, whichever tool wrote it, against the specification (PEP 751). */

import { Failure } from "../platform/errors.ts";
import { quote } from "./caret.ts";
import { tryParseSdistFilename, tryParseWheelFilename } from "./filenames.ts";
import { parseMarker } from "./markers.ts";
import { isNormalName } from "./names.ts";
import type {
  PylockDirectory,
  PylockDocument,
  PylockFile,
  PylockPackage,
  PylockVcs,
} from "./pylock-document.ts";
import { tryParseSpecifierSet } from "./specifiers.ts";
import {
  asArray,
  asString,
  asTable,
  keyPath,
  kindOf,
  missing,
  optionalArray,
  optionalBoolean,
  optionalString,
  optionalStrings,
  optionalTable,
  own,
  requiredString,
  shapeFailure,
  type TomlTable,
} from "./toml-shape.ts";
import { compareVersions, tryParseVersion } from "./version.ts";

const SUBJECT = { code: "DXPY_BAD_PYLOCK", subject: "pylock.toml" } as const;
const VERSION_1 = tryParseVersion("1")!;
const VERSION_2 = tryParseVersion("2")!;

/** Failure: DXPY_BAD_PYLOCK with the key path; DXPY_PYLOCK_VERSION when `lock-version` is not 1.x. */
export function validatePylock(document: unknown): PylockDocument {
  const table = asTable(SUBJECT, document, "");
  const lockVersion = requiredString(SUBJECT, table, "lock-version", "");
  checkLockVersion(lockVersion);
  const packages = optionalArray(SUBJECT, table, "packages", "");
  if (packages === undefined) throw missing(SUBJECT, "packages", "");
  return {
    lockVersion,
    environments: (optionalStrings(SUBJECT, table, "environments", "") ?? []).map((marker, i) =>
      checkMarker(marker, `environments[${i}]`),
    ),
    ...optional("requiresPython", readSpecifiers(table, "")),
    extras: (optionalStrings(SUBJECT, table, "extras", "") ?? []).map((name, i) =>
      checkName(name, `extras[${i}]`),
    ),
    dependencyGroups: optionalStrings(SUBJECT, table, "dependency-groups", "") ?? [],
    defaultGroups: optionalStrings(SUBJECT, table, "default-groups", "") ?? [],
    createdBy: requiredString(SUBJECT, table, "created-by", ""),
    packages: packages.map((one, i) => readPackage(one, `packages[${i}]`)),
    ...optional("tool", optionalTable(SUBJECT, table, "tool", "")),
  };
}

function checkLockVersion(text: string): void {
  const version = tryParseVersion(text);
  if (version === undefined) throw shapeFailure(SUBJECT, "lock-version", `${quote(text)} is not a version`);
  if (compareVersions(version, VERSION_1) >= 0 && compareVersions(version, VERSION_2) < 0) return;
  throw new Failure(
    "DXPY_PYLOCK_VERSION",
    `pylock.toml has the format version ${quote(text)}, and only 1.x is known`,
    {
      hint: "Lock again, or use a newer dx-py.",
    },
  );
}

function readPackage(value: unknown, path: string): PylockPackage {
  const table = asTable(SUBJECT, value, path);
  const name = checkName(requiredString(SUBJECT, table, "name", path), keyPath(path, "name"));
  const version = optionalString(SUBJECT, table, "version", path);
  if (version !== undefined && tryParseVersion(version) === undefined) {
    throw shapeFailure(SUBJECT, keyPath(path, "version"), `${quote(version)} is not a version`);
  }
  const marker = optionalString(SUBJECT, table, "marker", path);
  const sdist = optionalTable(SUBJECT, table, "sdist", path);
  const entry: PylockPackage = {
    name,
    ...optional("version", version),
    ...optional("marker", marker === undefined ? undefined : checkMarker(marker, keyPath(path, "marker"))),
    ...optional("requiresPython", readSpecifiers(table, path)),
    dependencies: readTables(table, "dependencies", path),
    ...optional("vcs", readVcs(table, path)),
    ...optional("directory", readDirectory(table, path)),
    ...optional("archive", readArchive(table, path)),
    ...optional("index", optionalString(SUBJECT, table, "index", path)),
    ...optional("sdist", sdist === undefined ? undefined : readNamedFile(sdist, keyPath(path, "sdist"))),
    wheels: readTables(table, "wheels", path).map((one, i) => readNamedFile(one, `${path}.wheels[${i}]`)),
    attestationIdentities: readIdentities(table, path),
    ...optional("tool", optionalTable(SUBJECT, table, "tool", path)),
  };
  checkSources(entry, path);
  checkFilenames(entry, path);
  return entry;
}

function checkSources(entry: PylockPackage, path: string): void {
  const direct = [entry.vcs, entry.directory, entry.archive].filter((one) => one !== undefined).length;
  const files = entry.sdist !== undefined || entry.wheels.length > 0;
  if (files && direct > 0) {
    throw shapeFailure(SUBJECT, path, "vcs, directory and archive exclude sdist and wheels");
  }
  if (!files && direct !== 1) {
    throw shapeFailure(
      SUBJECT,
      path,
      "sdist or wheels are expected, or exactly one of vcs, directory and archive",
    );
  }
}

function checkFilenames(entry: PylockPackage, path: string): void {
  const files = entry.wheels.map((file, i) => ({ file, at: `${path}.wheels[${i}]`, kind: "wheel" }));
  if (entry.sdist !== undefined) files.push({ file: entry.sdist, at: `${path}.sdist`, kind: "sdist" });
  const version = entry.version === undefined ? undefined : tryParseVersion(entry.version)!;
  for (const { file, at, kind } of files) {
    const parsed =
      kind === "wheel"
        ? tryParseWheelFilename(file.name)
        : // Names from before PEP 625 are found by the package's name.
          (tryParseSdistFilename(file.name) ?? tryParseSdistFilename(file.name, entry.name));
    if (parsed === undefined)
      throw shapeFailure(SUBJECT, at, `${quote(file.name)} is not the name of a ${kind}`);
    if (parsed.name !== entry.name && tryParseSdistFilename(file.name, entry.name) === undefined) {
      throw shapeFailure(SUBJECT, at, `${quote(file.name)} is no file of the package \`${entry.name}\``);
    }
    if (version !== undefined && compareVersions(parsed.version, version) !== 0) {
      throw shapeFailure(SUBJECT, at, `${quote(file.name)} is not of the version ${entry.version}`);
    }
  }
}

function readVcs(parent: TomlTable, parentPath: string): PylockVcs | undefined {
  const table = optionalTable(SUBJECT, parent, "vcs", parentPath);
  if (table === undefined) return undefined;
  const path = keyPath(parentPath, "vcs");
  return {
    type: requiredString(SUBJECT, table, "type", path),
    ...readPlace(table, path),
    ...optional("requestedRevision", optionalString(SUBJECT, table, "requested-revision", path)),
    commitId: requiredString(SUBJECT, table, "commit-id", path),
    ...optional("subdirectory", optionalString(SUBJECT, table, "subdirectory", path)),
  };
}

function readDirectory(parent: TomlTable, parentPath: string): PylockDirectory | undefined {
  const table = optionalTable(SUBJECT, parent, "directory", parentPath);
  if (table === undefined) return undefined;
  const path = keyPath(parentPath, "directory");
  return {
    path: requiredString(SUBJECT, table, "path", path),
    editable: optionalBoolean(SUBJECT, table, "editable", path) ?? false,
    ...optional("subdirectory", optionalString(SUBJECT, table, "subdirectory", path)),
  };
}

function readArchive(parent: TomlTable, parentPath: string): PylockPackage["archive"] {
  const table = optionalTable(SUBJECT, parent, "archive", parentPath);
  if (table === undefined) return undefined;
  const path = keyPath(parentPath, "archive");
  return {
    ...readFile(table, path, undefined),
    ...optional("subdirectory", optionalString(SUBJECT, table, "subdirectory", path)),
  };
}

function readNamedFile(table: TomlTable, path: string): PylockFile {
  return readFile(table, path, optionalString(SUBJECT, table, "name", path));
}

function readFile(table: TomlTable, path: string, name: string | undefined): PylockFile {
  const place = readPlace(table, path);
  return {
    name: name || lastPart(place),
    ...place,
    ...optional("size", readSize(table, path)),
    ...optional("uploadTime", readTime(own(table, "upload-time"), keyPath(path, "upload-time"))),
    hashes: readHashes(table, path),
  };
}

function readPlace(table: TomlTable, path: string): { url?: string; path?: string } {
  const url = optionalString(SUBJECT, table, "url", path);
  const file = optionalString(SUBJECT, table, "path", path);
  if (!url && !file) throw shapeFailure(SUBJECT, path, "a path or a url is expected");
  return { ...optional("url", url), ...optional("path", file) };
}

/** The file's name where none is given: the end of the path, else of the URL, its escapes resolved. */
function lastPart(place: { url?: string; path?: string }): string {
  if (place.path) return place.path.slice(place.path.lastIndexOf(place.path.includes("/") ? "/" : "\\") + 1);
  const path = place.url!.replace(/[?#].*$/s, "");
  const last = path.slice(path.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function readSize(table: TomlTable, path: string): number | undefined {
  const size = own(table, "size");
  if (size === undefined || (typeof size === "number" && Number.isSafeInteger(size))) return size;
  throw shapeFailure(SUBJECT, keyPath(path, "size"), `a whole number is expected, not ${kindOf(size)}`);
}

/** TOML parsers give a `Date`, or one of Temporal's classes; a local time is taken for UTC, as the specification has it. */
function readTime(value: unknown, path: string): number | undefined {
  if (value === undefined) return undefined;
  const isMoment = typeof value === "object" && value !== null && kindOf(value) === "a date or time";
  const text = value instanceof Date ? value.toISOString() : isMoment ? String(value) : "";
  const match = /^(\d{4}-\d\d-\d\dT[\d:]+(?:\.\d{1,3})?)\d*(Z|[+-]\d\d:\d\d)?$/.exec(text);
  const time = match === null ? Number.NaN : Date.parse(match[1]! + (match[2] ?? "Z"));
  if (!Number.isNaN(time)) return time;
  throw shapeFailure(SUBJECT, path, `a date with a time is expected, not ${kindOf(value)}`);
}

function readHashes(table: TomlTable, path: string): Record<string, string> {
  const hashes = optionalTable(SUBJECT, table, "hashes", path);
  const at = keyPath(path, "hashes");
  if (hashes === undefined) throw missing(SUBJECT, "hashes", path);
  const entries = Object.entries(hashes).map(
    ([algorithm, digest]) => [algorithm, asString(SUBJECT, digest, keyPath(at, algorithm))] as const,
  );
  if (entries.length === 0) throw shapeFailure(SUBJECT, at, "one hash at least is expected");
  return Object.fromEntries(entries);
}

function readIdentities(table: TomlTable, path: string): TomlTable[] {
  const identities = readTables(table, "attestation-identities", path);
  identities.forEach(
    (one, i) => void requiredString(SUBJECT, one, "kind", `${path}.attestation-identities[${i}]`),
  );
  return identities;
}

function readTables(table: TomlTable, key: string, parent: string): TomlTable[] {
  const path = keyPath(parent, key);
  const value = own(table, key);
  if (value === undefined) return [];
  return asArray(SUBJECT, value, path).map((one, i) => asTable(SUBJECT, one, `${path}[${i}]`));
}

function readSpecifiers(table: TomlTable, path: string): string | undefined {
  const text = optionalString(SUBJECT, table, "requires-python", path);
  if (text === undefined || tryParseSpecifierSet(text) !== undefined) return text;
  throw shapeFailure(
    SUBJECT,
    keyPath(path, "requires-python"),
    `${quote(text)} is not a set of version specifiers`,
  );
}

function checkMarker(text: string, path: string): string {
  parseMarker(text, { where: path });
  return text;
}

function checkName(name: string, path: string): string {
  if (isNormalName(name)) return name;
  throw shapeFailure(SUBJECT, path, `${quote(name)} is not a normalised name`);
}

/** The key with its value, or nothing. */
function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: V });
}
