import { Failure } from "../platform/errors.ts";
import { withoutCredentials } from "./credentials.ts";

/** Where a page came from, and where its links lead. */
export interface PageSource {
  /** What the page's links are relative to: where the answer came from, after redirects. */
  url: string;
  /** The index's URL without credentials, for `DistributionFile.index`. */
  index: string;
  contentType: string;
}

/** Longer URLs are left out: no server makes them. */
const MAX_URL = 8192;

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
