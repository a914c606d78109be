import { Failure } from "../platform/errors.ts";
import { withoutCredentials } from "./credentials.ts";
import type { DistributionFile } from "./distribution.ts";
import { type Anchor, scanAnchors } from "./html-anchors.ts";
import { distributionKind } from "./listing.ts";

/** Reads the pages of the Simple API, HTML (PEP 503) and JSON (PEP 691), into files. */
export interface PageSource {
  /** What the page's links are relative to: where the answer came from, after redirects. */
  url: string;
  /** The index's URL without credentials, for `DistributionFile.index`. */
  index: string;
  contentType: string;
}

/** Longer names and URLs are left out: no server makes them, and the compact cache need not hold them. */
const MAX_NAME = 512;
const MAX_URL = 8192;

/** What is asked for: JSON rather than HTML, the versioned types rather than the plain. */
export const SIMPLE_ACCEPT =
  "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/** All wheels and sdists of a page, in its order. Failure DXPY_BAD_INDEX_PAGE for what is no such page. */
export function readSimplePage(body: Uint8Array, source: PageSource): DistributionFile[] {
  const text = new TextDecoder().decode(body);
  const type = source.contentType.split(";")[0]!.trim().toLowerCase();
  if (/^application\/(?:vnd\.pypi\.simple\.v\d+\+)?json$/.test(type)) return readJsonPage(text, source);
  if (/html$/.test(type) || type === "" || type === "text/plain") return readHtmlPage(text, source);
  throw badPage(source, `its type is ${type}, neither HTML nor JSON`);
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
    const file = isRecord(entry) ? fileOfEntry(entry, source) : undefined;
    if (file !== undefined) files.push(file);
  }
  return files;
}

function fileOfEntry(entry: Record<string, unknown>, source: PageSource): DistributionFile | undefined {
  const { filename, url: link, size, yanked } = entry;
  if (typeof filename !== "string" || typeof link !== "string" || filename.length > MAX_NAME)
    return undefined;
  const kind = distributionKind(filename);
  const hash = link.indexOf("#");
  const url = resolveUrl(hash < 0 ? link : link.slice(0, hash), source.url);
  if (kind === undefined || url === undefined || /[/\\\0]/.test(filename)) return undefined;
  const file: DistributionFile = {
    filename,
    kind,
    url,
    hashes: hashesOfRecord(entry["hashes"]),
    yanked: typeof yanked === "string" ? yanked : yanked === true ? "" : false,
    index: source.index,
  };
  const requiresPython = entry["requires-python"];
  if (typeof requiresPython === "string" && requiresPython !== "") file.requiresPython = requiresPython;
  if (typeof size === "number" && Number.isSafeInteger(size) && size >= 0) file.size = size;
  const uploadTime = typeof entry["upload-time"] === "string" ? Date.parse(entry["upload-time"]) : Number.NaN;
  if (!Number.isNaN(uploadTime)) file.uploadTime = uploadTime;
  const metadata = entry["core-metadata"] ?? entry["dist-info-metadata"];
  if (metadata === true) file.metadataHashes = {};
  else if (isRecord(metadata)) file.metadataHashes = hashesOfRecord(metadata);
  return file;
}

function hashesOfRecord(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  if (isOnlySha256(value)) return { sha256: value.sha256 };
  const hashes: Record<string, string> = {};
  for (const [algorithm, digest] of Object.entries(value).slice(0, 16)) {
    if (
      typeof digest === "string" &&
      /^[0-9a-fA-F]{32,128}$/.test(digest) &&
      /^[a-zA-Z0-9_]{1,16}$/.test(algorithm)
    ) {
      hashes[algorithm.toLowerCase()] = digest.toLowerCase();
    }
  }
  return hashes;
}

/** As nearly every file has it. */
function isOnlySha256(value: Record<string, unknown>): value is { sha256: string } {
  const { sha256 } = value;
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return false;
  for (const algorithm in value) if (algorithm !== "sha256") return false;
  return true;
}

/** PEP 629: a higher major version is another language. */
function checkVersion(version: unknown, source: PageSource): void {
  if (typeof version !== "string") return;
  const major = /^(\d+)\./.exec(version)?.[1];
  if (major === undefined || major === "1" || major === "0") return;
  throw badPage(source, `it speaks version ${version.slice(0, 20)} of the Simple API, and dx-py version 1`);
}

/**
 * An absolute URL without fragment and credentials, or `undefined` for what is none or no place of files. Most links
 * are absolute and plain: those are not taken apart.
 */
export function resolveUrl(link: string, base: string): string | undefined {
  if (link.length > MAX_URL) return undefined;
  if (/^https?:\/\/[a-z0-9.-]+(?::\d+)?\/[\w\-.~!$&'()*+,;=:@%/]*$/.test(link) && !link.includes("/."))
    return link;
  let url: URL;
  try {
    url = new URL(link, base);
  } catch {
    return undefined;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:" && url.protocol !== "file:") return undefined;
  // A page from the network has no business with the files of this machine.
  if (url.protocol === "file:" && !base.startsWith("file:")) return undefined;
  url.hash = "";
  return withoutCredentials(url.href);
}

/** The last part of the path, percent-decoded. */
export function filenameOfUrl(url: string): string {
  const query = url.indexOf("?");
  const path = query < 0 ? url : url.slice(0, query);
  const last = path.slice(path.lastIndexOf("/") + 1);
  if (!last.includes("%")) return last;
  try {
    const decoded = decodeURIComponent(last);
    return /[/\\\0]/.test(decoded) ? "" : decoded;
  } catch {
    return "";
  }
}

export function badPage(source: PageSource, what: string, cause?: unknown): Failure {
  return new Failure(
    "DXPY_BAD_INDEX_PAGE",
    `${withoutCredentials(source.url)} is not a page of a package index: ${what}`,
    {
      context: { url: withoutCredentials(source.url), index: source.index },
      cause,
      hint: "An index URL usually ends in `/simple`.",
    },
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
