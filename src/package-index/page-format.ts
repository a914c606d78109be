import { Failure } from "../platform/errors.ts";
import { openPieces, type Pieces, packPieces } from "../platform/zstd-pieces.ts";
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
 *     …   n bytes, 1 for a pre-release; texts, URL; the blocks, in the compressed pieces of platform/zstd-pieces.ts
 *
 * A block is what the page's JSON (PEP 691) says of the version's files: objects, with commas between them, as the index wrote them. What is
 * no file of the version, or is there twice, is left out when the block is read.
 */
const HEAD = 12;
/** Most pages are asked for one version, the newest, which is in the last piece. Smaller ones take more of the disk. Bytes. */
const PIECE = 32 * 1024;

/** A page in compact form that was made just now. */
export interface CompactPage {
  /** All that goes before the blocks. */
  front: Buffer;
  blocks: Buffer;
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

/** The same of a page whose files were found in its JSON. */
export function encodeSpans(versions: readonly VersionSpans[], json: Buffer, url: string): CompactPage {
  const texts = Buffer.from(versions.map(({ version }) => version.text).join("\n"));
  const base = Buffer.from(url);
  let length = 0;
  for (const { spans } of versions) {
    for (let i = 0; i < spans.length; i += 2) length += spans[i + 1]! - spans[i]! + (i === 0 ? 0 : 1);
  }
  const count = versions.length;
  const flagsAt = HEAD + 4 * (count + 1);
  const front = Buffer.allocUnsafe(flagsAt + count + texts.length + base.length);
  const blocks = Buffer.allocUnsafe(length);
  front.writeUInt32LE(count, 0);
  front.writeUInt32LE(texts.length, 4);
  front.writeUInt32LE(base.length, 8);
  let at = 0;
  for (const [n, { version, spans }] of versions.entries()) {
    front.writeUInt32LE(at, HEAD + 4 * n);
    front[flagsAt + n] = isPrerelease(version) ? 1 : 0;
    for (let i = 0; i < spans.length; i += 2) {
      if (i > 0) blocks[at++] = COMMA;
      at += json.copy(blocks, at, spans[i], spans[i + 1]);
    }
  }
  front.writeUInt32LE(at, HEAD + 4 * count);
  front.set(texts, flagsAt + count);
  front.set(base, flagsAt + count + texts.length);
  return { front, blocks };
}

const COMMA = 44;

/** What is kept of a page in a file. The same page gives the same bytes. */
export function packPage({ front, blocks }: CompactPage): Uint8Array {
  return packPieces(front, blocks, PIECE);
}

/** A page that was made just now: nothing of it has to be decompressed. */
export function openPage({ front, blocks }: CompactPage, name: string, index: string): PackagePage {
  return pageOf(
    front,
    blocksAfter(front)!.at,
    { read: (from, to) => blocks.subarray(from, to) },
    name,
    index,
  );
}

/**
 * The page in `bytes`, which must be what `packPage` wrote (its checksum has been compared). Nothing but the counts
 * is read before it is asked for. Failure DXPY_BAD_INDEX_PAGE, of `files` too where the index wrote what is no JSON.
 */
export function decodePage(bytes: Uint8Array, name: string, index: string): PackagePage {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const place = blocksAfter(data);
  const pieces = place === undefined ? undefined : openPieces(data.subarray(place.at), place.length, PIECE);
  if (place === undefined || pieces === undefined) throw damagedPage(name, index);
  return pageOf(data, place.at, pieces, name, index);
}

/** Where the blocks begin and how long they are; `undefined` where the counts go beyond the bytes. */
function blocksAfter(data: Buffer): { at: number; length: number } | undefined {
  if (data.length < HEAD) return undefined;
  const count = data.readUInt32LE(0);
  const at = HEAD + 4 * (count + 1) + count + data.readUInt32LE(4) + data.readUInt32LE(8);
  return at > data.length ? undefined : { at, length: data.readUInt32LE(HEAD + 4 * count) };
}

function pageOf(data: Buffer, blocksAt: number, blocks: Pieces, name: string, index: string): PackagePage {
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
  const placeOf = (i: number) => data.readUInt32LE(HEAD + 4 * i);
  const blockAt = (i: number) => {
    const block = blocks.read(placeOf(i), placeOf(i + 1));
    if (block === undefined) throw damagedPage(name, index);
    return block.toString();
  };
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
      files[i] ??= readBlock(blockAt(i), name, source);
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
    entries = JSON.parse(`[${text}]`) as unknown[];
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
