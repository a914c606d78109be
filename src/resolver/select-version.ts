import type { IntegerSet } from "../standards/marker-algebra/integer-set.ts";
import type { MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import { compareVersions, publicVersion, tryParseVersion, type Version } from "../standards/version.ts";
import type { Candidates } from "./candidates.ts";
import type { Project } from "./catalog.ts";

/** A version to take where it can be: from a lock, or from a fork that is resolved already. */
export interface Preferred {
  version: Version;
  /** The environments that it was chosen for. */
  marker: MarkerTree;
  from: "lock" | "fork";
}

/** How pre-releases take part: never, like all others, or only when no stable version will do. */
export type Prereleases = "never" | "always" | "last";

export interface Choice {
  set: IntegerSet;
  highest: boolean;
  prereleases: Prereleases;
  preferred: readonly Preferred[];
  /** Whether the fork has environments in which a marker holds. */
  admits(marker: MarkerTree): boolean;
}

/** The index of the version to try next; `undefined` when the set holds none. It may turn out to be unusable. */
export function selectVersion(project: Project, choice: Choice): number | undefined {
  const { candidates } = project;
  if (candidates === undefined) return undefined;
  const only = project.space.onlyIndex(choice.set);
  if (only !== undefined) return isChoice(candidates, only, choice.prereleases) ? only : undefined;
  return selectPreferred(project, candidates, choice) ?? selectAny(project, candidates, choice);
}

/** Whether the one version that is left can be taken, wanted or not. */
function isChoice(candidates: Candidates, i: number, prereleases: Prereleases): boolean {
  if (prereleases === "never" && candidates.isPrerelease(i)) return false;
  const candidate = candidates.get(i);
  return candidate.usable || candidate.obstacle !== undefined;
}

function selectPreferred(project: Project, candidates: Candidates, choice: Choice): number | undefined {
  let best: Preferred | undefined;
  let found = -1;
  for (const one of choice.preferred) {
    const i = candidates.position(one.version);
    if (i < 0 || !project.space.holds(choice.set, i)) continue;
    if (candidates.isPrerelease(i)) {
      if (choice.prereleases === "never" || (choice.prereleases === "last" && one.from === "fork")) continue;
    }
    if (best !== undefined && !isBetter(one, best, choice)) continue;
    best = one;
    found = i;
  }
  return found < 0 ? undefined : (localVariant(project, candidates, found, choice.set) ?? found);
}

/** What was chosen for environments of the fork comes first; of several, the version that is tried first anyway. */
function isBetter(one: Preferred, other: Preferred, { admits, highest }: Choice): boolean {
  const here = admits(one.marker);
  if (here !== admits(other.marker)) return here;
  const order = compareVersions(one.version, other.version);
  return highest ? order > 0 : order < 0;
}

/** The highest local version of a version (`1.0+cpu` of `1.0`) in the set. */
function localVariant(
  project: Project,
  candidates: Candidates,
  i: number,
  set: IntegerSet,
): number | undefined {
  const { page } = candidates;
  const version = page.version(i);
  if (version.local !== undefined) return undefined;
  let found: number | undefined;
  for (let k = i + 1; k < page.count; k++) {
    const next = page.version(k);
    if (next.local === undefined || compareVersions(publicVersion(next), version) !== 0) break;
    if (project.space.holds(set, k)) found = k;
  }
  return found;
}

function selectAny(project: Project, candidates: Candidates, choice: Choice): number | undefined {
  const { ranks } = candidates.page;
  if (ranks === undefined) return selectRanked(project, candidates, choice, undefined);
  for (const rank of [...new Set(ranks)].sort((a, b) => a - b)) {
    const found = selectRanked(project, candidates, choice, rank);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Of all versions, or of those of one index. */
function selectRanked(
  project: Project,
  candidates: Candidates,
  choice: Choice,
  rank: number | undefined,
): number | undefined {
  if (choice.prereleases === "always") return first(project, candidates, choice, undefined, rank);
  const stable = first(project, candidates, choice, false, rank);
  if (stable !== undefined || choice.prereleases === "never") return stable;
  return first(project, candidates, choice, true, rank);
}

function first(
  project: Project,
  candidates: Candidates,
  { set, highest }: Choice,
  prerelease: boolean | undefined,
  rank: number | undefined,
): number | undefined {
  const { ranks } = candidates.page;
  for (const i of project.space.indices(set, highest)) {
    if (rank !== undefined && ranks?.[i] !== rank) continue;
    if (prerelease !== undefined && candidates.isPrerelease(i) !== prerelease) continue;
    const candidate = candidates.get(i);
    if (candidate.usable || candidate.obstacle !== undefined) return i;
  }
  return undefined;
}

export function preferredVersion(
  version: string,
  marker: MarkerTree,
  from: "lock" | "fork",
): Preferred | undefined {
  const parsed = tryParseVersion(version);
  return parsed === undefined ? undefined : { version: parsed, marker, from };
}
