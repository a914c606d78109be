/** The bytes of `layouts.dxc` (docs/formats/dxc.md): headers, slots and records, encoded and decoded, no I/O. */
import { Failure } from "../platform/errors.ts";

export const DXC_VERSION = 1;
export const HEADER_SIZE = 64;
export const SLOT_SIZE = 16;
export const MIN_SLOTS = 16;
export const MAX_SLOTS = 1 << 24;
export const MIN_RECORD = 48;
export const MAX_RECORD = 65_536;
/** Kinds of records. */
const LAYOUT = 1;
const ALIAS = 2;
/** Slot offsets that are not offsets. */
export const FREE = 0;
export const REMOVED = 1;

/** When the directories of a layout last changed, as `stat` says, in nanoseconds. All zero: unknown. */
export interface LayoutStamps {
  siteMtime: bigint;
  siteCtime: bigint;
  scriptsMtime: bigint;
  scriptsCtime: bigint;
  prefixMtime: bigint;
  configMtime: bigint;
  configSize: bigint;
}

export interface LayoutRecord {
  kind: "layout";
  /** 32 bytes: the project hash. */
  key: Uint8Array;
  /** Milliseconds since the epoch. */
  created: number;
  packages: number;
  links: number;
  stamps: LayoutStamps;
  interpreterSize: bigint;
  interpreterMtimeNs: bigint;
  /** Relative to the prefix: `lib/python3.12/site-packages`, `bin`. */
  sitePackages: string;
  scripts: string;
}

export interface AliasRecord {
  kind: "alias";
  /** 32 bytes: the alias key (environment/alias-key.ts). */
  key: Uint8Array;
  /** 32 bytes. */
  projectHash: Uint8Array;
  interpreterSize: bigint;
  interpreterMtimeNs: bigint;
  interpreterPath: string;
  watched: WatchedFile[];
}

/** A file that must be as it was for an alias to hold. Size and time 0: it must not exist. */
export interface WatchedFile {
  /** Absolute. */
  path: string;
  size: bigint;
  mtimeNs: bigint;
}

export type DxcRecord = LayoutRecord | AliasRecord;

export const UNKNOWN_STAMPS: LayoutStamps = {
  siteMtime: 0n,
  siteCtime: 0n,
  scriptsMtime: 0n,
  scriptsCtime: 0n,
  prefixMtime: 0n,
  configMtime: 0n,
  configSize: 0n,
};

/** CRC-32 as zlib computes it. */
export function crc32(bytes: Uint8Array): number {
  return Bun.hash.crc32(bytes);
}

const slotWords = new Uint32Array(4);
const slotBytes = new Uint8Array(slotWords.buffer);

/**
 * The checksum of an occupied slot: of its own number and what it holds, so that no changed byte leads a search astray. A
 * free slot is all zero, its checksum too.
 */
export function slotCheck(slot: number, prefix: number, offset: number, length: number): number {
  slotWords[0] = slot;
  slotWords[1] = prefix;
  slotWords[2] = offset;
  slotWords[3] = length;
  return Bun.hash.crc32(slotBytes);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `bytes.subarray(start, end)`, which is written in JavaScript: its first call compiles it, and this is on the warm path. */
export function partOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

export function corrupt(path: string, detail: string): Failure {
  return new Failure("DXPY_DXC_CORRUPT", `the layout index ${path} is corrupt: ${detail}`, {
    context: { path },
    hint: "`dx-py install` rebuilds it from the layouts.",
  });
}

export function encodeHeader(slots: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = viewOf(bytes);
  bytes.set([0x44, 0x58, 0x4c, 0x43]);
  view.setUint16(4, DXC_VERSION, true);
  view.setUint32(8, slots, true);
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  return bytes;
}

/** The number of slots of a file that is as its header says. Failure `DXPY_DXC_CORRUPT` or `DXPY_DXC_VERSION`. */
export function decodeHeader(bytes: Uint8Array, path: string): number {
  if (bytes.length < HEADER_SIZE) throw corrupt(path, `${bytes.length} bytes are no header`);
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== 0x434c5844) throw corrupt(path, "the magic is not DXLC");
  const version = view.getUint16(4, true);
  if (version !== DXC_VERSION) {
    throw new Failure(
      "DXPY_DXC_VERSION",
      `the layout index ${path} has format version ${version}, not ${DXC_VERSION}`,
      { context: { path }, hint: "`dx-py install` rebuilds it from the layouts." },
    );
  }
  if (view.getUint32(60, true) !== crc32(partOf(bytes, 0, 60)))
    throw corrupt(path, "the header's checksum is wrong");
  if (view.getUint16(6, true) !== 0) throw corrupt(path, "unknown flags");
  const slots = view.getUint32(8, true);
  if (slots < MIN_SLOTS || slots > MAX_SLOTS || (slots & (slots - 1)) !== 0)
    throw corrupt(path, `${slots} slots`);
  if (bytes.length < HEADER_SIZE + slots * SLOT_SIZE) throw corrupt(path, "it ends before its slots do");
  return slots;
}

export function encodeRecord(record: DxcRecord): Uint8Array {
  const bytes = record.kind === "layout" ? encodeLayout(record) : encodeAlias(record);
  if (record.key.length !== 32) throw new RangeError(`a key of ${record.key.length} bytes`);
  if (bytes.length > MAX_RECORD) throw new RangeError(`a record of ${bytes.length} bytes`);
  const view = viewOf(bytes);
  bytes.set(record.key, 16);
  bytes[8] = record.kind === "layout" ? LAYOUT : ALIAS;
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, crc32(bytes.subarray(8)), true);
  return bytes;
}

