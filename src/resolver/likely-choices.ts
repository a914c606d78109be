import { fullSet, interval } from "../standards/marker-algebra/integer-set.ts";
import { trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import type { Project } from "./catalog.ts";
import type { ForkEnvironment } from "./fork-environment.ts";
import { type PythonBounds, supportsAll } from "./python-requirement.ts";
import type { ResolveRequest } from "./request.ts";
import { type Preferred, type Prereleases, selectVersion } from "./select-version.ts";

/** So many versions are looked at in search of one for the oldest Python. */
const MOST_LOOKED_AT = 50;

/** What of a session decides which versions are taken. */
export interface Tastes {
  request: Pick<ResolveRequest, "forkStrategy">;
  python: PythonBounds;
  preferred: ReadonlyMap<string, readonly Preferred[]>;
  prereleasesOf(name: string, env: ForkEnvironment): Prereleases;
  highestOf(name: string, env: ForkEnvironment): boolean;
}

/**
 * The versions of a project that will probably be chosen, as positions: the one that would be taken first of all, and where that one does
 * not support the oldest Python, the one that the fork for it will have. What is fetched ahead is these.
 */
export function likelyChoices(session: Tastes, project: Project): number[] {
  const { candidates, space } = project;
  if (candidates === undefined) return [];
  const env: ForkEnvironment = { marker: trueMarker, included: new Set(), excluded: new Set() };
  const highest = session.highestOf(project.name, env);
  const first = selectVersion(project, {
    set: fullSet,
    highest,
    prereleases: session.prereleasesOf(project.name, env),
    preferred: session.preferred.get(project.name) ?? [],
    admits: () => true,
  });
  if (first === undefined) return [];
  const isForAll = (i: number) => {
    const candidate = candidates.get(i);
    if (!candidate.usable) return false;
    return candidate.requiresPython === undefined || supportsAll(candidate.requiresPython, session.python);
  };
  if (!highest || isForAll(first) || session.request.forkStrategy !== "requires-python") return [first];
  let left = MOST_LOOKED_AT;
  for (const i of space.indices(interval(0, space.at(first)), true)) {
    left -= 1;
    if (left < 0) break;
    if (!candidates.isPrerelease(i) && isForAll(i)) return [first, i];
  }
  return [first];
}
