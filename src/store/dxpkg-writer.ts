import {
  align,
  DATA_ALIGNMENT,
  FLAG_PACKED,
  HEADER_SIZE,
  INDEX_CHECK,
  INDEX_ENTRY_SIZE,
  indexCheck,
  MAGIC,
  pathHash,
  SLOT_SIZE,
  slotCheck,
  slotCount,
  VERSION,
} from "./dxpkg-layout.ts";
import { canonicalMetadata } from "./dxpkg-metadata.ts";
import type { EncodedManifest } from "./manifest.ts";
import type { PackageObject } from "./package-object.ts";

/** Writes the index part of a `.dxpkg` (docs/formats/dxpkg.md): all but the files' contents. */
export interface EncodedPackage {
  /** Everything before the data part, or the whole file when not packed. */
  bytes: Uint8Array;
  /** Size of the whole file. */
  totalSize: number;
  /** Where each content goes, in the order of the manifest; empty when not packed. */
  dataOffsets: number[];
}

export function encodePackage(
  object: PackageObject,
  manifest: EncodedManifest,
  packed: boolean,
): EncodedPackage {
  const outputHash = Uint8Array.fromHex(object.outputHash);
  const metadata = canonicalMetadata(object);
  const files = manifest.entries.length;
  const slots = slotCount(files);
  const manifestAt = align(HEADER_SIZE + metadata.length, 8);
  const indexAt = align(manifestAt + manifest.bytes.length, 8);
  const slotsAt = indexAt + files * INDEX_ENTRY_SIZE;
  const indexEnd = slotsAt + slots * SLOT_SIZE;
  const dataAt = packed ? align(indexEnd, DATA_ALIGNMENT) : 0;
  const dataOffsets = packed ? placeContents(manifest, dataAt) : [];
  const last = files - 1;
  const totalSize = packed ? (dataOffsets[last] ?? dataAt) + (manifest.entries[last]?.size ?? 0) : indexEnd;

  const bytes = new Uint8Array(packed ? dataAt : indexEnd);
  const view = new DataView(bytes.buffer);
  const set64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, packed ? FLAG_PACKED : 0, true);
  set64(8, totalSize);
  bytes.set(outputHash, 16);
  view.setUint32(48, files, true);
  view.setUint32(52, slots, true);
  view.setUint32(56, metadata.length, true);
  view.setUint32(60, manifest.bytes.length, true);
  set64(64, manifestAt);
  set64(72, indexAt);
  set64(80, slotsAt);
  set64(88, dataAt);
  view.setUint32(124, Bun.hash.crc32(metadata, Bun.hash.crc32(bytes.subarray(0, 124))), true);
  bytes.set(metadata, HEADER_SIZE);
  bytes.set(manifest.bytes, manifestAt);

  const seed = view.getUint32(16, true);
  manifest.paths.forEach((path, i) => {
    const hash = pathHash(path, seed);
    const at = indexAt + i * INDEX_ENTRY_SIZE;
    view.setUint32(at, manifest.offsets[i] ?? 0, true);
    view.setUint32(at + 4, hash, true);
    set64(at + 8, dataOffsets[i] ?? 0);
    const inManifest = manifest.bytes.subarray(manifest.offsets[i], manifest.offsets[i + 1]);
    view.setUint32(at + INDEX_CHECK, indexCheck(bytes.subarray(at, at + INDEX_ENTRY_SIZE), inManifest), true);
    let slot = hash & (slots - 1);
    while (view.getUint32(slotsAt + slot * SLOT_SIZE, true) !== 0) slot = (slot + 1) & (slots - 1);
    view.setUint32(slotsAt + slot * SLOT_SIZE, i + 1, true);
  });
  for (let slot = 0; slot < slots; slot += 1) {
    const at = slotsAt + slot * SLOT_SIZE;
    view.setUint32(at + 4, slotCheck(slot, view.getUint32(at, true)), true);
  }
  return { bytes, totalSize, dataOffsets };
}

function placeContents(manifest: EncodedManifest, dataAt: number): number[] {
  const offsets: number[] = [];
  let at = dataAt;
  for (const { size } of manifest.entries) {
    at = align(at, DATA_ALIGNMENT);
    offsets.push(at);
    at += size;
  }
  return offsets;
}