function encodeLayout(record: LayoutRecord): Uint8Array {
  const site = new TextEncoder().encode(record.sitePackages);
  const scripts = new TextEncoder().encode(record.scripts);
  const bytes = new Uint8Array(140 + site.length + scripts.length);
  const view = viewOf(bytes);
  const s = record.stamps;
  const numbers = [s.siteMtime, s.siteCtime, s.scriptsMtime, s.scriptsCtime, s.prefixMtime, s.configMtime];
  view.setBigUint64(48, BigInt(record.created), true);
  view.setUint32(56, record.packages, true);
  view.setUint32(60, record.links, true);
  [...numbers, s.configSize, record.interpreterSize, record.interpreterMtimeNs].forEach((n, i) => {
    view.setBigUint64(64 + 8 * i, n, true);
  });
  view.setUint16(136, site.length, true);
  view.setUint16(138, scripts.length, true);
  bytes.set(site, 140);
  bytes.set(scripts, 140 + site.length);
  return bytes;
}

function encodeAlias(record: AliasRecord): Uint8Array {
  const encoder = new TextEncoder();
  const path = encoder.encode(record.interpreterPath);
  const watched = record.watched.map((file) => ({ ...file, name: encoder.encode(file.path) }));
  const bytes = new Uint8Array(watched.reduce((sum, file) => sum + 18 + file.name.length, 100 + path.length));
  const view = viewOf(bytes);
  bytes.set(record.projectHash, 48);
  view.setBigUint64(80, record.interpreterSize, true);
  view.setBigUint64(88, record.interpreterMtimeNs, true);
  view.setUint16(96, path.length, true);
  view.setUint16(98, watched.length, true);
  bytes.set(path, 100);
  let at = 100 + path.length;
  for (const file of watched) {
    view.setBigUint64(at, file.size, true);
    view.setBigUint64(at + 8, file.mtimeNs, true);
    view.setUint16(at + 16, file.name.length, true);
    bytes.set(file.name, at + 18);
    at += 18 + file.name.length;
  }
  return bytes;
}

/** Decodes the bytes of one record, checksum and all. Failure `DXPY_DXC_CORRUPT`. */
export function decodeRecord(bytes: Uint8Array, path: string): DxcRecord {
  const view = soundRecord(bytes, path);
  const key = bytes.slice(16, 48);
  const kind = bytes[8];
  if (kind === LAYOUT) return decodeLayout(bytes, view, key, path);
  if (kind === ALIAS) return decodeAlias(bytes, view, key, path);
  throw corrupt(path, `a record of unknown kind ${kind}`);
}

/** Whether a record is a layout's; of its content, the checksum alone is looked at. Failure `DXPY_DXC_CORRUPT`. */
export function isLayoutRecord(bytes: Uint8Array, path: string): boolean {
  soundRecord(bytes, path);
  return bytes[8] === LAYOUT;
}

/** A view of a record whose length and checksum are right. */
function soundRecord(bytes: Uint8Array, path: string): DataView {
  const view = viewOf(bytes);
  if (bytes.length < MIN_RECORD || bytes.length > MAX_RECORD || view.getUint32(0, true) !== bytes.length)
    throw corrupt(path, "a record contradicts the length in its slot");
  if (view.getUint32(4, true) !== crc32(partOf(bytes, 8, bytes.length)))
    throw corrupt(path, "the checksum of a record is wrong");
  return view;
}

function decodeLayout(bytes: Uint8Array, view: DataView, key: Uint8Array, path: string): LayoutRecord {
  if (bytes.length < 140) throw corrupt(path, "a layout's record is too short");
  const siteEnd = 140 + view.getUint16(136, true);
  const end = siteEnd + view.getUint16(138, true);
  if (end !== bytes.length) throw corrupt(path, "a layout's record has strings that do not fit");
  const number = (i: number) => view.getBigUint64(64 + 8 * i, true);
  return {
    kind: "layout",
    key,
    created: Number(view.getBigUint64(48, true)),
    packages: view.getUint32(56, true),
    links: view.getUint32(60, true),
    stamps: {
      siteMtime: number(0),
      siteCtime: number(1),
      scriptsMtime: number(2),
      scriptsCtime: number(3),
      prefixMtime: number(4),
      configMtime: number(5),
      configSize: number(6),
    },
    interpreterSize: number(7),
    interpreterMtimeNs: number(8),
    sitePackages: insidePrefix(text(bytes.subarray(140, siteEnd)), path),
    scripts: insidePrefix(text(bytes.subarray(siteEnd, end)), path),
  };
}

function decodeAlias(bytes: Uint8Array, view: DataView, key: Uint8Array, path: string): AliasRecord {
  if (bytes.length < 100) throw corrupt(path, "an alias' record is too short");
  let at = 100 + view.getUint16(96, true);
  const watched: WatchedFile[] = [];
  for (let left = view.getUint16(98, true); left > 0 && at + 18 <= bytes.length; left--) {
    const end = at + 18 + view.getUint16(at + 16, true);
    const file = { size: view.getBigUint64(at, true), mtimeNs: view.getBigUint64(at + 8, true) };
    if (end <= bytes.length) watched.push({ path: text(bytes.subarray(at + 18, end)), ...file });
    at = end;
  }
  if (at !== bytes.length || watched.length !== view.getUint16(98, true))
    throw corrupt(path, "an alias' record has strings that do not fit");
  return {
    kind: "alias",
    key,
    projectHash: bytes.slice(48, 80),
    interpreterSize: view.getBigUint64(80, true),
    interpreterMtimeNs: view.getBigUint64(88, true),
    interpreterPath: text(bytes.subarray(100, 100 + view.getUint16(96, true))),
    watched,
  };
}

function insidePrefix(relative: string, path: string): string {
  if (relative.startsWith("/") || relative.split("/").includes(".."))
    throw corrupt(path, "a layout's record names a folder outside of the layout");
  return relative;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
