import { archivePathFault, createPathRegister, quoted } from "../platform/archive-path.ts";
import {
  MANIFEST_ENTRY,
  MANIFEST_HEADER,
  MANIFEST_MAGIC,
  MANIFEST_VERSION,
  MAX_FILES,
} from "./dxpkg-layout.ts";
import { TREE_FOLDERS } from "./package-object.ts";

/** The canonical manifest: every file of a package object with its size, mode and hash. Its BLAKE3 is the output hash. */
export interface ManifestEntry {
  /** `lib/…`, `scripts/…`, `headers/…` or `data/…`. */
  path: string;
  executable: boolean;
  /** Bytes. */
  size: number;
  /** 32 bytes. */
  blake3: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export interface EncodedManifest {
  bytes: Uint8Array;
  /** Sorted by the bytes of their paths. */
  entries: ManifestEntry[];
  /** Their paths in UTF-8, in the same order. */
  paths: Uint8Array[];
  /** Where each entry begins in `bytes`. */
  offsets: number[];
}

/** Writes the manifest (docs/formats/dxpkg.md, "The manifest"); the entries may come in any order. */
export function encodeManifest(entries: readonly ManifestEntry[]): EncodedManifest {
  const sorted = entries
    .map((entry) => ({ entry, path: encoder.encode(entry.path) }))
    .sort((a, b) => Buffer.compare(a.path, b.path));
  const total = sorted.reduce((sum, { path }) => sum + MANIFEST_ENTRY + path.length, MANIFEST_HEADER);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MANIFEST_MAGIC, true);
  view.setUint32(4, MANIFEST_VERSION, true);
  view.setUint32(8, sorted.length, true);
  const offsets: number[] = [];
  let at = MANIFEST_HEADER;
  for (const { entry, path } of sorted) {
    offsets.push(at);
    view.setBigUint64(at, BigInt(entry.size), true);
    bytes.set(entry.blake3, at + 8);
    bytes[at + 40] = entry.executable ? 1 : 0;
    view.setUint16(at + 42, path.length, true);
    bytes.set(path, at + MANIFEST_ENTRY);
    at += MANIFEST_ENTRY + path.length;
  }
  return { bytes, entries: sorted.map(({ entry }) => entry), paths: sorted.map(({ path }) => path), offsets };
}

/** One entry, its path still as bytes; `undefined` when it does not fit into the manifest or says what cannot be. */
export function readManifestEntry(
  manifest: Uint8Array,
  at: number,
): { size: number; blake3: Uint8Array; executable: boolean; path: Uint8Array; next: number } | undefined {
  if (at < MANIFEST_HEADER || at + MANIFEST_ENTRY > manifest.length) return undefined;
  const view = new DataView(manifest.buffer, manifest.byteOffset, manifest.byteLength);
  const size = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
  const mode = manifest[at + 40];
  const next = at + MANIFEST_ENTRY + view.getUint16(at + 42, true);
  if (next > manifest.length || size > Number.MAX_SAFE_INTEGER || (mode !== 0 && mode !== 1))
    return undefined;
  return {
    size,
    blake3: manifest.subarray(at + 8, at + 40),
    executable: mode === 1,
    path: manifest.subarray(at + MANIFEST_ENTRY, next),
    next,
  };
}

/** The number of files that a manifest declares, or `undefined` when it is none of this version. */
export function manifestCount(manifest: Uint8Array): number | undefined {
  if (manifest.length < MANIFEST_HEADER) return undefined;
  const view = new DataView(manifest.buffer, manifest.byteOffset, manifest.byteLength);
  const known = view.getUint32(0, true) === MANIFEST_MAGIC && view.getUint32(4, true) === MANIFEST_VERSION;
  return known ? view.getUint32(8, true) : undefined;
}

/**
 * Reads a manifest that may come from anybody and checks all that the format demands: order, modes, paths that may become
 * files. Returns what is in it, or what is wrong as a sentence.
 */
export function decodeManifest(manifest: Uint8Array): EncodedManifest | string {
  const count = manifestCount(manifest);
  if (count === undefined) return "its manifest is not one of version 1";
  if (count > MAX_FILES) return `its manifest has too many files (${count})`;
  const entries: ManifestEntry[] = [];
  const paths: Uint8Array[] = [];
  const offsets: number[] = [];
  const register = createPathRegister();
  let previous: Uint8Array | undefined;
  let at = MANIFEST_HEADER;
  for (let i = 0; i < count; i += 1) {
    const raw = readManifestEntry(manifest, at);
    if (raw === undefined) return `entry ${i + 1} of its manifest is damaged`;
    if (previous !== undefined && Buffer.compare(previous, raw.path) >= 0)
      return "its manifest is not sorted";
    const path = decodePath(raw.path);
    if (path === undefined) return `entry ${i + 1} of its manifest has a path that is not UTF-8`;
    const fault = treePathFault(path) ?? register.add(path, false);
    if (fault !== undefined) return `${quoted(path)} ${fault}`;
    if (manifest[at + 41] !== 0) return `entry ${i + 1} of its manifest is damaged`;
    entries.push({ path, executable: raw.executable, size: raw.size, blake3: raw.blake3 });
    paths.push(raw.path);
    offsets.push(at);
    previous = raw.path;
    at = raw.next;
  }
  if (at !== manifest.length) return "its manifest has more in it than files";
  return { bytes: manifest, entries, paths, offsets };
}

export function decodePath(path: Uint8Array): string | undefined {
  try {
    return decoder.decode(path);
  } catch {
    return undefined;
  }
}

/** Why a path has no place in a tree, or `undefined`. */
export function treePathFault(path: string): string | undefined {
  const fault = archivePathFault(path);
  if (fault !== undefined) return fault;
  const slash = path.indexOf("/");
  const known = slash !== -1 && (TREE_FOLDERS as readonly string[]).includes(path.slice(0, slash));
  return known ? undefined : "is not in lib/, scripts/, headers/ or data/";
}
