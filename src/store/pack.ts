import { closeSync, mkdirSync, openSync } from "node:fs";
import { renameReplacing, uniqueName, writeWhole } from "../platform/atomic-file.ts";
import { loadBulkBlake3 } from "../platform/blake3.ts";
import type { Home } from "../platform/home.ts";
import { mapReadOnly } from "../platform/mapping.ts";
import { createStaging, endStaging, removeTree } from "../platform/staging.ts";
import { describePackage, distInfoOf } from "./describe-package.ts";
import { align, badPackage, DATA_ALIGNMENT, HEADER_SIZE } from "./dxpkg-layout.ts";
import { readHeader } from "./dxpkg-reader.ts";
import { encodePackage } from "./dxpkg-writer.ts";
import { storeFailure } from "./ingest.ts";
import { decodeManifest, encodeManifest } from "./manifest.ts";
import type { PackageObject } from "./package-object.ts";
import { bytesSource, type PackedSource, WINDOW } from "./packed-source.ts";
import { placeObject } from "./place-object.ts";
import type { Store, StoredPackage } from "./store.ts";
import { checkHash } from "./store-level.ts";
import { createTreeWriter } from "./tree-writer.ts";

/** The packed form of a `.dxpkg`, which holds the files too: what a binary cache moves. */

/**
 * The packed file in pieces, in order: slices of mappings, valid until `stored` is closed. The same object gives the same
 * bytes on every machine. Contents are not verified here: the receiver does it.
 */
export function* packedPieces(stored: StoredPackage): Generator<Uint8Array> {
  const { bytes, dataOffsets } = packedHead(stored);
  yield bytes;
  let at = bytes.length;
  let i = 0;
  for (const entry of stored.manifest()) {
    const start = dataOffsets[i] ?? at;
    if (start > at) yield new Uint8Array(start - at);
    if (entry.size > 0) yield stored.file(entry.path);
    at = start + entry.size;
    i += 1;
  }
}

/** Size of the packed file in bytes. */
export function packedSize(stored: StoredPackage): number {
  return packedHead(stored).totalSize;
}

function packedHead(stored: StoredPackage) {
  return encodePackage(stored.object, encodeManifest([...stored.manifest()]), true);
}

/** Writes the packed file, whole or not at all, and returns its size. Failures as of `store.open`. */
export function packObject(store: Store, hash: string, destination: string): number {
  const stored = store.open(hash);
  const temporary = `${destination}.${uniqueName()}`;
  try {
    const file = openSync(temporary, "wx", 0o644);
    let size = 0;
    try {
      for (const piece of packedPieces(stored)) {
        writeWhole(file, piece);
        size += piece.length;
      }
    } finally {
      closeSync(file);
    }
    renameReplacing(temporary, destination);
    return size;
  } finally {
    removeTree(temporary);
    stored.close();
  }
}

export interface UnpackPackedOptions {
  /** The file: what comes of a source, its bytes, or where it is. */
  from?: PackedSource;
  bytes?: Uint8Array;
  path?: string;
  /** What the content must be, whoever sent it. */
  outputHash: string;
  home: Home;
  store?: Pick<Store, "root">;
  /** What messages call it: the cache's name or URL. Default: the path. */
  source?: string;
}

/** Goes through a source and knows where it is. */
function createReader(from: PackedSource) {
  let at = 0;
  const next = (length: number): Uint8Array => {
    const piece = from.next(length);
    at += piece.length;
    return piece;
  };
  /** False when the source ends before. */
  const pieces = (length: number, sink: (piece: Uint8Array) => void): boolean => {
    for (let left = length; left > 0; ) {
      const asked = Math.min(left, WINDOW);
      const piece = next(asked);
      if (piece.length < asked) return false;
      sink(piece);
      left -= asked;
    }
    return true;
  };
  return {
    pieces,
    skipTo: (place: number) => pieces(place - at, () => {}),
    /** A copy; shorter than asked where the source ends. */
    take(length: number): Uint8Array {
      const parts: Uint8Array[] = [];
      let left = length;
      while (left > 0) {
        const part = next(Math.min(left, WINDOW)).slice();
        if (part.length === 0) break;
        parts.push(part);
        left -= part.length;
      }
      return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    },
  };
}

/**
 * Takes a packed `.dxpkg` from somebody else into the store. Every content is hashed and must give the output hash; the
 * metadata is drawn anew from the files. Failures `DXPY_BAD_PACKAGE`, those of `describePackage`,
 * `DXPY_STORE_UNWRITABLE`. After any of them the store is as it was.
 */
export async function unpackPacked(
  options: UnpackPackedOptions,
): Promise<{ outputHash: string; object: PackageObject; how: "added" | "present" }> {
  const blake3 = await loadBulkBlake3();
  const outputHash = checkHash(options.outputHash);
  const { home, path } = options;
  const source = options.source ?? path ?? `${outputHash}.dxpkg`;
  const mapping =
    options.bytes === undefined && options.from === undefined && path !== undefined
      ? mapReadOnly(path)
      : undefined;
  const from = options.from ?? bytesSource(options.bytes ?? mapping?.bytes ?? new Uint8Array(), source);
  let staging: string | undefined;
  try {
    const reader = createReader(from);
    const header = readHeader(reader.take(HEADER_SIZE), from.size, source);
    if (!header.packed) throw badPackage(source, "the files are not in it");
    reader.skipTo(header.manifestAt);
    const manifest = reader.take(header.manifestLength);
    if (header.outputHash !== outputHash || blake3.hash(manifest).toHex() !== outputHash) {
      throw badPackage(source, `it is not the package ${outputHash}`);
    }
    const decoded = decodeManifest(manifest);
    if (typeof decoded === "string") throw badPackage(source, decoded);
    const { entries } = decoded;
    staging = createStaging(home);
    const tree = `${staging}/tree`;
    mkdirSync(tree);
    const writer = createTreeWriter(tree, blake3);
    let at = header.dataAt;
    for (const entry of entries) {
      at = align(at, DATA_ALIGNMENT);
      reader.skipTo(at);
      writer.add(entry.path, entry.executable, entry.size, (sink) => {
        if (!reader.pieces(entry.size, sink)) throw badPackage(source, `${entry.path} is cut off`);
      });
      at += entry.size;
      const written = writer.entries.at(-1);
      if (written === undefined || Buffer.compare(written.blake3, entry.blake3) !== 0) {
        throw badPackage(source, `the content of ${entry.path} is not that of its hash`);
      }
    }
    reader.skipTo(header.totalSize);
    from.end();
    const { object } = describePackage(tree, entries, distInfoOf(entries, source), outputHash, source);
    const how = placeObject(options.store?.root ?? home.store, staging, tree, object, decoded);
    return { outputHash, object, how };
  } catch (error) {
    throw storeFailure(error, source);
  } finally {
    if (staging !== undefined) endStaging(home, staging);
    mapping?.close();
  }
}
