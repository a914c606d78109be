import {
  badPackage,
  FLAG_PACKED,
  HEADER_SIZE,
  INDEX_CHECK,
  INDEX_ENTRY_SIZE,
  indexCheck,
  MAGIC,
  MAX_FILES,
  MAX_MANIFEST,
  MAX_METADATA,
  MAX_SLOTS,
  pathHash,
  SLOT_SIZE,
  slotCheck,
  VERSION,
} from "./dxpkg-layout.ts";
import { parsePackageMetadata } from "./dxpkg-metadata.ts";
import { decodeManifest, type ManifestEntry, manifestCount, readManifestEntry } from "./manifest.ts";
import type { PackageObject } from "./package-object.ts";

/** Reads a `.dxpkg` (docs/formats/dxpkg.md) where it lies: nothing is copied, every number is checked before it is used. */
export interface DxpkgHeader {
  packed: boolean;
  totalSize: number;
  /** Lower-case hex. */
  outputHash: string;
  files: number;
  slots: number;
  metadataLength: number;
  manifestLength: number;
  manifestAt: number;
  indexAt: number;
  slotsAt: number;
  /** 0 when not packed. */
  dataAt: number;
  /** The first four bytes of the output hash. */
  seed: number;
  crc: number;
}

/** Reads and checks the first 128 bytes. `size` is that of the whole file. Failure `DXPY_BAD_PACKAGE`. */
export function readHeader(bytes: Uint8Array, size: number, path: string): DxpkgHeader {
  if (bytes.length < HEADER_SIZE) throw badPackage(path, "it is shorter than a header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const get64 = (at: number) => view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
  if (view.getUint32(0, true) !== MAGIC) throw badPackage(path, "it does not begin with “DXPK”");
  const version = view.getUint16(4, true);
  if (version !== VERSION) {
    throw badPackage(path, `it is of version ${version}, this dx-py reads version ${VERSION}`);
  }
  const flags = view.getUint16(6, true);
  if (flags & ~FLAG_PACKED) throw badPackage(path, `it has flags that this dx-py does not know (${flags})`);
  const header: DxpkgHeader = {
    packed: (flags & FLAG_PACKED) !== 0,
    totalSize: get64(8),
    outputHash: bytes.subarray(16, 48).toHex(),
    files: view.getUint32(48, true),
    slots: view.getUint32(52, true),
    metadataLength: view.getUint32(56, true),
    manifestLength: view.getUint32(60, true),
    manifestAt: get64(64),
    indexAt: get64(72),
    slotsAt: get64(80),
    dataAt: get64(88),
    seed: view.getUint32(16, true),
    crc: view.getUint32(124, true),
  };
  if (header.totalSize !== size) {
    throw badPackage(path, `it is ${size} bytes long and should be ${header.totalSize}`);
  }
  const { files, slots, metadataLength, manifestLength, manifestAt, indexAt, slotsAt, dataAt, packed } =
    header;
  const slotsEnd = slotsAt + slots * SLOT_SIZE;
  const sound =
    files <= MAX_FILES &&
    slots <= MAX_SLOTS &&
    slots > files &&
    (slots & (slots - 1)) === 0 &&
    metadataLength <= MAX_METADATA &&
    manifestLength <= MAX_MANIFEST &&
    HEADER_SIZE + metadataLength <= manifestAt &&
    manifestAt + manifestLength <= indexAt &&
    indexAt + files * INDEX_ENTRY_SIZE <= slotsAt &&
    slotsEnd <= size &&
    manifestAt % 8 === 0 &&
    indexAt % 8 === 0 &&
    slotsAt % 8 === 0 &&
    (packed ? slotsEnd <= dataAt && dataAt <= size : dataAt === 0) &&
    isZero(view, 96, 124);
  if (!sound) throw badPackage(path, "its header is damaged");
  return header;
}

function isZero(view: DataView, from: number, to: number): boolean {
  for (let at = from; at < to; at += 4) if (view.getUint32(at, true) !== 0) return false;
  return true;
}

/** The metadata from bytes that hold the header and it: checks the CRC-32. Failure `DXPY_BAD_PACKAGE`. */
export function readMetadata(bytes: Uint8Array, header: DxpkgHeader, path: string): PackageObject {
  const metadata = bytes.subarray(HEADER_SIZE, HEADER_SIZE + header.metadataLength);
  const crc = Bun.hash.crc32(metadata, Bun.hash.crc32(bytes.subarray(0, 124)));
  if (metadata.length !== header.metadataLength || crc !== header.crc) {
    throw badPackage(path, "its header or metadata is damaged (the checksum is wrong)");
  }
  const object = parsePackageMetadata(metadata, header.outputHash);
  if (object === undefined) throw badPackage(path, "its metadata is not that of a package");
  return object;
}

/** The manifest's bytes, not verified. */
export function manifestBytes(bytes: Uint8Array, header: DxpkgHeader, path: string): Uint8Array {
  const manifest = bytes.subarray(header.manifestAt, header.manifestAt + header.manifestLength);
  if (manifestCount(manifest) !== header.files) throw badPackage(path, "its manifest is damaged");
  return manifest;
}

export interface FoundFile {
  size: number;
  /** 32 bytes. */
  blake3: Uint8Array;
  executable: boolean;
  /** Where its content is in the file; 0 when not packed. */
  dataAt: number;
}

/** Finds a file by its path in constant time; `undefined` when the object has none. Failure `DXPY_BAD_PACKAGE`. */
export function findFile(
  bytes: Uint8Array,
  header: DxpkgHeader,
  name: string,
  path: string,
): FoundFile | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const manifest = manifestBytes(bytes, header, path);
  const wanted = new TextEncoder().encode(name);
  const hash = pathHash(wanted, header.seed);
  const mask = header.slots - 1;
  for (let probe = 0, slot = hash & mask; probe < header.slots; probe += 1, slot = (slot + 1) & mask) {
    const slotAt = header.slotsAt + slot * SLOT_SIZE;
    const number = view.getUint32(slotAt, true);
    if (view.getUint32(slotAt + 4, true) !== slotCheck(slot, number)) break;
    if (number === 0) return undefined;
    if (number > header.files) break;
    const at = header.indexAt + (number - 1) * INDEX_ENTRY_SIZE;
    const entry = checkedEntry(bytes, view, manifest, at);
    if (entry === undefined) break;
    if (view.getUint32(at + 4, true) !== hash || Buffer.compare(entry.path, wanted) !== 0) continue;
    const dataAt = view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 0x1_0000_0000;
    const inData = dataAt >= header.dataAt && dataAt + entry.size <= header.totalSize;
    if (header.packed ? !inData : dataAt !== 0) break;
    return { size: entry.size, blake3: entry.blake3, executable: entry.executable, dataAt };
  }
  throw badPackage(path, "its table of paths is damaged");
}

/** The manifest's entry that an index entry points at; `undefined` when their checksum is wrong. */
function checkedEntry(bytes: Uint8Array, view: DataView, manifest: Uint8Array, at: number) {
  const offset = view.getUint32(at, true);
  const entry = readManifestEntry(manifest, offset);
  if (entry === undefined) return undefined;
  const check = indexCheck(bytes.subarray(at, at + INDEX_ENTRY_SIZE), manifest.subarray(offset, entry.next));
  return check === view.getUint32(at + INDEX_CHECK, true) ? entry : undefined;
}

/** Every file, in the order of the manifest, each against its checksum. Failure `DXPY_BAD_PACKAGE`. */
export function readManifest(bytes: Uint8Array, header: DxpkgHeader, path: string): ManifestEntry[] {
  const manifest = manifestBytes(bytes, header, path);
  const decoded = decodeManifest(manifest);
  if (typeof decoded === "string") throw badPackage(path, decoded);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < header.files; i += 1) {
    if (checkedEntry(bytes, view, manifest, header.indexAt + i * INDEX_ENTRY_SIZE) === undefined)
      throw badPackage(path, `entry ${i + 1} of its manifest is damaged`);
  }
  return decoded.entries;
}
