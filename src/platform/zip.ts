import { createPathRegister, quoted } from "./archive-path.ts";
import { sharedInflater } from "./inflate.ts";
import type { Mapping } from "./mapping.ts";
import { accessBytes, type RandomAccess } from "./random-access.ts";
import { badZip, readZipDirectory, type ZipEntry, type ZipLimits } from "./zip-directory.ts";

/** Zip archives, read strictly: every local header must say what the central directory says, every byte must belong to something. */
export interface ZipOptions extends ZipLimits {
  /** What messages call the archive: its file name. */
  name?: string;
}

export interface ZipArchive {
  /** In the order of the central directory. */
  readonly entries: readonly ZipEntry[];
  get(path: string): ZipEntry | undefined;
  /** The whole content, in `into` when it is given and large enough (its first `entry.size` bytes are returned). */
  read(entry: ZipEntry, into?: Uint8Array): Uint8Array;
  /** The content in pieces of at most about 1 MB; each is valid during its call, in which no other entry may be read. What was handed out is only to be believed when this returns. */
  stream(entry: ZipEntry, sink: (piece: Uint8Array) => void): void;
}

const LOCAL = 30;

/**
 * Opens an archive and checks its structure whole: no content is read. Failure `DXPY_BAD_ZIP` here, and from
 * `read`/`stream` for content that contradicts its size or CRC-32.
 */
export function openZip(source: Uint8Array | Mapping | RandomAccess, options: ZipOptions = {}): ZipArchive {
  const access = toRandomAccess(source);
  const archive = options.name ?? "the zip file";
  const { entries, offset } = readDirectory(access, archive, options);
  const register = createPathRegister(options);
  for (const entry of entries) {
    const fault = register.add(entry.path, entry.isDirectory);
    // A folder's own entry may come once; that it exists is said by the files in it as often as they like.
    if (fault !== undefined) throw badZip(archive, `${quoted(entry.path)} ${fault}`);
  }
  checkDirectoriesOnce(entries, archive);
  if (entries.length > 0 && !entries.some((entry) => entry.offset === 0)) {
    throw badZip(archive, "other data stands before its first entry");
  }
  if (entries.length === 0 && offset !== 0) throw badZip(archive, "other data stands before the archive");
  const dataStarts = new Map(entries.map((entry) => [entry, checkLocalHeader(access, entry, archive)]));
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));

  const stream = (entry: ZipEntry, sink: (piece: Uint8Array) => void) => {
    const start = dataStarts.get(entry) ?? 0;
    const raw = access.read(start, entry.compressedSize);
    const fault = inflateEntry(raw, entry, sink);
    if (fault !== undefined) throw badZip(archive, `${quoted(entry.path)} ${fault}`);
  };
  return {
    entries,
    get: (path) => byPath.get(path),
    stream,
    read(entry, into) {
      const whole = into !== undefined && into.length >= entry.size ? into : new Uint8Array(entry.size);
      let at = 0;
      stream(entry, (piece) => {
        whole.set(piece, at);
        at += piece.length;
      });
      return whole.subarray(0, entry.size);
    },
  };
}

/**
 * Turns an entry's raw bytes into its content, piece by piece, and checks size and CRC-32. Returns what is wrong as the
 * end of a sentence, or `undefined`.
 */
export function inflateEntry(
  raw: Uint8Array,
  entry: ZipEntry,
  sink: (piece: Uint8Array) => void,
): string | undefined {
  let crc = 0;
  const take = (piece: Uint8Array) => {
    crc = Bun.hash.crc32(piece, crc);
    sink(piece);
  };
  if (entry.method === 0) {
    if (raw.length > 0) take(raw);
  } else {
    const fault = sharedInflater().inflate(raw, entry.size, take);
    if (fault !== undefined) return fault;
  }
  return crc === entry.crc32 ? undefined : "is damaged (its checksum is wrong)";
}

/**
 * The content of one entry from the bytes [entry.offset, entry.end) of the archive: for range requests. Failure
 * `DXPY_BAD_ZIP`.
 */
export function readZipEntryAt(span: Uint8Array, entry: ZipEntry, archive = "the zip file"): Uint8Array {
  const access: RandomAccess = {
    size: entry.end,
    read: (offset, length) => span.subarray(offset - entry.offset, offset - entry.offset + length),
  };
  if (span.length < entry.end - entry.offset) throw badZip(archive, `${quoted(entry.path)} is cut off`);
  const start = checkLocalHeader(access, entry, archive);
  const whole = new Uint8Array(entry.size);
  let at = 0;
  const fault = inflateEntry(access.read(start, entry.compressedSize), entry, (piece) => {
    whole.set(piece, at);
    at += piece.length;
  });
  if (fault !== undefined) throw badZip(archive, `${quoted(entry.path)} ${fault}`);
  return whole;
}

