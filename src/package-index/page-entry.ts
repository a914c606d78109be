import type { DistributionFile } from "./distribution.ts";
import { distributionKind } from "./listing.ts";
import { type PageSource, resolveUrl } from "./page-links.ts";

/** One file of a JSON page (PEP 691, PEP 700, PEP 714), read and written. */

/** Longer names are left out: no server makes them. */
export const MAX_NAME = 512;

/** `undefined` for what is no file that can be installed. */
export function fileOfEntry(entry: unknown, source: PageSource): DistributionFile | undefined {
  if (!isRecord(entry)) return undefined;
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

/** The entry that `fileOfEntry` reads as this file. */
export function entryOfFile(file: DistributionFile): Record<string, unknown> {
  const { filename, url, hashes, yanked, requiresPython, size, uploadTime, metadataHashes } = file;
  return {
    filename,
    url,
    hashes,
    yanked,
    ...(requiresPython === undefined ? {} : { "requires-python": requiresPython }),
    ...(size === undefined ? {} : { size }),
    ...(uploadTime === undefined ? {} : { "upload-time": new Date(uploadTime).toISOString() }),
    ...(metadataHashes === undefined ? {} : { "core-metadata": metadataHashes }),
  };
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

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
