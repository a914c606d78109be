import { Failure } from "../platform/errors.ts";

/** The numbers of the `.dxpkg` format, as docs/formats/dxpkg.md gives them. */
export const MAGIC = 0x4b505844; // "DXPK", little-endian
export const VERSION = 1;
export const FLAG_PACKED = 1;
export const HEADER_SIZE = 128;
export const INDEX_ENTRY_SIZE = 24;
export const SLOT_SIZE = 8;
export const DATA_ALIGNMENT = 64;

export const MAX_FILES = 1_000_000;
export const MAX_SLOTS = 2 ** 21;
export const MAX_METADATA = 16 * 1024 * 1024;
export const MAX_MANIFEST = 512 * 1024 * 1024;

export const MANIFEST_MAGIC = 0x4d505844; // "DXPM"
export const MANIFEST_VERSION = 1;
export const MANIFEST_HEADER = 12;
/** A manifest entry before its path. */
export const MANIFEST_ENTRY = 44;

/** Failure `DXPY_BAD_PACKAGE` for a `.dxpkg` that is damaged or not understood. */
export function badPackage(path: string, what: string): Failure {
  return new Failure("DXPY_BAD_PACKAGE", `${path} cannot be read: ${what}`, {
    context: { path },
    hint: "Remove this file: the next command that needs the package makes it again.",
  });
}

/** The hash of a path in the index and the slots. */
export function pathHash(path: Uint8Array, seed: number): number {
  return Bun.hash.xxHash32(path, seed);
}

/** Where in an index entry its checksum stands: over what is before it, continued over the file's entry in the manifest. */
export const INDEX_CHECK = 16;

export function indexCheck(indexEntry: Uint8Array, manifestEntry: Uint8Array): number {
  return Bun.hash.crc32(manifestEntry, Bun.hash.crc32(indexEntry.subarray(0, INDEX_CHECK)));
}

const slotWords = new Uint32Array(2);
const slotBytes = new Uint8Array(slotWords.buffer);

/** The checksum of a slot: of its own place and what it holds, so that a free one is known to be free. */
export function slotCheck(slot: number, value: number): number {
  slotWords[0] = slot;
  slotWords[1] = value;
  return Bun.hash.crc32(slotBytes);
}

/** The smallest power of two that leaves at least half of the slots free, and at least 2. */
export function slotCount(files: number): number {
  let slots = 2;
  while (slots < files * 2) slots *= 2;
  return slots;
}

export function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
