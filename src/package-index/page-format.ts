import { compareVersions, parseVersion, type Version } from "../standards/version.ts";
import type { DistributionFile } from "./distribution.ts";
import type { VersionGroup } from "./listing.ts";
import type { PackagePage } from "./package-page.ts";

/**
 * The compact form of a page: versions in ascending order, each with the place of its files, so that a page of
 * thousands of versions is opened without parsing one, and files are decoded for the versions that are looked at.
 * Little-endian. Its checksum is kept by who stores it (package-file.ts).
 *
 *     0   u32  number of versions, n
 *     4   u32  length of the versions' texts, joined by line feeds (UTF-8)
 *     8   u32  length of the string table, a JSON array
 *     12  u32  n + 1 places of file blocks, relative to the first block
 *     …   n bytes of flags, texts, string table, blocks
 *
 * A block is one file after the other:
 *
 *     u16  bits: 1 sdist, 2 yanked, 4 size, 8 upload time, 16 SHA-256, 32 other hashes, 64 Requires-Python,
 *          128 metadata announced, 256 with SHA-256, 512 with other hashes, 1024 URL in full, 2048 hashed folder
 *     u16  length of the file name, and the name
 *     URL  in full: u16 length and text. Else u16 string (the folder, with its slash), and for a hashed folder
 *          32 bytes that stand for `xx/xx/<60 hex digits>/`; the file name follows.
 *     then, each if its bit is set: u16 string (why yanked), f64 size, f64 upload time, 32 bytes SHA-256,
 *          u16 string (hashes as JSON), u16 string (Requires-Python), 32 bytes, u16 string (hashes as JSON)
 */
const Bit = {
  sdist: 1,
  yanked: 2,
  size: 4,
  uploadTime: 8,
  sha256: 16,
  otherHashes: 32,
  requiresPython: 64,
  metadata: 128,
  metadataSha256: 256,
  metadataOther: 512,
  fullUrl: 1024,
  hashedFolder: 2048,
} as const;

/** Of a folder `…/xx/xx/<60 hex digits>/`: how much of it is digits and slashes. */
const HASHED_LENGTH = 67;
const SHA256 = /^[0-9a-f]{64}$/;
/** Beyond so many distinct folders, URLs are written in full: the string table is decoded whole. */
const MAX_FOLDERS = 200;
const MAX_STRINGS = 0xffff;

