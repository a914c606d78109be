/**
 * Sets of versions as intervals over PEP 440's total order, pre-releases, post-releases and local versions included.
 *
 * A set is a sorted list of cuts at which membership changes. No cut ever falls on a version: it lies just before one,
 * just after one, or after every version of a release. Each set has one representation, so sets are equal when their
 * cuts are; complement is the flip of one flag.
 */
import type { Specifier, SpecifierSet } from "./specifiers.ts";
import {
  compareRelease,
  compareVersions,
  nextNumber,
  parseVersion,
  type Version,
  type VersionParts,
  versionFromParts,
} from "./version.ts";

/**
 * `before`: below the version and above all lower ones. `after`: above the version, below its first local version.
 * `after-release`: above every version with the version's epoch and release, whatever its other segments.
 */
export interface Cut {
  readonly side: "before" | "after" | "after-release";
  readonly version: Version;
}

export interface VersionRanges {
  /** Whether versions below the first cut are in the set. */
  readonly startsInside: boolean;
  /** Strictly increasing. */
  readonly cuts: readonly Cut[];
}

export const noVersions: VersionRanges = { startsInside: false, cuts: [] };
export const allVersions: VersionRanges = { startsInside: true, cuts: [] };

/** Nothing sorts below this. */
const LOWEST = parseVersion("0.dev0");

const before = (version: Version): Cut => ({ side: "before", version });
const after = (version: Version): Cut => ({ side: "after", version });

/** The set from `lower` to `upper`; `undefined` is no bound. */
function interval(lower: Cut | undefined, upper: Cut | undefined): VersionRanges {
  const low =
    lower !== undefined && lower.side === "before" && compareVersions(lower.version, LOWEST) <= 0
      ? undefined
      : lower;
  if (upper === undefined) return low === undefined ? allVersions : { startsInside: false, cuts: [low] };
  if (low !== undefined) {
    return compareCuts(low, upper) < 0 ? { startsInside: false, cuts: [low, upper] } : noVersions;
  }
  if (upper.side === "before" && compareVersions(upper.version, LOWEST) <= 0) return noVersions;
  return { startsInside: true, cuts: [upper] };
}

/** This version and no other, not even its local versions. */
export function onlyVersion(version: Version): VersionRanges {
  return interval(before(version), after(version));
}

/** From this version upwards, as `>=`. */
export function versionsFrom(version: Version): VersionRanges {
  return interval(before(version), undefined);
}

/** The versions that every specifier of the set admits, pre-releases included. */
export function rangesOf(set: SpecifierSet): VersionRanges {
  let ranges = allVersions;
  for (const specifier of set.specifiers) {
    ranges =
      ranges === allVersions ? rangesOfSpecifier(specifier) : intersect(ranges, rangesOfSpecifier(specifier));
  }
  return ranges;
}

/**
 * The versions that the specifier admits, pre-releases included. `===` admits the versions equal to the one named
 * (`===1.0` is a comparison of texts, and the order of versions does not tell `1.0` from `1.0.0`).
 */
export function rangesOfSpecifier(specifier: Specifier): VersionRanges {
  const { operator, parsed, wildcard, bound } = specifier;
  if (parsed === undefined) return noVersions;
  switch (operator) {
    case ">=":
      return versionsFrom(parsed);
    case "<=":
      return interval(undefined, before(afterLocals(parsed)));
    case "<":
      return interval(undefined, before(bound!));
    case ">":
      return interval(bound === undefined ? afterPosts(parsed) : before(bound), undefined);
    case "==":
      return wildcard ? family(parsed, parsed.release.length) : equalTo(parsed);
    case "!=":
      return complement(wildcard ? family(parsed, parsed.release.length) : equalTo(parsed));
    case "~=":
      return interval(before(parsed), before(afterFamily(parsed, parsed.release.length - 1)));
    case "===":
      return onlyVersion(parsed);
  }
}

function equalTo(v: Version): VersionRanges {
  return v.local === undefined ? interval(before(v), before(afterLocals(v))) : onlyVersion(v);
}

function family(v: Version, length: number): VersionRanges {
  const { epoch, release } = v.exact ?? v;
  const first = versionFromParts({ epoch, release: release.slice(0, length), dev: 0 });
  return interval(before(first), before(afterFamily(v, length)));
}

/** The lowest version of the next prefix: `1.2.*` → `1.3.dev0`. */
export function afterFamily(v: Version, length: number): Version {
  const { epoch, release }: VersionParts<number | bigint> = v.exact ?? v;
  const next = [...release.slice(0, length - 1), nextNumber(release[length - 1]!)];
  return versionFromParts({ epoch, release: next, dev: 0 });
}

/** The lowest version above `v` and all its local versions: there always is one. */
export function afterLocals(v: Version): Version {
  const parts: VersionParts<number | bigint> = v.exact ?? v;
  if (parts.dev !== undefined) {
    return versionFromParts({ ...parts, dev: nextNumber(parts.dev), local: undefined });
  }
  const post = parts.post === undefined ? 0 : nextNumber(parts.post);
  return versionFromParts({ ...parts, post, dev: 0, local: undefined });
}

