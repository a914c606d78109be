import type { DistributionFile } from "./distribution.ts";
import { type Anchor, scanAnchors } from "./html-anchors.ts";
import { distributionKind } from "./listing.ts";
import { fileOfEntry, isRecord, MAX_NAME } from "./page-entry.ts";
import { badPage, filenameOfUrl, type PageSource, resolveUrl } from "./page-links.ts";

/** Reads the pages of the Simple API, HTML (PEP 503) and JSON (PEP 691), into files. */

/** What is asked for: JSON rather than HTML, the versioned types rather than the plain. */
export const SIMPLE_ACCEPT =
  "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/** All wheels and sdists of a page, in its order. Failure DXPY_BAD_INDEX_PAGE for what is no such page. */
export function readSimplePage(body: Uint8Array, source: PageSource): DistributionFile[] {
  const text = new TextDecoder().decode(body);
  const type = mediaType(source);
  if (isJson(source)) return readJsonPage(text, source);
  if (/html$/.test(type) || type === "" || type === "text/plain") return readHtmlPage(text, source);
  throw badPage(source, `its type is ${type}, neither HTML nor JSON`);
}

export function isJson(source: PageSource): boolean {
  return /^application\/(?:vnd\.pypi\.simple\.v\d+\+)?json$/.test(mediaType(source));
}

function mediaType({ contentType }: PageSource): string {
  return contentType.split(";")[0]!.trim().toLowerCase();
}

export function readHtmlPage(text: string, source: PageSource): DistributionFile[] {
  const page = scanAnchors(text);
  checkVersion(page.version, source);
  const base = resolveUrl(page.base ?? "", source.url) ?? source.url;
  const files: DistributionFile[] = [];
  for (const anchor of page.anchors) {
    const file = fileOfAnchor(anchor, base, source.index);
    if (file !== undefined) files.push(file);
  }
  return files;
}

function fileOfAnchor(anchor: Anchor, base: string, index: string): DistributionFile | undefined {
  const hash = anchor.href.indexOf("#");
  const fragment = hash < 0 ? "" : anchor.href.slice(hash + 1);
  const url = resolveUrl(hash < 0 ? anchor.href : anchor.href.slice(0, hash), base);
  if (url === undefined) return undefined;
  const filename = filenameOfUrl(url);
  const kind = distributionKind(filename);
  if (kind === undefined || filename.length > MAX_NAME) return undefined;
  const file: DistributionFile = {
    filename,
    kind,
    url,
    hashes: hashesOfText(fragment),
    yanked: false,
    index,
  };
  if (anchor.requiresPython) file.requiresPython = anchor.requiresPython;
  if (anchor.yanked !== undefined) file.yanked = anchor.yanked;
  if (anchor.metadata !== undefined && anchor.metadata !== "false")
    file.metadataHashes = hashesOfText(anchor.metadata);
  const uploadTime = anchor.uploadTime === undefined ? Number.NaN : Date.parse(anchor.uploadTime);
  if (!Number.isNaN(uploadTime)) file.uploadTime = uploadTime;
  return file;
}

/** `sha256=ab…`, also among other parts (`egg=x&sha256=…`). */
function hashesOfText(text: string): Record<string, string> {
  if (text === "") return {};
  if (text.length === 71 && text.startsWith("sha256=") && /^[0-9a-f]{64}$/.test(text.slice(7))) {
    return { sha256: text.slice(7) };
  }
  const match = /(?:^|&)(sha\d+(?:_\d+)?|md5|blake2[bs])=([0-9a-fA-F]{32,128})(?:&|$)/.exec(text);
  return match === null ? {} : { [match[1]!]: match[2]!.toLowerCase() };
}

export function readJsonPage(text: string, source: PageSource): DistributionFile[] {
  let page: unknown;
  try {
    page = JSON.parse(text);
  } catch (error) {
    throw badPage(source, "it is not JSON", error);
  }
  if (!isRecord(page) || !Array.isArray(page["files"])) throw badPage(source, "it has no list of files");
  checkVersion(isRecord(page["meta"]) ? page["meta"]["api-version"] : undefined, source);
  const files: DistributionFile[] = [];
  for (const entry of page["files"] as unknown[]) {
    const file = fileOfEntry(entry, source);
    if (file !== undefined) files.push(file);
  }
  return files;
}

/** PEP 629: a higher major version is another language. */
export function checkVersion(version: unknown, source: PageSource): void {
  if (typeof version !== "string") return;
  const major = /^(\d+)\./.exec(version)?.[1];
  if (major === undefined || major === "1" || major === "0") return;
  throw badPage(source, `it speaks version ${version.slice(0, 20)} of the Simple API, and dx-py version 1`);
}
