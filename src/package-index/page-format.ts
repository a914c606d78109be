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
 *     …   n bytes, 1 for a pre-release; texts, URL, blocks
 *
 * A block is what the page's JSON (PEP 691) says of the version's files: objects, with commas between them, as the index wrote them. What is
 * no file of the version, or is there twice, is left out when the block is read.
 */
const HEAD = 12;

/** Of each version: where its files are in the page's JSON, as pairs of start and end, in bytes. */
export interface VersionSpans {
  version: Version;
  spans: readonly number[];
}

/** @param url what the files' links are relative to. */
export function encodePage(groups: readonly VersionGroup[], url = ""): Uint8Array {
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
export function encodeSpans(versions: readonly VersionSpans[], json: Buffer, url: string): Uint8Array {
  const texts = Buffer.from(versions.map(({ version }) => version.text).join("\n"));
  const base = Buffer.from(url);
  let length = 0;
  for (const { spans } of versions) {
    for (let i = 0; i < spans.length; i += 2) length += spans[i + 1]! - spans[i]! + (i === 0 ? 0 : 1);
  }
  const count = versions.length;
  const flagsAt = HEAD + 4 * (count + 1);
  const blocksAt = flagsAt + count + texts.length + base.length;
  const page = Buffer.allocUnsafe(blocksAt + length);
  page.writeUInt32LE(count, 0);
  page.writeUInt32LE(texts.length, 4);
  page.writeUInt32LE(base.length, 8);
  let at = blocksAt;
  for (const [n, { version, spans }] of versions.entries()) {
    page.writeUInt32LE(at - blocksAt, HEAD + 4 * n);
    page[flagsAt + n] = isPrerelease(version) ? 1 : 0;
    for (let i = 0; i < spans.length; i += 2) {
      if (i > 0) page[at++] = COMMA;
      at += json.copy(page, at, spans[i], spans[i + 1]);
    }
  }
  page.writeUInt32LE(at - blocksAt, HEAD + 4 * count);
  page.set(texts, flagsAt + count);
  page.set(base, flagsAt + count + texts.length);
  return page;
}

const COMMA = 44;

/**
 * The page in `bytes`, which must be what `encodePage` wrote (its checksum has been compared). Nothing but the counts
 * is read before it is asked for. Failure DXPY_BAD_INDEX_PAGE of `files`, where the index wrote what is no JSON.
 */
export function decodePage(bytes: Uint8Array, name: string, index: string): PackagePage {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = data.readUInt32LE(0);
  const flagsAt = HEAD + 4 * (count + 1);
  const textsAt = flagsAt + count;
  const baseAt = textsAt + data.readUInt32LE(4);
  const blocksAt = baseAt + data.readUInt32LE(8);
  let texts: string[] | undefined;
  let source: PageSource | undefined;
  let all: Version[] | undefined;
  const versions: (Version | undefined)[] = [];
  const files: (readonly DistributionFile[] | undefined)[] = [];

  const textsOf = () => (texts ??= count === 0 ? [] : data.toString("utf8", textsAt, baseAt).split("\n"));
  const versionAt = (i: number) => (versions[i] ??= parseVersion(textsOf()[i] ?? ""));
  const placeOf = (i: number) => blocksAt + data.readUInt32LE(HEAD + 4 * i);
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
      files[i] ??= readBlock(data.toString("utf8", placeOf(i), placeOf(i + 1)), name, source);
      return files[i];
    },
  };
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
