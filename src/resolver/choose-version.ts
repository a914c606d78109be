import type { IntegerSet } from "../standards/marker-algebra/integer-set.ts";
import { intersection, limit, setsEqual, singleton } from "../standards/marker-algebra/integer-set.ts";
import { falseMarker, type MarkerTree, trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import { separation } from "../standards/marker-algebra/marker-separation.ts";
import { publicVersion } from "../standards/version.ts";
import type { Candidate, Candidates } from "./candidates.ts";
import type { Project } from "./catalog.ts";
import { admits, type ForkEnvironment, narrowed } from "./fork-environment.ts";
import { type ForkState, forkState } from "./fork-state.ts";
import type { PackageId } from "./pubgrub/incompatibility.ts";
import { boundsMarker, split, supportsAll } from "./python-requirement.ts";
import { selectVersion } from "./select-version.ts";
import type { Session } from "./session.ts";
import { onlyVersion, type Unavailable } from "./solver-notes.ts";

/** A version to decide on; one that is out, and why; forks to try one after the other; or nothing that is left. */
export type Chosen = number | { version: number; reason: Unavailable } | { forks: ForkState[] } | undefined;

/** The version of a package to try next, within the set. */
export function chooseVersion(
  session: Session,
  state: ForkState,
  id: PackageId,
  name: string,
  set: IntegerSet,
): Chosen {
  if (name === session.rootName) return onlyVersion;
  const known = state.choices.get(id);
  if (known !== undefined && setsEqual(known.set, set)) return known.version;
  const chosen = chooseAnew(session, state, id, name, set);
  // What is known of a package's environments grows with every decision: then a choice does not hold.
  if (typeof chosen === "number" && session.requiredEnvironments.length === 0) {
    if (known === undefined) state.choices.set(id, { set, version: chosen });
    else {
      known.set = set;
      known.version = chosen;
    }
  }
  return chosen;
}

function chooseAnew(
  session: Session,
  state: ForkState,
  id: PackageId,
  name: string,
  set: IntegerSet,
): Chosen {
  const project = session.loaded(name, state.env);
  if (project.direct !== undefined) return chooseDirect(state, project, set);
  const i = select(session, state, project, set);
  if (i === undefined) return undefined;
  const { space } = project;
  const candidate = project.candidates!.get(i);
  const version = space.at(i);
  if (!candidate.usable) {
    return { version, reason: { kind: "obstacle", obstacle: candidate.obstacle! } };
  }
  if (isForLaterPythons(state, project.candidates!, i)) {
    return {
      version,
      reason: { kind: "obstacle", obstacle: { kind: "python-tags", example: candidate.file.filename } },
    };
  }
  if (candidate.requiresPython !== undefined && !supportsAll(candidate.requiresPython, state.python)) {
    const forks =
      session.request.forkStrategy === "requires-python"
        ? forksByPython(session, state, id, candidate.requiresPython.from)
        : [];
    if (forks.length > 0) return { forks };
    return { version, reason: { kind: "python", text: candidate.requiresPythonText! } };
  }
  return chooseForPlatforms(session, state, id, project, project.candidates!, i, candidate, set);
}

/**
 * The version that `chooseVersion` gives from this set, and from each part of the set that holds the version. `undefined` where more
 * than the set decides, and where what comes first is out.
 */
export function steadyChoice(
  session: Session,
  state: ForkState,
  name: string,
  set: IntegerSet,
): number | undefined {
  if (name === session.rootName) return onlyVersion;
  const project = session.loaded(name, state.env);
  const { candidates, direct, space } = project;
  if (direct !== undefined) return space.holds(set, 0) ? space.at(0) : undefined;
  if (candidates === undefined || session.requiredEnvironments.length > 0) return undefined;
  const i = select(session, state, project, set);
  if (i === undefined || candidates.page.version(i).local !== undefined) return undefined;
  const candidate = candidates.get(i);
  if (!candidate.usable || isForLaterPythons(state, candidates, i)) return undefined;
  const { requiresPython } = candidate;
  if (requiresPython !== undefined && !supportsAll(requiresPython, state.python)) return undefined;
  return space.at(i);
}

/** Whether a version has files for none of the fork's Pythons. */
function isForLaterPythons({ python }: ForkState, candidates: Candidates, i: number): boolean {
  return python.to < limit && candidates.oldestPython(i) >= python.to;
}

function select(session: Session, state: ForkState, project: Project, set: IntegerSet): number | undefined {
  return selectVersion(project, {
    set,
    highest: session.highestOf(project.name, state.env),
    prereleases: session.prereleasesOf(project.name, state.env),
    preferred: session.preferred.get(project.name) ?? [],
    admits: (marker) => admits(session.arena, state.env, marker),
  });
}

function chooseDirect(state: ForkState, project: Project, set: IntegerSet): Chosen {
  const { space } = project;
  if (!space.holds(set, 0)) return undefined;
  void state;
  return space.at(0);
}

/** The environments below and from the Python that a version needs: the older Pythons can then have an older version. */
function forksByPython(session: Session, state: ForkState, id: PackageId, from: number): ForkState[] {
  const parts = split(state.python, from);
  if (parts === undefined) return [];
  const { arena } = session;
  return parts
    .map((part) => boundsMarker(arena, part))
    .filter((marker) => admits(arena, state.env, marker))
    .map((marker) => resumed(session, state, narrowed(arena, state.env, marker), id));
}

function resumed(
  session: Session,
  state: ForkState,
  env: ForkEnvironment,
  id: PackageId,
  version?: number,
): ForkState {
  const forked = forkState(session, state, env);
  forked.resume = version === undefined ? { id } : { id, version };
  return forked;
}

/**
 * Takes the version unless its wheels leave out environments that must be served: those that the settings require,
 * and those that the same version without its local part serves.
 */
function chooseForPlatforms(
  session: Session,
  state: ForkState,
  id: PackageId,
  project: Project,
  candidates: Candidates,
  i: number,
  candidate: Candidate,
  set: IntegerSet,
): Chosen {
  const { arena, requiredEnvironments } = session;
  const { space } = project;
  const version = space.at(i);
  const isLocal = candidates.page.version(i).local !== undefined;
  if (requiredEnvironments.length === 0 && !isLocal) return version;
  const served = candidates.environments(i, arena);
  if (served === trueMarker) return version;
  const here = arena.and(served, state.env.marker);
  for (const required of requiredEnvironments) {
    if (!admits(arena, state.env, required) || !arena.isDisjoint(here, required)) continue;
    if (arena.isDisjoint(arena.and(environmentsOf(session, state, id), state.env.marker), required)) continue;
    // A fork for what the wheels serve is no use where they serve nothing of this one.
    const forks = admits(arena, state.env, served)
      ? forksByMarker(session, state, id, arena.not(separation(arena, here, required)))
      : undefined;
    if (forks !== undefined) return { forks };
    const example = candidate.usable ? candidate.file.filename : "";
    return {
      version,
      reason: { kind: "obstacle", obstacle: { kind: "platform", marker: required, example } },
    };
  }
  return isLocal ? chooseLocal(session, state, id, project, candidates, i, served, set) : version;
}

function forksByMarker(
  session: Session,
  state: ForkState,
  id: PackageId,
  marker: MarkerTree,
  versions?: { on: number; off: number },
): ForkState[] | undefined {
  const { arena } = session;
  const without = arena.not(marker);
  if (!admits(arena, state.env, marker) || !admits(arena, state.env, without)) return undefined;
  return [
    resumed(session, state, narrowed(arena, state.env, marker), id, versions?.on),
    resumed(session, state, narrowed(arena, state.env, without), id, versions?.off),
  ];
}

/** `1.0+cpu` where it has wheels, and plain `1.0` where only that has. */
function chooseLocal(
  session: Session,
  state: ForkState,
  id: PackageId,
  project: Project,
  candidates: Candidates,
  i: number,
  served: MarkerTree,
  set: IntegerSet,
): Chosen {
  const { arena } = session;
  const { space } = project;
  const version = space.at(i);
  const at = candidates.page.position(publicVersion(candidates.page.version(i)));
  if (at < 0) return version;
  const base = select(session, state, project, intersection(set, singleton(space.at(at))));
  if (base === undefined || !candidates.get(base).usable) return version;
  let remainder = arena.and(candidates.environments(base, arena), arena.not(served));
  if (arena.isFalse(remainder) || !admits(arena, state.env, remainder)) return version;
  if (!admits(arena, state.env, served)) return space.at(base);
  for (const platform of ["darwin", "linux", "win32"]) {
    const marker = arena.textEquals("sys_platform", platform);
    if (arena.isDisjoint(served, marker) && !arena.isDisjoint(remainder, marker))
      remainder = arena.or(remainder, marker);
  }
  const forks = forksByMarker(session, state, id, remainder, { on: space.at(base), off: version });
  return forks === undefined ? version : { forks };
}

/** The environments for which a package is known to be needed. */
function environmentsOf(session: Session, { solver }: ForkState, id: PackageId): MarkerTree {
  const { arena, table } = session;
  const open = new Set<PackageId>();
  const walk = (one: PackageId): MarkerTree => {
    if (table.get(one).kind === "root") return trueMarker;
    if (open.has(one)) return falseMarker;
    open.add(one);
    let tree: MarkerTree = falseMarker;
    for (const incompatibility of solver.incompatibilitiesOf(one)) {
      const { cause } = solver.arena[incompatibility]!;
      if (cause.kind !== "dependency" || cause.on !== one) continue;
      tree = arena.or(tree, arena.and(table.marker(one), walk(cause.dependent)));
    }
    open.delete(one);
    return tree;
  };
  return walk(id);
}