function toRandomAccess(source: Uint8Array | Mapping | RandomAccess): RandomAccess {
  if ("read" in source) return source;
  return accessBytes(source instanceof Uint8Array ? source : source.bytes);
}

function readDirectory(access: RandomAccess, archive: string, limits: ZipLimits) {
  let start = Math.max(0, access.size - 70_000);
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const tail = access.read(start, access.size - start);
    const result = readZipDirectory(tail, access.size, archive, limits);
    if (result.kind === "entries") return result;
    start = result.start;
  }
  throw badZip(archive, "its central directory cannot be found");
}

function checkDirectoriesOnce(entries: readonly ZipEntry[], archive: string): void {
  const seen = new Set<string>();
  for (const { path, isDirectory } of entries) {
    if (!isDirectory) continue;
    if (seen.has(path)) throw badZip(archive, `${quoted(path)} occurs twice`);
    seen.add(path);
  }
}

/** Returns where the entry's data begins. */
function checkLocalHeader(access: RandomAccess, entry: ZipEntry, archive: string): number {
  const fail = (what: string): never => {
    throw badZip(archive, `${quoted(entry.path)} ${what}`);
  };
  const contradicts = (what: string) =>
    fail(`has a local header that contradicts the central directory (${what})`);
  const header = access.read(entry.offset, LOCAL);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (header.length < LOCAL || view.getUint32(0, true) !== 0x04034b50) fail("has no local header");
  const flags = view.getUint16(6, true);
  // What matters for the content: encryption, the descriptor after the data, UTF-8, hidden headers.
  if ((flags ^ entry.flags) & 0x2849) contradicts("flags");
  if (view.getUint16(8, true) !== entry.method) contradicts("method");
  const nameLength = view.getUint16(26, true);
  const extraLength = view.getUint16(28, true);
  const rest = access.read(entry.offset + LOCAL, nameLength + extraLength);
  if (Buffer.compare(rest.subarray(0, nameLength), entry.rawName) !== 0) contradicts("name");
  const sizes = localSizes(view, rest.subarray(nameLength), fail);
  const hasDescriptor = (flags & 8) !== 0;
  const same = (local: number, central: number) => local === central || (hasDescriptor && local === 0);
  if (!same(view.getUint32(14, true), entry.crc32)) contradicts("checksum");
  if (!same(sizes.compressedSize, entry.compressedSize) || !same(sizes.size, entry.size)) contradicts("size");
  const start = entry.offset + LOCAL + nameLength + extraLength;
  const end = start + entry.compressedSize;
  if (end > entry.end) fail("overlaps with another entry");
  if (hasDescriptor) checkDescriptor(access.read(end, entry.end - end), entry, fail);
  else if (end !== entry.end) fail("is followed by data that belongs to no entry");
  return start;
}

function localSizes(view: DataView, extra: Uint8Array, fail: (what: string) => never) {
  const sizes = { compressedSize: view.getUint32(18, true), size: view.getUint32(22, true) };
  const fields = new DataView(extra.buffer, extra.byteOffset, extra.byteLength);
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + fields.getUint16(at + 2, true);
    if (end > extra.length) fail("has an extra field that is cut off");
    if (fields.getUint16(at, true) === 1 && end - at >= 20) {
      const at64 = (i: number) => fields.getUint32(i, true) + fields.getUint32(i + 4, true) * 0x1_0000_0000;
      if (sizes.size === 0xffffffff) sizes.size = at64(at + 4);
      if (sizes.compressedSize === 0xffffffff) sizes.compressedSize = at64(at + 12);
    }
    at = end;
  }
  return sizes;
}

/** The record after the data: with or without a signature, sizes of 4 or 8 bytes; it must fill the gap and agree. */
function checkDescriptor(gap: Uint8Array, entry: ZipEntry, fail: (what: string) => never): void {
  const view = new DataView(gap.buffer, gap.byteOffset, gap.byteLength);
  const wide = gap.length === 20 || gap.length === 24;
  const signed = gap.length === 16 || gap.length === 24;
  if (!wide && !signed && gap.length !== 12) fail("is followed by data that belongs to no entry");
  const at = signed ? 4 : 0;
  const low = (i: number) => view.getUint32(at + i, true);
  const agrees =
    (!signed || view.getUint32(0, true) === 0x08074b50) &&
    low(0) === entry.crc32 &&
    low(4) === entry.compressedSize % 0x1_0000_0000 &&
    low(wide ? 12 : 8) === entry.size % 0x1_0000_0000 &&
    (!wide ||
      (low(8) === Math.floor(entry.compressedSize / 2 ** 32) &&
        low(16) === Math.floor(entry.size / 2 ** 32)));
  if (!agrees) fail("has a data descriptor that contradicts the central directory");
}
