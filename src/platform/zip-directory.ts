import { archivePathFault, type PathRules, quoted } from "./archive-path.ts";
import { Failure } from "./errors.ts";

/**
 * The central directory of a zip file (APPNOTE 6.3): found from the file's end, read strictly. Whatever two readers
 * could understand differently is refused, because the one that checks and the one that unpacks must see the same files.
 */
export interface ZipEntry {
  /** Relative, with `/`, without a closing slash; checked by `archivePathFault`. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** 0 stored, 8 deflated. */
  readonly method: 0 | 8;
  readonly flags: number;
  readonly crc32: number;
  /** Bytes. */
  readonly compressedSize: number;
  readonly size: number;
  /** Where the local header is in the file. */
  readonly offset: number;
  /** Where the next entry (or the central directory) begins: what is needed to read this one is [offset, end). */
  readonly end: number;
  /** The archive asks for an execute bit. */
  readonly executable: boolean;
  /** The name as bytes: a part of the central directory. */
  readonly rawName: Uint8Array;
}

export interface ZipDirectory {
  readonly kind: "entries";
  /** In the order of the directory. */
  readonly entries: readonly ZipEntry[];
  /** Where the central directory begins in the file. */
  readonly offset: number;
}

/** The tail that was given does not reach back far enough: give the bytes from `start` to the end. */
export interface ZipNeedsMore {
  readonly kind: "more";
  readonly start: number;
}

export interface ZipLimits extends PathRules {
  /** Default 1,000,000. */
  maxEntries?: number;
  /** Sum of the unpacked sizes in bytes. Default 32 GiB. */
  maxBytes?: number;
  /** Only entries whose names end in this (ASCII) are read, and counted for `maxBytes`; the others are passed over. Default: all. */
  endingIn?: string;
}

const END = 22;
const END64 = 56;
const LOCATOR64 = 20;
const CENTRAL = 46;
const LOCAL = 30;
const END_SIGNATURE = Buffer.from([0x50, 0x4b, 5, 6]);
const MAX_COMMENT = 0xffff;
const MAX_DIRECTORY = 256 * 1024 * 1024;
/** Deflate cannot do better than 1032:1; who declares more lies, and would have us allocate it. */
const MAX_RATIO = 1032;

/** Failure `DXPY_BAD_ZIP` that names the archive and what is wrong with it. */
export function badZip(archive: string, what: string): Failure {
  return new Failure("DXPY_BAD_ZIP", `${archive} cannot be unpacked: ${what}`, {
    context: { file: archive },
    hint: "The file is damaged, or was made so that programs disagree about what is in it. Use another version or another source.",
  });
}

/**
 * Reads the directory from the last bytes of an archive of `totalSize` bytes: a range request's answer, or the whole
 * file. Local headers are not looked at (see `openZip`). Failure `DXPY_BAD_ZIP`.
 */
export function readZipDirectory(
  tail: Uint8Array,
  totalSize: number,
  archive = "the zip file",
  limits: ZipLimits = {},
): ZipDirectory | ZipNeedsMore {
  const bytes = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const tailStart = totalSize - tail.length;
  const wanted = Math.min(totalSize, END + MAX_COMMENT);
  const found = findEnd(bytes, archive);
  if (found === undefined) {
    if (tail.length < wanted) return { kind: "more", start: totalSize - wanted };
    throw badZip(archive, "it is not a zip file, or it is cut off");
  }
  const end = readEnd(view, found, tailStart, archive);
  if (end === "more") {
    return { kind: "more", start: Math.max(0, tailStart + found - LOCATOR64 - END64) };
  }
  const { offset, size, count } = end;
  if (offset + size !== end.directoryEnd) {
    throw badZip(
      archive,
      "its central directory is not where it says, or other data stands before the archive",
    );
  }
  if (count > (limits.maxEntries ?? 1_000_000)) throw badZip(archive, `it has too many entries (${count})`);
  if (size > MAX_DIRECTORY || count * CENTRAL > size) {
    throw badZip(archive, "its number of entries contradicts the size of its central directory");
  }
  if (offset < tailStart) return { kind: "more", start: offset };
  const directory = bytes.subarray(offset - tailStart, offset - tailStart + size);
  return { kind: "entries", entries: readEntries(directory, offset, count, archive, limits), offset };
}

/** The place of the end record in the tail: the one whose comment reaches exactly to the file's end. Two such places are refused. */
function findEnd(tail: Buffer, archive: string): number | undefined {
  let found: number | undefined;
  const lowest = Math.max(0, tail.length - END - MAX_COMMENT);
  for (let at = tail.length - END; at >= lowest; at -= 1) {
    at = tail.lastIndexOf(END_SIGNATURE, at);
    if (at < lowest) break;
    if (at + END + tail.readUInt16LE(at + 20) !== tail.length) continue;
    if (found !== undefined) throw badZip(archive, "it has two places that could be its end");
    found = at;
  }
  return found;
}

