import { Failure } from "../platform/errors.ts";
import { openPieces, packPieces, packPiecesAside } from "../platform/zstd-pieces.ts";
import { compareVersions, isPrerelease, parseVersion, type Version } from "../standards/version.ts";
import type { DistributionFile } from "./distribution.ts";
import { byKindAndName, type VersionGroup, versionInFilename } from "./listing.ts";
import type { PackagePage } from "./package-page.ts";
import { entryOfFile, fileOfEntry } from "./page-entry.ts";
import { badPage, type PageSource } from "./page-links.ts";

/**
 * The compact form of a page: versions in ascending order, each with the place of its files, so that a page of
 * thousands of versions is opened without parsing one, and files are read for the versions that are looked at.
 * Little-endian. Its checksum is kept by who stores it (package-file.ts).
 *
 *     0   u32  number of versions, n
 *     4   u32  length of the versions' texts, joined by line feeds (UTF-8)
 *     8   u32  length of the URL that links are relative to (UTF-8)
 *     12  u32  n + 1 places of blocks, relative to the first block
 *     …   n bytes, 1 for a pre-release; texts, URL; the blocks, in the compressed pieces of platform/zstd-pieces.ts, but for
 *         those of the newest versions that together have at most 2 KiB: they are as they are, at the end
 *
 * A block is what the page's JSON (PEP 691) says of the version's files: objects, with commas between them and perhaps behind them, as the index wrote them. What is
 * no file of the version, or is there twice, is left out when the block is read.
 */
const HEAD = 12;
const PIECE = 64 * 1024;
/** Most pages are asked for one version, one of the newest, and most versions have two files. Bytes. */
const PLAIN = 2048;

/** A page in compact form that was made just now. */
export interface CompactPage {
  /** All that goes before the blocks. */
  front: Buffer;
  /** Where the blocks are. */
  json: Buffer;
  versions: readonly VersionSpans[];
}

/** Of each version: where its files are in the page's JSON, as pairs of start and end, in bytes. */
export interface VersionSpans {
  version: Version;
  spans: readonly number[];
}

/** @param url what the files' links are relative to. */
export function encodePage(groups: readonly VersionGroup[], url = ""): CompactPage {
  const spans: VersionSpans[] = [];
  const texts: string[] = [];
  let length = 0;
  for (const { version, files } of groups) {
    const text = JSON.stringify(files.map(entryOfFile)).slice(1, -1);
    const start = length;
    length += Buffer.byteLength(text);
    texts.push(text);
    spans.push({ version, spans: [start, length] });
  }
  return encodeSpans(spans, Buffer.from(texts.join("")), url);
}

/** The same of a page whose files were found in its JSON, which is not copied. */
export function encodeSpans(found: readonly VersionSpans[], json: Buffer, url: string): CompactPage {
  const versions = found.map((one, n) => upTo(found[n + 1]?.spans[0], one));
  const texts = Buffer.from(versions.map(({ version }) => version.text).join("\n"));
  const base = Buffer.from(url);
  const count = versions.length;
  const flagsAt = HEAD + 4 * (count + 1);
  const front = Buffer.allocUnsafe(flagsAt + count + texts.length + base.length);
  front.writeUInt32LE(count, 0);
  front.writeUInt32LE(texts.length, 4);
  front.writeUInt32LE(base.length, 8);
  let at = 0;
  for (const [n, { version, spans }] of versions.entries()) {
    front.writeUInt32LE(at, HEAD + 4 * n);
    front[flagsAt + n] = isPrerelease(version) ? 1 : 0;
    for (let i = 0; i < spans.length; i += 2) at += spans[i + 1]! - spans[i]! + (i === 0 ? 0 : 1);
  }
  front.writeUInt32LE(at, HEAD + 4 * count);
  front.set(texts, flagsAt + count);
  front.set(base, flagsAt + count + texts.length);
  return { front, json, versions };
}

const COMMA = Buffer.from(",");

/** With the comma and the space that may be between a version and the next one: then the two are in one place. */
function upTo(next: number | undefined, { version, spans }: VersionSpans): VersionSpans {
  const gap = (next ?? 0) - (spans.at(-1) ?? 0);
  return gap === 1 || gap === 2 ? { version, spans: [...spans.slice(0, -1), next!] } : { version, spans };
}

/** What is kept of a page in a file. The same page gives the same bytes. A long page is compressed by other threads. */
export function packPage({ front, json, versions }: CompactPage): Uint8Array | Promise<Uint8Array> {
  const plain = firstPlain(front);
  const newest = Buffer.concat(versions.slice(plain).flatMap((one) => [...partsOf(one, json)]));
  const pieces = filled(versions.slice(0, plain), json);
  return pieces.length > 1 ? packPiecesAside(front, pieces, newest) : packPieces(front, pieces, newest);
}

/** The number of the first version whose block is not compressed. */
function firstPlain(front: Buffer): number {
  const placeOf = (i: number) => front.readUInt32LE(HEAD + 4 * i);
  const count = front.readUInt32LE(0);
  let first = count;
  while (first > 0 && placeOf(count) - placeOf(first - 1) <= PLAIN) first -= 1;
  return first;
}

/** A block, as it is put together. */
function* partsOf({ spans }: VersionSpans, json: Buffer): Generator<Buffer> {
  for (let i = 0; i < spans.length; i += 2) {
    if (i > 0) yield COMMA;
    yield json.subarray(spans[i], spans[i + 1]);
  }
}

