/** Sets of versions as people write them. */

import { compareVersions, isPrerelease, type Version, versionFromParts } from "./version.ts";
import { afterFamily, afterLocals, type Cut, type VersionRanges } from "./version-ranges.ts";

/**
 * For people, folded: `>=1,!=1.5,<3 | ==4.*`, `*` for all, `∅` for none. It is what one would write, which PEP 440 cannot
 * always say exactly: what is not below `2` is written `>=2`, though it holds the pre-releases of 2 too.
 */
export function formatRanges(ranges: VersionRanges): string {
  const { cuts } = ranges;
  if (cuts.length === 0) return ranges.startsInside ? "*" : "∅";
  const groups: string[] = [];
  let lower = ranges.startsInside ? undefined : cuts[0];
  let parts: string[] = [];
  for (let i = ranges.startsInside ? 0 : 1; ; i += 2) {
    const upper = cuts[i];
    const gap = upper === undefined ? undefined : cuts[i + 1];
    const hole = gap === undefined ? undefined : formatPoint(upper!, gap);
    if (hole !== undefined) {
      parts.push(`!=${hole}`);
      continue;
    }
    groups.push(formatInterval(lower, parts, upper));
    if (gap === undefined) return groups.join(" | ");
    lower = gap;
    parts = [];
  }
}

function formatInterval(lower: Cut | undefined, holes: string[], upper: Cut | undefined): string {
  if (lower !== undefined && upper !== undefined) {
    const point = formatPoint(lower, upper);
    if (point !== undefined) return [`==${point}`, ...holes].join(",");
  }
  const parts = [...holes];
  if (lower !== undefined) parts.unshift(formatLower(lower));
  if (upper !== undefined) parts.push(formatUpper(upper));
  return parts.join(",");
}

/** `1.2` or `1.2.*` when the cuts are the bounds of `==1.2` or `==1.2.*`. */
function formatPoint(lower: Cut, upper: Cut): string | undefined {
  const v = lower.version;
  if (lower.side !== "before") return undefined;
  if (upper.side === "after") return compareVersions(v, upper.version) === 0 ? v.text : undefined;
  if (upper.side === "after-release") return undefined;
  if (v.local === undefined && compareVersions(afterLocals(v), upper.version) === 0) return v.text;
  if (!isFirstOfFamily(v) || !isFirstOfFamily(upper.version)) return undefined;
  const next = afterFamily(v, v.release.length);
  return compareVersions(next, upper.version) === 0 ? `${withoutDev(v).text}.*` : undefined;
}

/** A final release's `.dev0`. */
function isFirstOfFamily(v: Version): boolean {
  return v.dev === 0 && v.pre === undefined && v.post === undefined && v.local === undefined;
}

function withoutDev(v: Version): Version {
  return versionFromParts({ ...(v.exact ?? v), dev: undefined });
}

function formatLower({ side, version: v }: Cut): string {
  if (side !== "before") return `>${v.text}`;
  if (isAfterFinal(v)) return `>${withoutPost(v).text}`;
  return v.dev === 0 && v.pre === undefined ? `>=${withoutDev(v).text}` : `>=${v.text}`;
}

function formatUpper({ side, version: v }: Cut): string {
  if (side !== "before") return `<=${v.text}`;
  if (isAfterFinal(v)) return `<=${withoutPost(v).text}`;
  return v.dev === 0 && !isPrerelease(withoutDev(v)) ? `<${withoutDev(v).text}` : `<${v.text}`;
}

/** `X.post0.dev0`: the lowest version above X and its local versions. */
function isAfterFinal(v: Version): boolean {
  return v.post === 0 && v.dev === 0 && v.local === undefined;
}

function withoutPost(v: Version): Version {
  return versionFromParts({ ...(v.exact ?? v), post: undefined, dev: undefined });
}
