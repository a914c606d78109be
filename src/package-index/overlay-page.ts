import { compareVersions, isPrerelease, type Version } from "../standards/version.ts";
import type { DistributionFile } from "./distribution.ts";
import { groupByVersion, type VersionGroup } from "./listing.ts";
import type { PackagePage } from "./package-page.ts";
import { encodePage, openPage } from "./page-format.ts";

/** A page made here, of files of one or several places. */
export function pageOfFiles(project: string, index: string, files: readonly DistributionFile[]): PackagePage {
  const empty = openPage(encodePage([]), project, index);
  return overlayPage(empty, groupByVersion(project, files));
}

/**
 * The page of a project that several indexes have: each version from the first of them, and from `extra`, which
 * belongs to all. `ranked`: an earlier index goes before a better version.
 */
export function joinPages(
  project: string,
  pages: readonly PackagePage[],
  extra: readonly DistributionFile[],
  ranked: boolean,
): PackagePage {
  // Versions that are written differently may be the same (`2.1`, `2.1.0`).
  const has = (page: PackagePage, version: Version) => {
    const at = page.position(version);
    return at >= 0 && page.files(at).length > 0;
  };
  const rankOf = (version: Version) => pages.findIndex((page) => has(page, version));
  const files = pages.flatMap((page, rank) =>
    Array.from({ length: page.count }, (_, i) =>
      rankOf(page.version(i)) === rank ? page.files(i) : [],
    ).flat(),
  );
  const joined = pageOfFiles(project, pages[0]?.index ?? "", files);
  const page = extra.length === 0 ? joined : overlayPage(joined, groupByVersion(project, extra));
  const ranks = () => page.versions.map((version) => Math.max(0, rankOf(version)));
  return Object.assign(Object.create(page), { joined: true, ...(ranked ? { ranks: ranks() } : {}) });
}

/**
 * A page with a few more files laid over it: what find-links add to what an index serves. The page beneath is not
 * decoded; of a file that is in both, the one laid over counts.
 */
export function overlayPage(page: PackagePage, groups: readonly VersionGroup[]): PackagePage {
  const rows = mergedRows(page, groups);
  const files: (readonly DistributionFile[] | undefined)[] = [];
  let all: Version[] | undefined;
  const version = (i: number): Version => {
    const { group, below } = rows[i]!;
    return below === undefined ? group!.version : page.version(below);
  };
  return {
    name: page.name,
    index: page.index,
    count: rows.length,
    version,
    versionText: (i) => {
      const row = rows[i];
      if (row === undefined) return "";
      return row.below === undefined ? row.group!.version.text : page.versionText(row.below);
    },
    get versions() {
      all ??= rows.map((_, i) => version(i));
      return all;
    },
    position: (wanted) => search(rows.length, version, wanted).at,
    isPrerelease(i) {
      const row = rows[i];
      if (row === undefined) return false;
      return row.below === undefined ? isPrerelease(row.group!.version) : page.isPrerelease(row.below);
    },
    files(i) {
      const row = rows[i];
      if (row === undefined) return [];
      files[i] ??= filesOfRow(page, row);
      return files[i];
    },
  };
}

/** A version: where it is on the page beneath, and what lies over it. At least one of the two. */
interface Row {
  below?: number;
  group?: VersionGroup;
}

function mergedRows(page: PackagePage, groups: readonly VersionGroup[]): Row[] {
  const rows: Row[] = [];
  let next = 0;
  for (const group of groups) {
    const { at, insertAt } = search(page.count, (i) => page.version(i), group.version);
    const end = at < 0 ? insertAt : at;
    for (; next < end; next += 1) rows.push({ below: next });
    rows.push(at < 0 ? { group } : { below: at, group });
    if (at >= 0) next = at + 1;
  }
  for (; next < page.count; next += 1) rows.push({ below: next });
  return rows;
}

function filesOfRow(page: PackagePage, { below, group }: Row): readonly DistributionFile[] {
  if (below === undefined) return group!.files;
  if (group === undefined) return page.files(below);
  const own = new Set(group.files.map(({ filename }) => filename));
  const all = [...group.files, ...page.files(below).filter(({ filename }) => !own.has(filename))];
  return groupByVersion(page.name, all)[0]?.files ?? all;
}

function search(
  count: number,
  version: (i: number) => Version,
  wanted: Version,
): { at: number; insertAt: number } {
  let low = 0;
  let high = count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareVersions(version(middle), wanted);
    if (order === 0) return { at: middle, insertAt: middle };
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return { at: -1, insertAt: low };
}
