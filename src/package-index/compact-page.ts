import { compareVersions, tryParseVersion, type Version } from "../standards/version.ts";
import { scanEntries } from "./json-entries.ts";
import { distributionKind, groupByVersion, versionInFilename } from "./listing.ts";
import { isRecord, MAX_NAME } from "./page-entry.ts";
import { type CompactPage, encodePage, encodeSpans, type VersionSpans } from "./page-format.ts";
import type { PageSource } from "./page-links.ts";
import { checkVersion, isJson, readSimplePage } from "./simple-page.ts";

/** A page of the Simple API in the form of page-format.ts. Failure DXPY_BAD_INDEX_PAGE. */
export function compactPage(project: string, body: Uint8Array, source: PageSource): CompactPage {
  return (
    (isJson(source) ? compactEntries(project, body, source) : undefined) ??
    encodePage(groupByVersion(project, readSimplePage(body, source)), source.url)
  );
}

interface Group extends VersionSpans {
  spans: number[];
}

/** Without parsing a file's entry; `undefined` for a page that has to be. */
function compactEntries(project: string, body: Uint8Array, source: PageSource): CompactPage | undefined {
  const json = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const groups = new Map<string, Group | undefined>();
  let prefix = "";
  let current: Group | undefined;
  // Bytes are taken for characters, so that places in the text are places in the bytes. All that is read of the text here is ASCII.
  const frame = scanEntries(json.toString("latin1"), (filename, start, end) => {
    // The wheels of a version come one after the other.
    if (prefix === "" || !filename.startsWith(prefix) || !filename.endsWith(".whl")) {
      prefix = "";
      current = undefined;
      const kind = distributionKind(filename);
      if (kind === undefined || filename.length > MAX_NAME) return;
      const text = versionInFilename(filename, kind, project);
      if (text === undefined) return;
      if (!groups.has(text)) groups.set(text, groupOf(text));
      current = groups.get(text);
      if (kind === "wheel") prefix = filename.slice(0, filename.indexOf("-", filename.indexOf("-") + 1) + 1);
    }
    if (current === undefined) return;
    const { spans } = current;
    const last = spans.length - 1;
    // With no more than a comma and a space between them, both are one.
    if (last > 0 && start - spans[last]! <= 2) spans[last] = end;
    else spans.push(start, end);
  });
  if (frame === undefined) return undefined;
  const { meta } = frame;
  checkVersion(isRecord(meta) ? meta["api-version"] : undefined, source);
  return encodeSpans(merged([...groups.values()]), json, source.url);
}

function groupOf(text: string): Group | undefined {
  const version = tryParseVersion(text);
  return version === undefined ? undefined : { version, spans: [] };
}

/** Ascending; 1.0 and 1.0.0 are one version. */
function merged(groups: readonly (Group | undefined)[]): Group[] {
  const sorted = groups.filter((group) => group !== undefined);
  sorted.sort((a, b) => compareVersions(a.version, b.version));
  const out: Group[] = [];
  let last: Version | undefined;
  for (const group of sorted) {
    if (last !== undefined && compareVersions(last, group.version) === 0) {
      out[out.length - 1]!.spans.push(...group.spans);
    } else out.push(group);
    last = group.version;
  }
  return out;
}