interface End {
  offset: number;
  size: number;
  count: number;
  /** Where the directory must end. */
  directoryEnd: number;
}

function readEnd(view: DataView, at: number, tailStart: number, archive: string): End | "more" {
  const plain = {
    disk: view.getUint16(at + 4, true),
    directoryDisk: view.getUint16(at + 6, true),
    countHere: view.getUint16(at + 8, true),
    count: view.getUint16(at + 10, true),
    size: view.getUint32(at + 12, true),
    offset: view.getUint32(at + 16, true),
  };
  const locator = at - LOCATOR64;
  if (locator < 0 && tailStart > 0) return "more";
  if (locator < 0 || view.getUint32(locator, true) !== 0x07064b50) {
    if (plain.disk !== 0 || plain.directoryDisk !== 0 || plain.countHere !== plain.count) {
      throw badZip(archive, "it is one part of an archive in several parts");
    }
    return { offset: plain.offset, size: plain.size, count: plain.count, directoryEnd: tailStart + at };
  }
  const record = locator - END64;
  if (record < 0 && tailStart > 0) return "more";
  const where = big(view, locator + 8, archive);
  if (record < 0 || where !== tailStart + record || view.getUint32(record, true) !== 0x06064b50) {
    throw badZip(archive, "its zip64 end record is not where it says");
  }
  const count = big(view, record + 32, archive);
  const size = big(view, record + 40, archive);
  const offset = big(view, record + 48, archive);
  const sameOr = (small: number, sentinel: number, large: number) => small === sentinel || small === large;
  const agrees =
    big(view, record + 4, archive) === END64 - 12 &&
    view.getUint32(record + 16, true) === 0 &&
    view.getUint32(record + 20, true) === 0 &&
    view.getUint32(locator + 4, true) === 0 &&
    view.getUint32(locator + 16, true) <= 1 &&
    big(view, record + 24, archive) === count &&
    sameOr(plain.disk, 0xffff, 0) &&
    sameOr(plain.directoryDisk, 0xffff, 0) &&
    sameOr(plain.countHere, 0xffff, count) &&
    sameOr(plain.count, 0xffff, count) &&
    sameOr(plain.size, 0xffffffff, size) &&
    sameOr(plain.offset, 0xffffffff, offset);
  if (!agrees) throw badZip(archive, "its two end records contradict each other");
  return { offset, size, count, directoryEnd: tailStart + record };
}

