import { closeSync, openSync, readFileSync, readSync, statSync, writeSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import { sha256Hex } from "../platform/sha256.ts";

/**
 * What is cached of one project on one index, in one file, so that a warm run opens one file per package: the page
 * in compact form, then records of metadata, appended as they are learnt. Little-endian.
 *
 *     0   "DXPI"
 *     4   u16  format, 4
 *     6   u16  1: there is a page; 2: the index has no such project
 *     8   f64  when the index last confirmed the page, milliseconds since the epoch; outside the checksums, because a
 *              revalidation writes these eight bytes in place
 *     16  u32  seconds from then that the page is fresh
 *     20  u32  length of the info, JSON: what a revalidation needs
 *     24  u32  length of the page
 *     28  16 bytes, the beginning of the page's SHA-256: tells whether it is the same page without reading it
 *     44  u32  CRC-32 of bytes 4 to 8 and 16 to 44
 *     48  u32  CRC-32 of the info and the page
 *     52  the info, the page, records
 *
 * A record: u32 length of the payload, u32 CRC-32 of key and payload, 16 bytes key, payload. A record that was cut
 * off or damaged ends the list or is passed over; a damaged page makes the file as good as absent.
 */
const MAGIC = 0x49505844;
const FORMAT = 4;
const HEAD = 52;
const RECORD_HEAD = 24;
const MAX_FILE = 512 * 1024 * 1024;
/** Records beyond this are dropped when the file is written anew. Bytes. */
const MAX_RECORDS = 8 * 1024 * 1024;

/** What a revalidation needs: the policy of http-cache-semantics as an object, with the validators in it. */
export interface PageInfo {
  policy?: unknown;
}

/** What the first bytes of a file say. */
export interface PackageHead {
  state: "page" | "absent" | "unknown";
  validatedAt: number;
  /** Seconds. */
  ttl: number;
  /** 32 hex digits that stand for the page, as `pageDigest` makes them. */
  digest: string;
}

export interface PackageFile extends PackageHead {
  path: string;
  info(): PageInfo;
  /** Bytes that `packPage` made. */
  page: Uint8Array;
  /** The payload of a record by its key (32 hex digits); damaged ones are as if they were not there. */
  record(key: string): Uint8Array | undefined;
  /** Every sound record, as bytes. */
  records(): Uint8Array;
  /** Some record is cut off or damaged: write the file anew rather than append behind it. */
  damaged(): boolean;
}

export function readPackageFile(path: string): PackageFile | undefined {
  const bytes = readWhole(path);
  const head = bytes === undefined ? undefined : decodeHead(bytes);
  if (bytes === undefined || head === undefined) return undefined;
  const infoLength = bytes.readUInt32LE(20);
  const pageLength = bytes.readUInt32LE(24);
  const recordsAt = HEAD + infoLength + pageLength;
  if (recordsAt > bytes.length || bodyCheck(bytes, recordsAt) !== bytes.readUInt32LE(48)) return undefined;
  return {
    ...head,
    path,
    info: () => parseInfo(bytes.toString("utf8", HEAD, HEAD + infoLength)),
    page: bytes.subarray(HEAD + infoLength, recordsAt),
    ...recordsIn(bytes.subarray(recordsAt)),
  };
}

function recordsIn(bytes: Buffer): Pick<PackageFile, "record" | "records" | "damaged"> {
  const isSound = (at: number) =>
    Bun.hash.crc32(bytes.subarray(at + 8, endOf(at))) === bytes.readUInt32LE(at + 4);
  const endOf = (at: number) => at + RECORD_HEAD + bytes.readUInt32LE(at);
  let places: Map<string, number> | undefined;
  let end = 0;
  const locate = () => {
    if (places !== undefined) return places;
    places = new Map();
    while (end + RECORD_HEAD <= bytes.length && endOf(end) <= bytes.length) {
      places.set(bytes.toString("latin1", end + 8, end + RECORD_HEAD), end);
      end = endOf(end);
    }
    return places;
  };
  return {
    record(key) {
      const at = locate().get(Buffer.from(key, "hex").toString("latin1"));
      if (at === undefined) return undefined;
      return isSound(at) ? bytes.subarray(at + RECORD_HEAD, endOf(at)) : undefined;
    },
    records() {
      const sound = [...locate().values()].filter(isSound);
      return Buffer.concat(sound.map((at) => bytes.subarray(at, endOf(at))));
    },
    damaged() {
      const all = [...locate().values()];
      return end !== bytes.length || !all.every(isSound);
    },
  };
}

function decodeHead(bytes: Buffer): PackageHead | undefined {
  if (bytes.length < HEAD || bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt16LE(4) !== FORMAT)
    return undefined;
  if (headCheck(bytes) !== bytes.readUInt32LE(44)) return undefined;
  const flags = bytes.readUInt16LE(6);
  return {
    state: flags & 1 ? "page" : flags & 2 ? "absent" : "unknown",
    validatedAt: bytes.readDoubleLE(8),
    ttl: bytes.readUInt32LE(16),
    digest: bytes.toString("hex", 28, 44),
  };
}

/** One buffer for all heads: nothing of it is kept. */
const headBuffer = Buffer.alloc(HEAD);

/** Only the first bytes of a file, for who wants to know whether its page is the one that was seen before. */
export function readPackageHead(path: string): PackageHead | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    return readSync(file, headBuffer, 0, HEAD, 0) === HEAD ? decodeHead(headBuffer) : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** What stands for a page in a head and in what is remembered of it. 32 hex digits. */
export function pageDigest(page: Uint8Array): string {
  return sha256Hex(page).slice(0, 32);
}

function parseInfo(text: string): PageInfo {
  try {
    return JSON.parse(text) as PageInfo;
  } catch {
    return {};
  }
}

/**
 * Maps the file: its checksum is computed over the page cache, without copying megabytes of which a few kilobytes are
 * looked at. Files here are replaced by renaming and grow by appending, never shortened, so a mapping stays good.
 */
function readWhole(path: string): Buffer | undefined {
  let bytes: Uint8Array;
  try {
    bytes = Bun.mmap(path);
  } catch {
    // Not there, empty, or a cache that this user may only read: Bun maps what can be opened for writing.
    return readCopy(path);
  }
  if (bytes.length > MAX_FILE) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readCopy(path: string): Buffer | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}

function headCheck(bytes: Buffer): number {
  return Bun.hash.crc32(bytes.subarray(16, 44), Bun.hash.crc32(bytes.subarray(4, 8)));
}

function bodyCheck(bytes: Buffer, recordsAt: number): number {
  return Bun.hash.crc32(bytes.subarray(HEAD, recordsAt));
}

export interface PackageFileContent {
  state: PackageFile["state"];
  validatedAt: number;
  ttl: number;
  info: PageInfo;
  page: Uint8Array;
  /** Records to keep, as `PackageFile.records` gives them. */
  records: Uint8Array;
}

/** Writes the file, and returns it as if it had been read. */
export function writePackageFile(path: string, content: PackageFileContent): PackageFile {
  const { state, validatedAt, ttl, page } = content;
  const info = Buffer.from(JSON.stringify(content.info));
  const records = content.records.length > MAX_RECORDS ? new Uint8Array() : content.records;
  const digest = pageDigest(page);
  const head = Buffer.alloc(HEAD);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt16LE(FORMAT, 4);
  head.writeUInt16LE(state === "page" ? 1 : state === "absent" ? 2 : 0, 6);
  head.writeDoubleLE(validatedAt, 8);
  head.writeUInt32LE(Math.min(0xffff_ffff, Math.max(0, Math.floor(ttl))), 16);
  head.writeUInt32LE(info.length, 20);
  head.writeUInt32LE(page.length, 24);
  head.write(digest, 28, 16, "hex");
  head.writeUInt32LE(headCheck(head), 44);
  head.writeUInt32LE(Bun.hash.crc32(page, Bun.hash.crc32(info)), 48);
  quietly(() => {
    ensureDir(path.slice(0, path.lastIndexOf("/")));
    // A page may have megabytes: it is not put together with the rest first.
    writeFileAtomic(path, [Buffer.concat([head, info]), page, records]);
  });
  return {
    path,
    state,
    validatedAt,
    ttl: head.readUInt32LE(16),
    digest,
    info: () => content.info,
    page,
    ...recordsIn(Buffer.from(records)),
  };
}

/** After a revalidation that changed nothing. Eight aligned bytes: a reader sees the old time or the new one. */
export function confirmPackageFile(path: string, validatedAt: number): void {
  const time = Buffer.alloc(8);
  time.writeDoubleLE(validatedAt);
  quietly(() => {
    const file = openSync(path, "r+");
    try {
      writeSync(file, time, 0, 8, 8);
    } finally {
      closeSync(file);
    }
  });
}

/** The bytes of one record, for `appendRecord` and `PackageFileContent.records`. */
export function encodeRecord(key: string, payload: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(RECORD_HEAD + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.write(key, 8, 16, "hex");
  bytes.set(payload, RECORD_HEAD);
  bytes.writeUInt32LE(Bun.hash.crc32(bytes.subarray(8)), 4);
  return bytes;
}

/**
 * Adds a record in one write, so that processes that append at once do not mix theirs. When another process renames
 * a new file into place meanwhile, the record is lost, and learnt again.
 *
 * @param sound the file was read before and is a package file; otherwise it is looked at first.
 */
export function appendRecord(path: string, record: Uint8Array, sound: boolean): void {
  if (!sound && readPackageFile(path) === undefined) {
    writePackageFile(path, { ...UNKNOWN, records: record });
    return;
  }
  quietly(() => {
    const file = openSync(path, "a");
    try {
      writeSync(file, record);
    } finally {
      closeSync(file);
    }
  });
}

const UNKNOWN: Omit<PackageFileContent, "records"> = {
  state: "unknown",
  validatedAt: 0,
  ttl: 0,
  info: {},
  page: new Uint8Array(),
};

/** A cache that cannot be written (read-only home, full disk) costs time, nothing else. */
function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // Fetched again the next time.
  }
}

/** The project's file in an index's folder; safe as a file name whatever the project is called. */
export function packageFilePath(folder: string, project: string): string {
  const safe = /^[a-z0-9][a-z0-9-]{0,99}$/.test(project) ? project : `_${sha256Hex(project).slice(0, 32)}`;
  return `${folder}/${safe}.dxi`;
}