export function encodePage(groups: readonly VersionGroup[]): Uint8Array {
  const strings = createStringTable();
  const out = createWriter();
  const places = new Uint32Array(groups.length + 1);
  for (const [i, group] of groups.entries()) {
    places[i] = out.length;
    for (const file of group.files) writeFile(out, file, strings);
  }
  places[groups.length] = out.length;
  const texts = Buffer.from(groups.map(({ version }) => version.text).join("\n"));
  const table = Buffer.from(JSON.stringify(strings.list));
  const head = 12 + places.byteLength;
  const whole = Buffer.alloc(head + groups.length + texts.length + table.length + out.length);
  whole.writeUInt32LE(groups.length, 0);
  whole.writeUInt32LE(texts.length, 4);
  whole.writeUInt32LE(table.length, 8);
  for (const [i, place] of places.entries()) whole.writeUInt32LE(place, 12 + 4 * i);
  for (const [i, group] of groups.entries()) whole[head + i] = group.flags;
  let at = head + groups.length;
  for (const part of [texts, table, out.bytes()]) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes of a file's block beside its name and a URL in full. */
const MOST_FIXED = 160;

/**
 * Pages have thousands of files, and most are written once by a process that ends then: this is one function with few calls, because it runs
 * in the interpreter.
 */
function writeFile(out: Writer, file: DistributionFile, strings: StringTable): void {
  const { filename, url, size, uploadTime, requiresPython, yanked, metadataHashes } = file;
  const buffer = out.reserve(MOST_FIXED + 3 * (filename.length + url.length));
  const folderEnd = url.length - filename.length;
  const isBelow = url.charCodeAt(folderEnd - 1) === SLASH && url.endsWith(filename);
  const digits = isBelow ? hashedDigits(url, folderEnd) : undefined;
  const prefix = isBelow
    ? url.slice(0, digits === undefined ? folderEnd : folderEnd - HASHED_LENGTH)
    : undefined;
  const full = prefix === undefined || !strings.admits(prefix);
  const sha256 = plainSha256(file.hashes);
  const others = otherHashes(file.hashes, sha256);
  const metadataSha256 = metadataHashes === undefined ? undefined : plainSha256(metadataHashes);
  const metadataOthers =
    metadataHashes === undefined ? undefined : otherHashes(metadataHashes, metadataSha256);
  const bits =
    (file.kind === "sdist" ? Bit.sdist : 0) |
    (yanked === false ? 0 : Bit.yanked) |
    (size === undefined ? 0 : Bit.size) |
    (uploadTime === undefined ? 0 : Bit.uploadTime) |
    (sha256 === undefined ? 0 : Bit.sha256) |
    (others === undefined ? 0 : Bit.otherHashes) |
    (requiresPython === undefined ? 0 : Bit.requiresPython) |
    (metadataHashes === undefined ? 0 : Bit.metadata) |
    (metadataSha256 === undefined ? 0 : Bit.metadataSha256) |
    (metadataOthers === undefined ? 0 : Bit.metadataOther) |
    (full ? Bit.fullUrl : digits === undefined ? 0 : Bit.hashedFolder);
  let at = buffer.writeUInt16LE(bits, out.length);
  const name = buffer.write(filename, at + 2);
  at = buffer.writeUInt16LE(name, at) + name;
  if (full) {
    const length = buffer.write(url, at + 2);
    at = buffer.writeUInt16LE(length, at) + length;
  } else {
    at = buffer.writeUInt16LE(strings.place(prefix), at);
    if (digits !== undefined) at += buffer.write(digits, at, "hex");
  }
  if (yanked !== false) at = buffer.writeUInt16LE(strings.place(yanked), at);
  if (size !== undefined) at = buffer.writeDoubleLE(size, at);
  if (uploadTime !== undefined) at = buffer.writeDoubleLE(uploadTime, at);
  if (sha256 !== undefined) at += buffer.write(sha256, at, "hex");
  if (others !== undefined) at = buffer.writeUInt16LE(strings.place(others), at);
  if (requiresPython !== undefined) at = buffer.writeUInt16LE(strings.place(requiresPython), at);
  if (metadataSha256 !== undefined) at += buffer.write(metadataSha256, at, "hex");
  if (metadataOthers !== undefined) at = buffer.writeUInt16LE(strings.place(metadataOthers), at);
  out.length = at;
}

const SLASH = 47;

/** The 64 digits of a hashed folder that ends at `end`. */
function hashedDigits(url: string, end: number): string | undefined {
  const start = end - HASHED_LENGTH;
  if (url.charCodeAt(start - 1) !== SLASH || url.charCodeAt(start + 2) !== SLASH) return undefined;
  if (url.charCodeAt(start + 5) !== SLASH) return undefined;
  const digits =
    url.slice(start, start + 2) + url.slice(start + 3, start + 5) + url.slice(start + 6, end - 1);
  return SHA256.test(digits) ? digits : undefined;
}

/** What an index calls a SHA-256 and is none is kept among the others as it is, so that no file ever fits it. */
function plainSha256({ sha256 }: Readonly<Record<string, string>>): string | undefined {
  return sha256 !== undefined && SHA256.test(sha256) ? sha256 : undefined;
}

/** All that is not a plain SHA-256, as JSON; `undefined`: nothing. */
function otherHashes(
  hashes: Readonly<Record<string, string>>,
  plain: string | undefined,
): string | undefined {
  for (const algorithm in hashes) {
    if (algorithm === "sha256" && plain !== undefined) continue;
    const { sha256, ...rest } = hashes;
    return JSON.stringify(plain === undefined && sha256 !== undefined ? { sha256, ...rest } : rest);
  }
  return undefined;
}

interface StringTable {
  list: string[];
  /** The string's place in the table; 0 (the empty string) when the table is full, which no real page reaches. */
  place(text: string): number;
  /** Whether a folder is, or may still be, in the table. */
  admits(text: string): boolean;
}

function createStringTable(): StringTable {
  const list: string[] = [""];
  const places = new Map<string, number>([["", 0]]);
  return {
    list,
    admits: (text) => places.has(text) || list.length < MAX_FOLDERS,
    place(text) {
      let place = places.get(text);
      if (place === undefined) {
        if (list.length >= MAX_STRINGS) return 0;
        place = list.push(text) - 1;
        places.set(text, place);
      }
      return place;
    },
  };
}

interface Writer {
  /** Bytes written so far: set by who writes. */
  length: number;
  bytes(): Uint8Array;
  /** The buffer, with room for so many bytes more. */
  reserve(count: number): Buffer;
}

function createWriter(): Writer {
  let buffer = Buffer.allocUnsafe(65_536);
  return {
    length: 0,
    bytes() {
      return buffer.subarray(0, this.length);
    },
    reserve(count) {
      const needed = this.length + count;
      if (needed <= buffer.length) return buffer;
      const larger = Buffer.allocUnsafe(Math.max(2 * buffer.length, needed));
      larger.set(buffer.subarray(0, this.length));
      buffer = larger;
      return buffer;
    },
  };
}

/**
 * The page in `bytes`, which must be what `encodePage` wrote (its checksum has been compared). Nothing but the counts
 * is read before it is asked for.
 */
export function decodePage(bytes: Uint8Array, name: string, index: string): PackagePage {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = data.readUInt32LE(0);
  const flagsAt = 12 + 4 * (count + 1);
  const textsAt = flagsAt + count;
  const stringsAt = textsAt + data.readUInt32LE(4);
  const blocksAt = stringsAt + data.readUInt32LE(8);
  let texts: string[] | undefined;
  let strings: string[] | undefined;
  let all: Version[] | undefined;
  const versions: (Version | undefined)[] = [];
  const files: (readonly DistributionFile[] | undefined)[] = [];

  const textsOf = () => (texts ??= count === 0 ? [] : data.toString("utf8", textsAt, stringsAt).split("\n"));
  const versionAt = (i: number) => (versions[i] ??= parseVersion(textsOf()[i] ?? ""));
  return {
    name,
    index,
    count,
    versionText: (i) => textsOf()[i] ?? "",
    version: versionAt,
    get versions() {
      all ??= Array.from({ length: count }, (_, i) => versionAt(i));
      return all;
    },
    position(version) {
      let low = 0;
      let high = count - 1;
      while (low <= high) {
        const middle = (low + high) >>> 1;
        const order = compareVersions(versionAt(middle), version);
        if (order === 0) return middle;
        if (order < 0) low = middle + 1;
        else high = middle - 1;
      }
      return -1;
    },
    flags: (i) => (i < count ? (data[flagsAt + i] ?? 0) : 0),
    files(i) {
      if (i < 0 || i >= count) return [];
      strings ??= JSON.parse(data.toString("utf8", stringsAt, blocksAt)) as string[];
      files[i] ??= readBlock(
        data,
        blocksAt + data.readUInt32LE(12 + 4 * i),
        blocksAt + data.readUInt32LE(16 + 4 * i),
        {
          strings,
          index,
        },
      );
      return files[i];
    },
  };
}

function readBlock(
  data: Buffer,
  start: number,
  end: number,
  { strings, index }: { strings: readonly string[]; index: string },
): DistributionFile[] {
  const files: DistributionFile[] = [];
  let at = start;
  const u16 = () => {
    at += 2;
    return data.readUInt16LE(at - 2);
  };
  const text = () => {
    const length = u16();
    at += length;
    return data.toString("utf8", at - length, at);
  };
  const f64 = () => {
    at += 8;
    return data.readDoubleLE(at - 8);
  };
  const hex = () => {
    at += 32;
    return data.toString("hex", at - 32, at);
  };
  const string = () => strings[u16()] ?? "";
  while (at < end) {
    const bits = u16();
    const filename = text();
    let url = bits & Bit.fullUrl ? text() : string();
    if (bits & Bit.hashedFolder) {
      const digits = hex();
      url += `${digits.slice(0, 2)}/${digits.slice(2, 4)}/${digits.slice(4)}/`;
    }
    if (!(bits & Bit.fullUrl)) url += filename;
    const yanked = bits & Bit.yanked ? string() : false;
    const size = bits & Bit.size ? f64() : undefined;
    const uploadTime = bits & Bit.uploadTime ? f64() : undefined;
    const hashes: Record<string, string> = bits & Bit.sha256 ? { sha256: hex() } : {};
    if (bits & Bit.otherHashes) Object.assign(hashes, JSON.parse(string()));
    const requiresPython = bits & Bit.requiresPython ? string() : undefined;
    const metadataHashes: Record<string, string> = bits & Bit.metadataSha256 ? { sha256: hex() } : {};
    if (bits & Bit.metadataOther) Object.assign(metadataHashes, JSON.parse(string()));
    const file: DistributionFile = {
      filename,
      kind: bits & Bit.sdist ? "sdist" : "wheel",
      url,
      hashes,
      yanked,
      index,
    };
    if (size !== undefined) file.size = size;
    if (requiresPython !== undefined) file.requiresPython = requiresPython;
    if (uploadTime !== undefined) file.uploadTime = uploadTime;
    if (bits & Bit.metadata) file.metadataHashes = metadataHashes;
    files.push(file);
  }
  return files;
}