/** Above `v`, which has neither post nor dev, and all its post-releases. */
function afterPosts(v: Version): Cut {
  const parts: VersionParts<number | bigint> = v.exact ?? v;
  if (parts.pre === undefined) return { side: "after-release", version: v };
  const pre = [parts.pre[0], nextNumber(parts.pre[1])] as const;
  return before(versionFromParts({ epoch: parts.epoch, release: parts.release, pre, dev: 0 }));
}

function compareCuts(a: Cut, b: Cut): number {
  const release = compareRelease(a.version, b.version);
  if (release !== 0) return release;
  if (a.side === "after-release" || b.side === "after-release") {
    return (a.side === "after-release" ? 1 : 0) - (b.side === "after-release" ? 1 : 0);
  }
  const order = compareVersions(a.version, b.version);
  return order !== 0 ? order : (a.side === "after" ? 1 : 0) - (b.side === "after" ? 1 : 0);
}

function isBelow(v: Version, cut: Cut): boolean {
  if (cut.side === "before") return compareVersions(v, cut.version) < 0;
  if (cut.side === "after") return compareVersions(v, cut.version) <= 0;
  return compareRelease(v, cut.version) <= 0;
}

/** O(log n) in the number of cuts. */
export function containsVersion(ranges: VersionRanges, v: Version): boolean {
  const { cuts } = ranges;
  let low = 0;
  let high = cuts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBelow(v, cuts[middle]!)) high = middle;
    else low = middle + 1;
  }
  return ranges.startsInside === (low % 2 === 0);
}

export function complement(ranges: VersionRanges): VersionRanges {
  if (ranges.cuts.length === 0) return ranges.startsInside ? noVersions : allVersions;
  return { startsInside: !ranges.startsInside, cuts: ranges.cuts };
}

export function intersect(a: VersionRanges, b: VersionRanges): VersionRanges {
  return combine(a, b, true);
}

export function union(a: VersionRanges, b: VersionRanges): VersionRanges {
  return combine(a, b, false);
}

export function difference(a: VersionRanges, b: VersionRanges): VersionRanges {
  return combine(a, complement(b), true);
}

/** Intersection when `both`, else union. */
function combine(a: VersionRanges, b: VersionRanges, both: boolean): VersionRanges {
  if (a === b) return a;
  if (a.cuts.length === 0) return a.startsInside === both ? b : a;
  if (b.cuts.length === 0) return b.startsInside === both ? a : b;
  const startsInside = both ? a.startsInside && b.startsInside : a.startsInside || b.startsInside;
  let inside = startsInside;
  const cuts: Cut[] = [];
  sweep(a, b, (inA, inB, cut) => {
    const now = both ? inA && inB : inA || inB;
    if (now !== inside) cuts.push(cut);
    inside = now;
    return true;
  });
  if (cuts.length === 0) return startsInside ? allVersions : noVersions;
  return { startsInside, cuts };
}

/** Walks the cuts of both upwards; `visit` learns what is inside after each, and stops the walk with false. */
function sweep(
  a: VersionRanges,
  b: VersionRanges,
  visit: (inA: boolean, inB: boolean, cut: Cut) => boolean,
): void {
  let inA = a.startsInside;
  let inB = b.startsInside;
  for (let i = 0, j = 0; i < a.cuts.length || j < b.cuts.length; ) {
    const order = i === a.cuts.length ? 1 : j === b.cuts.length ? -1 : compareCuts(a.cuts[i]!, b.cuts[j]!);
    const cut = order <= 0 ? a.cuts[i]! : b.cuts[j]!;
    if (order <= 0) {
      inA = !inA;
      i++;
    }
    if (order >= 0) {
      inB = !inB;
      j++;
    }
    if (!visit(inA, inB, cut)) return;
  }
}

export function isEmpty(ranges: VersionRanges): boolean {
  return !ranges.startsInside && ranges.cuts.length === 0;
}

export function isFull(ranges: VersionRanges): boolean {
  return ranges.startsInside && ranges.cuts.length === 0;
}

export function isSubset(a: VersionRanges, b: VersionRanges): boolean {
  return isDisjoint(a, complement(b));
}

/** Without building the intersection. */
export function isDisjoint(a: VersionRanges, b: VersionRanges): boolean {
  let disjoint = !(a.startsInside && b.startsInside);
  if (disjoint) {
    sweep(a, b, (inA, inB) => {
      disjoint = !(inA && inB);
      return disjoint;
    });
  }
  return disjoint;
}

export function equalRanges(a: VersionRanges, b: VersionRanges): boolean {
  return (
    a.startsInside === b.startsInside &&
    a.cuts.length === b.cuts.length &&
    a.cuts.every((cut, i) => compareCuts(cut, b.cuts[i]!) === 0)
  );
}
