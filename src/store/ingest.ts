import { mkdirSync } from "node:fs";
import { quoted } from "../platform/archive-path.ts";
import { type BulkBlake3, loadBulkBlake3 } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { mapReadOnly } from "../platform/mapping.ts";
import { fromBase64Url } from "../platform/sha256.ts";
import { createStaging, endStaging } from "../platform/staging.ts";
import { openZip, type ZipArchive } from "../platform/zip.ts";
import { parseWheelFilename } from "../standards/filenames.ts";
import { normalizeName } from "../standards/names.ts";
import type { RecordRow } from "../standards/record.ts";
import { compareVersions, tryParseVersion } from "../standards/version.ts";
import { describePackage } from "./describe-package.ts";
import { encodeManifest } from "./manifest.ts";
import type { PackageObject } from "./package-object.ts";
import { placeObject } from "./place-object.ts";
import type { Store } from "./store.ts";
import { createTreeWriter } from "./tree-writer.ts";
import { badWheel, planWheelTree, type TreeFile } from "./wheel-tree.ts";

/** Unpacks a wheel into the store: checked whole, written once, hashed on the way, put into its place in one step. */
export interface UnpackWheelOptions {
  /** The wheel itself, or where it is. */
  bytes?: Uint8Array;
  path?: string;
  /** By which its name, version and `.dist-info` are checked. */
  filename: string;
  home: Home;
  /** To whose first level it is added. Default: the home's own store. */
  store?: Pick<Store, "root">;
  /** When given, the file name must agree (any spelling of the name). */
  name?: string;
  version?: string;
  /**
   * Compare every file with its SHA-256 in RECORD (a second hash over everything): for wheels that were not verified as
   * a whole. Sizes and presence are always compared. Default true.
   */
  verifyRecord?: boolean;
}

export interface UnpackedWheel {
  outputHash: string;
  object: PackageObject;
  how: "added" | "present";
  /** What contradicts RECORD and does not matter for safety; for `-v`. */
  warnings: string[];
}

/**
 * Failures: `DXPY_BAD_ZIP`, `DXPY_BAD_WHEEL`, `DXPY_BAD_FILENAME`, `DXPY_BAD_METADATA`, `DXPY_STORE_UNWRITABLE`.
 * After any of them the store is as it was.
 */
export async function unpackWheel(options: UnpackWheelOptions): Promise<UnpackedWheel> {
  const blake3 = await loadBulkBlake3();
  const { filename, home, path } = options;
  const wheel = parseWheelFilename(filename);
  if (options.name !== undefined && normalizeName(options.name) !== wheel.name) {
    throw badWheel(filename, `it is not a wheel of ${options.name}`);
  }
  const wanted = options.version === undefined ? undefined : tryParseVersion(options.version);
  if (wanted !== undefined && compareVersions(wanted, wheel.version) !== 0) {
    throw badWheel(filename, `it is not of version ${options.version}`);
  }
  const mapping = options.bytes === undefined && path !== undefined ? mapReadOnly(path) : undefined;
  const bytes = options.bytes ?? mapping?.bytes ?? new Uint8Array();
  let staging: string | undefined;
  try {
    const archive = openZip(bytes, { name: filename });
    const { distInfo, files } = planWheelTree(archive.entries, wheel, filename);
    staging = createStaging(home);
    const tree = `${staging}/tree`;
    mkdirSync(tree);
    const manifest = encodeManifest(writeFiles(tree, archive, files, blake3));
    const outputHash = blake3.hash(manifest.bytes).toHex();
    const { object, record } = describePackage(tree, manifest.entries, distInfo, outputHash, filename);
    const version = tryParseVersion(object.version);
    if (
      normalizeName(object.name) !== wheel.name ||
      version === undefined ||
      compareVersions(version, wheel.version) !== 0
    ) {
      throw badWheel(filename, `its METADATA is that of ${quoted(object.name)} ${quoted(object.version)}`);
    }
    const warnings = compareWithRecord(record, files, distInfo, archive, options.verifyRecord ?? true);
    const how = placeObject(options.store?.root ?? home.store, staging, tree, object, manifest);
    return { outputHash, object, how, warnings };
  } catch (error) {
    throw storeFailure(error, filename);
  } finally {
    if (staging !== undefined) endStaging(home, staging);
    mapping?.close();
  }
}

function writeFiles(tree: string, archive: ZipArchive, files: readonly TreeFile[], blake3: BulkBlake3) {
  const writer = createTreeWriter(tree, blake3);
  for (const { entry, path, executable } of files) {
    writer.add(path, executable, entry.size, (sink) => archive.stream(entry, sink));
  }
  return writer.entries;
}

/** What the system says about the disk (full, read-only, not ours) in words; everything else as it is. */
export function storeFailure(error: unknown, what: string): unknown {
  // The first thing that is written is the lock of the staging folder.
  if (error instanceof Failure && error.code === "DXPY_LOCK_UNAVAILABLE")
    return storeFailure(error.cause, what);
  const { code, syscall, path } = error as { code?: string; syscall?: string; path?: string };
  if (error instanceof Failure || code === undefined || syscall === undefined) return error;
  return new Failure("DXPY_STORE_UNWRITABLE", `${what} could not be put into the store (${code})`, {
    context: path === undefined ? {} : { path },
    hint: HINTS[code] ?? "Check that the folder can be written to, or set DX_PY_HOME to another one.",
    cause: error,
  });
}

const HINTS: Record<string, string> = {
  ENOSPC: "The disk is full: `dx-py cache clean` makes room, or set DX_PY_HOME to a folder on another disk.",
  EXDEV: "The folders tmp and store of DX_PY_HOME must be on one filesystem.",
};

const MAX_WARNINGS = 20;
/** Hashes as RECORD names them, that Bun has too. */
const ALGORITHMS = ["sha256", "sha384", "sha512"] as const;

function compareWithRecord(
  record: readonly RecordRow[],
  files: readonly TreeFile[],
  distInfo: string,
  archive: ZipArchive,
  hashes: boolean,
): string[] {
  const warnings: string[] = [];
  const rows = new Map(record.map((row) => [row.path, row]));
  for (const { entry } of files) {
    const row = rows.get(entry.path);
    rows.delete(entry.path);
    if (row === undefined) {
      if (!entry.path.startsWith(`${distInfo}/RECORD`))
        warnings.push(`${quoted(entry.path)} is not in RECORD`);
      continue;
    }
    const differs =
      (row.size !== undefined && row.size !== entry.size) ||
      (hashes && row.hash !== undefined && !hashMatches(archive, entry, row.hash));
    if (differs) warnings.push(`${quoted(entry.path)} is not what RECORD says`);
  }
  for (const path of rows.keys()) warnings.push(`${quoted(path)} is in RECORD and not in the wheel`);
  if (warnings.length <= MAX_WARNINGS) return warnings;
  return [...warnings.slice(0, MAX_WARNINGS), `… and ${warnings.length - MAX_WARNINGS} more`];
}

function hashMatches(
  archive: ZipArchive,
  entry: TreeFile["entry"],
  hash: NonNullable<RecordRow["hash"]>,
): boolean {
  const algorithm = ALGORITHMS.find((name) => name === hash.algorithm);
  const digest = fromBase64Url(hash.digest);
  if (algorithm === undefined || digest === undefined) return false;
  const hasher = new Bun.CryptoHasher(algorithm);
  archive.stream(entry, (piece) => {
    hasher.update(piece);
  });
  return Buffer.compare(hasher.digest(), digest) === 0;
}
