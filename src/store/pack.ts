import { closeSync, mkdirSync, openSync } from "node:fs";
import { renameReplacing, uniqueName, writeWhole } from "../platform/atomic-file.ts";
import { loadBulkBlake3 } from "../platform/blake3.ts";
import type { Home } from "../platform/home.ts";
import { mapReadOnly } from "../platform/mapping.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { describePackage, distInfoOf } from "./describe-package.ts";
import { align, badPackage, DATA_ALIGNMENT } from "./dxpkg-layout.ts";
import { manifestBytes, readHeader } from "./dxpkg-reader.ts";
import { encodePackage } from "./dxpkg-writer.ts";
import { storeFailure } from "./ingest.ts";
import { decodeManifest, encodeManifest } from "./manifest.ts";
import type { PackageObject } from "./package-object.ts";
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
  bytes?: Uint8Array;
  path?: string;
  /** What the content must be, whoever sent it. */
  outputHash: string;
  home: Home;
  store?: Pick<Store, "root">;
  /** What messages call it: the cache's name or URL. Default: the path. */
  source?: string;
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
  const mapping = options.bytes === undefined && path !== undefined ? mapReadOnly(path) : undefined;
  const bytes = options.bytes ?? mapping?.bytes ?? new Uint8Array();
  let staging: string | undefined;
  try {
    const header = readHeader(bytes, bytes.length, source);
    if (!header.packed) throw badPackage(source, "the files are not in it");
    const manifest = manifestBytes(bytes, header, source);
    if (header.outputHash !== outputHash || blake3.hash(manifest).toHex() !== outputHash) {
      throw badPackage(source, `it is not the package ${outputHash}`);
    }
    const entries = decodeManifest(manifest);
    if (typeof entries === "string") throw badPackage(source, entries);
    staging = createStaging(home);
    const tree = `${staging}/tree`;
    mkdirSync(tree);
    const writer = createTreeWriter(tree, blake3);
    let at = header.dataAt;
    for (const entry of entries) {
      at = align(at, DATA_ALIGNMENT);
      const content = bytes.subarray(at, at + entry.size);
      if (content.length !== entry.size) throw badPackage(source, `${entry.path} is cut off`);
      writer.add(entry.path, entry.executable, entry.size, (sink) => sink(content));
      at += entry.size;
      const written = writer.entries.at(-1);
      if (written === undefined || Buffer.compare(written.blake3, entry.blake3) !== 0) {
        throw badPackage(source, `the content of ${entry.path} is not that of its hash`);
      }
    }
    const { object } = describePackage(tree, entries, distInfoOf(entries, source), outputHash, source);
    const encoded = encodeManifest(entries);
    const how = placeObject(options.store?.root ?? home.store, staging, tree, object, encoded);
    return { outputHash, object, how };
  } catch (error) {
    throw storeFailure(error, source);
  } finally {
    if (staging !== undefined) removeTree(staging);
    mapping?.close();
  }
}