/** Blocks one after the other, in pieces: where they follow each other in the JSON too, nothing is copied. */
function filled(versions: readonly VersionSpans[], json: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let piece: Buffer | undefined;
  let length = 0;
  const add = (part: Buffer) => {
    for (let at = 0; at < part.length; ) {
      if (length === 0 && part.length - at >= PIECE) {
        pieces.push(part.subarray(at, at + PIECE));
        at += PIECE;
        continue;
      }
      piece ??= Buffer.allocUnsafeSlow(PIECE);
      const copied = part.copy(piece, length, at);
      at += copied;
      length += copied;
      if (length < PIECE) continue;
      pieces.push(piece);
      piece = undefined;
      length = 0;
    }
  };
  let [start, end] = [0, 0];
  for (const { spans } of versions) {
    for (let i = 0; i < spans.length; i += 2) {
      if (i > 0 || spans[i] !== end) {
        add(json.subarray(start, end));
        if (i > 0) add(COMMA);
        start = spans[i]!;
      }
      end = spans[i + 1]!;
    }
  }
  add(json.subarray(start, end));
  if (piece !== undefined) pieces.push(piece.subarray(0, length));
  return pieces;
}

/** A page that was made just now: nothing of it has to be decompressed. */
export function openPage({ front, json, versions }: CompactPage, name: string, index: string): PackagePage {
  const blockAt = (i: number) => {
    const parts = [...partsOf(versions[i]!, json)];
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  };
  return pageOf(front, front.length, blockAt, name, index);
}

/**
 * The page in `bytes`, which must be what `packPage` wrote (its checksum has been compared). Nothing but the counts
 * is read before it is asked for. Failure DXPY_BAD_INDEX_PAGE, of `files` too where the index wrote what is no JSON.
 */
export function decodePage(bytes: Uint8Array, name: string, index: string): PackagePage {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blockAt = storedBlocks(data);
  if (blockAt === undefined) throw damagedPage(name, index);
  return pageOf(data, frontLength(data), blockAt, name, index);
}

/** Block by number of version; `undefined` where the counts go beyond the bytes. */
function storedBlocks(data: Buffer): ((i: number) => Buffer | undefined) | undefined {
  const at = frontLength(data);
  if (at > data.length) return undefined;
  const placeOf = (i: number) => data.readUInt32LE(HEAD + 4 * i);
  const plain = firstPlain(data);
  const plainAt = placeOf(plain);
  const end = data.length - (placeOf(data.readUInt32LE(0)) - plainAt);
  const pieces = end < at ? undefined : openPieces(data.subarray(at, end), plainAt, PIECE);
  if (pieces === undefined) return undefined;
  return (i) => {
    const [from, to] = [placeOf(i), placeOf(i + 1)];
    if (i < plain) return pieces.read(from, to);
    return from < plainAt || to < from ? undefined : data.subarray(end + from - plainAt, end + to - plainAt);
  };
}

/** Of all that goes before the blocks. */
function frontLength(data: Buffer): number {
  if (data.length < HEAD) return HEAD;
  const count = data.readUInt32LE(0);
  return HEAD + 4 * (count + 1) + count + data.readUInt32LE(4) + data.readUInt32LE(8);
}

function pageOf(
  data: Buffer,
  blocksAt: number,
  blockAt: (i: number) => Buffer | undefined,
  name: string,
  index: string,
): PackagePage {
  const count = data.readUInt32LE(0);
  const flagsAt = HEAD + 4 * (count + 1);
  const textsAt = flagsAt + count;
  const baseAt = textsAt + data.readUInt32LE(4);
  let texts: string[] | undefined;
  let source: PageSource | undefined;
  let all: Version[] | undefined;
  const versions: (Version | undefined)[] = [];
  const files: (readonly DistributionFile[] | undefined)[] = [];

  const textsOf = () => (texts ??= count === 0 ? [] : data.toString("utf8", textsAt, baseAt).split("\n"));
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
    isPrerelease: (i) => i < count && data[flagsAt + i] === 1,
    files(i) {
      if (i < 0 || i >= count) return [];
      source ??= { url: data.toString("utf8", baseAt, blocksAt), index, contentType: "" };
      if (files[i] !== undefined) return files[i];
      const block = blockAt(i);
      if (block === undefined) throw damagedPage(name, index);
      files[i] = readBlock(block.toString(), name, source);
      return files[i];
    },
  };
}

/** Its checksum is right: no accident, but somebody who writes to the cache. */
function damagedPage(name: string, index: string): Failure {
  return new Failure("DXPY_BAD_INDEX_PAGE", `What is cached of ${name} is no page of a package index`, {
    context: { package: name, index },
    hint: "Remove it with `dx-py cache clean --index`.",
  });
}

function readBlock(text: string, project: string, source: PageSource): DistributionFile[] {
  let entries: unknown[];
  try {
    entries = JSON.parse(`[${text.replace(/[\s,]+$/, "")}]`) as unknown[];
  } catch (error) {
    throw badPage(source, "what it says of a file is not JSON", error);
  }
  const files = new Map<string, DistributionFile>();
  for (const entry of entries) {
    const file = fileOfEntry(entry, source);
    if (file === undefined || files.has(file.filename)) continue;
    if (versionInFilename(file.filename, file.kind, project) !== undefined) files.set(file.filename, file);
  }
  return [...files.values()].sort(byKindAndName);
}
