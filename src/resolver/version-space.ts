import {
  contains,
  emptySet,
  fullSet,
  type IntegerSet,
  limit,
} from "../standards/marker-algebra/integer-set.ts";
import type { SpecifierSet } from "../standards/specifiers.ts";
import { compareRelease, compareVersions, type Version } from "../standards/version.ts";
import { type Cut, rangesOf, type VersionRanges } from "../standards/version-ranges.ts";

/** Room between two versions for the bounds that requirements name. */
const spacing = 1024;

/** The versions of one package in one place that serves them; positions `0 … count - 1`, ascending. */
export interface VersionList {
  readonly count: number;
  version(i: number): Version;
  versionText(i: number): string;
}

interface PlacedCut {
  cut: Cut;
  place: number;
}

/**
 * A package's versions as integers for the solver: a version is a multiple of `spacing`, and every bound that some
 * requirement names gets its own integer in between, so that `<5` and `>=5` exclude each other although there may be
 * no version 5. A specifier set becomes a set of integers once; afterwards no version is compared again.
 */
export class VersionSpace {
  readonly list: VersionList;
  /** By text of the specifier set. */
  #sets = new Map<string, IntegerSet>();
  /** By index of the first version above the gap: bounds in it, ascending. */
  #gaps = new Map<number, PlacedCut[]>();

  constructor(list: VersionList) {
    this.list = list;
  }

  get count(): number {
    return this.list.count;
  }

  /** The integer of the version at an index of the list. */
  at(index: number): number {
    return (index + 1) * spacing;
  }

  /** The index in the list of a version's integer. */
  index(value: number): number {
    return value / spacing - 1;
  }

  /**
   * The version and all that lies between its neighbours, where no version exists. What holds for the version holds
   * there too, so that a requirement that leaves no other version is known to ask for what this one asks for. Versions
   * that do not `exist` (uploaded too late) are no neighbours.
   */
  widened(value: number, exists: (index: number) => boolean = () => true): IntegerSet {
    let below = this.index(value) - 1;
    while (below >= 0 && !exists(below)) below -= 1;
    let above = this.index(value) + 1;
    while (above < this.count && !exists(above)) above += 1;
    return [below < 0 ? 0 : this.at(below) + 1, above >= this.count ? limit : this.at(above)];
  }

  setOf(specifiers: SpecifierSet): IntegerSet {
    if (specifiers.specifiers.length === 0) return fullSet;
    const known = this.#sets.get(specifiers.text);
    if (known !== undefined) return known;
    const set = this.#place(rangesOf(specifiers));
    this.#sets.set(specifiers.text, set);
    return set;
  }

  /** Indices of the versions in a set, from the highest down, or from the lowest up. */
  *indices(set: IntegerSet, highestFirst: boolean): Generator<number> {
    const { count } = this;
    if (highestFirst) {
      for (let i = set.length - 2; i >= 0; i -= 2) {
        const first = Math.max(Math.ceil(set[i]! / spacing) - 1, 0);
        for (let k = Math.min(Math.floor((set[i + 1]! - 1) / spacing) - 1, count - 1); k >= first; k--)
          yield k;
      }
      return;
    }
    for (let i = 0; i < set.length; i += 2) {
      const last = Math.min(Math.floor((set[i + 1]! - 1) / spacing) - 1, count - 1);
      for (let k = Math.max(Math.ceil(set[i]! / spacing) - 1, 0); k <= last; k++) yield k;
    }
  }

  /** The index of the version that a set consists of; `undefined` when it is not just one. */
  onlyIndex(set: IntegerSet): number | undefined {
    if (set.length !== 2 || set[1] !== set[0]! + 1 || set[0]! % spacing !== 0) return undefined;
    const index = this.index(set[0]!);
    return index >= 0 && index < this.count ? index : undefined;
  }

  /** Whether the set holds the version at an index. */
  holds(set: IntegerSet, index: number): boolean {
    return contains(set, this.at(index));
  }

  #place(ranges: VersionRanges): IntegerSet {
    const set: number[] = ranges.startsInside ? [0] : [];
    for (const cut of ranges.cuts) {
      const place = this.#placeOf(cut);
      if (set.length > 0 && set[set.length - 1] === place) set.pop();
      else set.push(place);
    }
    if (set.length % 2 === 1) set.push(limit);
    return set.length === 0 ? emptySet : set;
  }

  #placeOf(cut: Cut): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBelow(this.list.version(middle), cut)) low = middle + 1;
      else high = middle;
    }
    if (
      low < this.count &&
      cut.side === "before" &&
      compareVersions(this.list.version(low), cut.version) === 0
    ) {
      return this.at(low);
    }
    let gap = this.#gaps.get(low);
    if (gap === undefined) {
      gap = [];
      this.#gaps.set(low, gap);
    }
    let i = 0;
    while (i < gap.length) {
      const order = compareCuts(gap[i]!.cut, cut);
      if (order === 0) return gap[i]!.place;
      if (order > 0) break;
      i += 1;
    }
    const floor = i === 0 ? low * spacing : gap[i - 1]!.place;
    const ceiling = i === gap.length ? (low + 1) * spacing : gap[i]!.place;
    const place = (floor + ceiling) >>> 1;
    // Ten bounds deep in one gap: two bounds between the same two versions then count as one.
    if (place === floor) return floor === low * spacing ? floor + 1 : floor;
    gap.splice(i, 0, { cut, place });
    return place;
  }
}

function isBelow(version: Version, cut: Cut): boolean {
  if (cut.side === "before") return compareVersions(version, cut.version) < 0;
  if (cut.side === "after") return compareVersions(version, cut.version) <= 0;
  return compareRelease(version, cut.version) <= 0;
}

function compareCuts(a: Cut, b: Cut): number {
  const release = compareRelease(a.version, b.version);
  if (release !== 0) return release;
  const after = (cut: Cut) => (cut.side === "after-release" ? 1 : 0);
  if (after(a) + after(b) > 0) return after(a) - after(b);
  const order = compareVersions(a.version, b.version);
  return order !== 0 ? order : (a.side === "after" ? 1 : 0) - (b.side === "after" ? 1 : 0);
}

/** Whether the specifiers name one version, so that deciding on it early is cheap: `==1.0`, `===1.0`. */
export function isPinned(specifiers: SpecifierSet): boolean {
  return specifiers.specifiers.some(
    ({ operator, wildcard }) => operator === "===" || (operator === "==" && !wildcard),
  );
}