/** A 64-bit number that must be exact in a double. */
function big(view: DataView, at: number, archive: string): number {
  const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
  if (value > Number.MAX_SAFE_INTEGER) throw badZip(archive, "it has a size that is not possible");
  return value;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readEntries(
  directory: Buffer,
  directoryOffset: number,
  count: number,
  archive: string,
  limits: ZipLimits,
): ZipEntry[] {
  const { endingIn } = limits;
  const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength);
  const entries: { -readonly [K in keyof ZipEntry]: ZipEntry[K] }[] = [];
  /** Where the entries lie that are not read; of those beyond 4 GiB, no place. */
  const passedOver: number[] = [];
  let at = 0;
  let total = 0;
  for (let i = 0; i < count; i += 1) {
    if (at + CENTRAL > directory.length || view.getUint32(at, true) !== 0x02014b50) {
      throw badZip(archive, `entry ${i + 1} of its central directory is not one`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + CENTRAL + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > directory.length) throw badZip(archive, `entry ${i + 1} of its central directory is cut off`);
    if (endingIn !== undefined && !endsIn(directory, at + CENTRAL + nameLength, nameLength, endingIn)) {
      const offset = view.getUint32(at + 42, true);
      if (offset !== 0xffffffff) passedOver.push(offset);
      at = next;
      continue;
    }
    const rawName = directory.subarray(at + CENTRAL, at + CENTRAL + nameLength);
    const extra = directory.subarray(at + CENTRAL + nameLength, at + CENTRAL + nameLength + extraLength);
    const entry = readEntry(view, at, rawName, extra, archive, limits);
    if (entry.offset + LOCAL + nameLength + entry.compressedSize > directoryOffset) {
      throw badZip(archive, `${quoted(entry.path)} lies outside of the archive`);
    }
    total += entry.size;
    if (total > (limits.maxBytes ?? 32 * 2 ** 30)) throw badZip(archive, "it is too large when unpacked");
    entries.push(entry);
    at = next;
  }
  if (at !== directory.length) throw badZip(archive, "its central directory has more in it than entries");
  const byOffset = [...entries].sort((a, b) => a.offset - b.offset);
  const others = Float64Array.from(passedOver).sort();
  let nextOther = 0;
  byOffset.forEach((entry, i) => {
    entry.end = byOffset[i + 1]?.offset ?? directoryOffset;
    while (others[nextOther]! <= entry.offset) nextOther += 1;
    const other = others[nextOther];
    if (other !== undefined && other < entry.end) entry.end = other;
    if (entry.offset + LOCAL + entry.rawName.length + entry.compressedSize > entry.end) {
      throw badZip(archive, `${quoted(entry.path)} overlaps with another entry`);
    }
  });
  return entries;
}

/** Whether the name that ends there does so in this text. Most differ in their last byte. */
function endsIn(directory: Buffer, end: number, length: number, text: string): boolean {
  const start = end - text.length;
  if (length < text.length || directory[end - 1] !== text.charCodeAt(text.length - 1)) return false;
  return directory.toString("latin1", start, end) === text;
}

function readEntry(
  view: DataView,
  at: number,
  rawName: Uint8Array,
  extra: Uint8Array,
  archive: string,
  limits: ZipLimits,
): ZipEntry {
  const flags = view.getUint16(at + 8, true);
  const written = decodeName(rawName, flags, archive);
  const fail = (what: string): never => {
    throw badZip(archive, `${quoted(written)} ${what}`);
  };
  const isDirectory = written.endsWith("/");
  const path = isDirectory ? written.slice(0, -1) : written;
  const fault = archivePathFault(path, limits);
  if (fault !== undefined) fail(fault);
  if (flags & 0x2041) fail("is encrypted");
  if (flags & 0x20) fail("is a patch to another file");
  const method = view.getUint16(at + 10, true);
  if (method !== 0 && method !== 8) fail(`is compressed by a method that wheels do not use (${method})`);
  const attributes = view.getUint32(at + 38, true) >>> 16;
  const type = attributes & 0o170000;
  if (type === 0o120000) fail("is a symbolic link");
  if (type !== 0 && type !== 0o100000 && type !== 0o040000) fail("is neither a file nor a folder");
  const sizes = {
    size: view.getUint32(at + 24, true),
    compressedSize: view.getUint32(at + 20, true),
    offset: view.getUint32(at + 42, true),
  };
  const disk = readExtra(view.getUint16(at + 34, true), extra, sizes, rawName, fail);
  if (disk !== 0) fail("is in another part of an archive in several parts");
  const { size, compressedSize, offset } = sizes;
  if (isDirectory && size !== 0) fail("is a folder with content");
  if (method === 0 && size !== compressedSize) fail("is stored with two different sizes");
  if (size > compressedSize * MAX_RATIO + 64) fail("says that it unpacks to more than is possible");
  return {
    path,
    isDirectory,
    method: method as 0 | 8,
    flags,
    crc32: view.getUint32(at + 16, true),
    compressedSize,
    size,
    offset,
    end: 0,
    executable: (type === 0 || type === 0o100000) && (attributes & 0o111) !== 0,
    rawName,
  };
}

/** Without the UTF-8 flag a name is in some old encoding: only ASCII is the same in all of them. */
function decodeName(raw: Uint8Array, flags: number, archive: string): string {
  try {
    const name = utf8.decode(raw);
    if (flags & 0x800 || !/[^\x00-\x7f]/.test(name)) return name;
  } catch {
    // Told below.
  }
  const shown = quoted(new TextDecoder("latin1").decode(raw));
  throw badZip(archive, `the name ${shown} is not UTF-8, or does not say that it is`);
}

/** Applies the zip64 field to `sizes`; refuses a second name (Info-ZIP's Unicode path) that says something else. Returns the disk number. */
function readExtra(
  disk: number,
  extra: Uint8Array,
  sizes: { size: number; compressedSize: number; offset: number },
  rawName: Uint8Array,
  fail: (what: string) => never,
): number {
  const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength);
  let seen64 = false;
  let diskNumber = disk;
  for (let at = 0; at + 4 <= extra.length; ) {
    const id = view.getUint16(at, true);
    const end = at + 4 + view.getUint16(at + 2, true);
    if (end > extra.length) fail("has an extra field that is cut off");
    let field = at + 4;
    if (id === 0x0001) {
      if (seen64) fail("has two zip64 fields");
      seen64 = true;
      for (const key of ["size", "compressedSize", "offset"] as const) {
        if (sizes[key] !== 0xffffffff) continue;
        if (field + 8 > end) fail("has a zip64 field that is too short");
        sizes[key] = view.getUint32(field, true) + view.getUint32(field + 4, true) * 0x1_0000_0000;
        if (sizes[key] > Number.MAX_SAFE_INTEGER) fail("has a size that is not possible");
        field += 8;
      }
      if (diskNumber === 0xffff && field + 4 <= end) diskNumber = view.getUint32(field, true);
    } else if (id === 0x7075 && Buffer.compare(extra.subarray(field + 5, end), rawName) !== 0) {
      fail("has a second, different name");
    }
    at = end;
  }
  return diskNumber;
}
