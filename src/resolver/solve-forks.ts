/**
 * The main loop: one PubGrub solver for each fork, driven version by version. The order in which packages and versions
 * are tried, and where it forks, is what decides which of many solutions is found.
 */

import {
  emptySet,
  type IntegerSet,
  intersection,
  interval,
  limit,
  singleton,
} from "../standards/marker-algebra/integer-set.ts";
import { trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import type { Project } from "./catalog.ts";
import { chooseVersion } from "./choose-version.ts";
import { firstForks } from "./first-forks.ts";
import { followFork } from "./follow-fork.ts";
import { admits, type ForkEnvironment } from "./fork-environment.ts";
import { type ForkState, firstState, forkState } from "./fork-state.ts";
import { type Edge, sortForks } from "./forks.ts";
import type { PackageId } from "./pubgrub/incompatibility.ts";
import { type Dependency, NoSolution } from "./pubgrub/solver-state.ts";
import type { Session } from "./session.ts";
import { type SolvedFork, solvedFork } from "./solved-fork.ts";
import { type DependencyNote, ForkFailed, onlyVersion, type Unavailable } from "./solver-notes.ts";
import { loadProjects, toldEdges } from "./told-edges.ts";
import { forksOfVersion, metadataOf } from "./version-edges.ts";
import type { VirtualPackage } from "./virtual-packages.ts";

export interface SolveCounts {
  decisions: number;
  conflicts: number;
  /** Forks that came to what others had come to, and were not solved. */
  followed: number;
}

/** So many forks are tried to be followed in vain, and two more for each that was. */
const PATIENCE = 3;

export interface SolveOptions {
  onProgress?: ((name: string) => void) | undefined;
  /** Sees what each fork came to, with its number. */
  onSolved: (fork: SolvedFork, n: number) => void;
  /** Every fork is solved, whatever the others came to. The outcome is the same: for tests, to see that it is. */
  solveEach?: boolean | undefined;
}

/**
 * Resolves every fork, the ones that turn up on the way included. Of what they come to only the environments are kept: of many forks
 * the states would fill the memory. Throws `ForkFailed` for the first without solution.
 */
export async function solveForks(
  session: Session,
  counts: SolveCounts,
  { onProgress, onSolved, solveEach }: SolveOptions,
): Promise<ForkEnvironment[]> {
  const { table, arena, request } = session;
  const rootId = table.id({ kind: "root" });
  table.id({ kind: "python" });
  const stack: ForkState[] = [];
  const start = firstState(session, rootId, onlyVersion);
  const initial = firstForks(session);
  if (initial.length === 0) stack.push(start);
  for (const env of initial.toReversed()) {
    if (admits(arena, env, session.pythonMarker)) stack.push(forkState(session, start, env));
  }
  for (const state of stack) state.seen = state.solver.mark;
  const solved: ForkEnvironment[] = [];
  let refused = 0;
  for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
    // Where nobody has gone ahead, the first choices will not do.
    const hopeful = !solveEach && session.preferred.size > 0 && refused < PATIENCE + 2 * counts.followed;
    let fork = hopeful ? await follow(session, state, counts) : undefined;
    if (fork === undefined) {
      if (hopeful) refused += 1;
      const further = await solveFork(session, state, counts, onProgress);
      if (further !== undefined) {
        for (const one of further) one.seen = one.solver.mark;
        stack.push(...further);
        continue;
      }
      fork = solvedFork(state);
    }
    onSolved(fork, solved.length);
    solved.push(fork.env);
    if (request.resolution !== "lowest-direct") rememberVersions(session, fork);
    // Forks wait in the order in which they began: the last one has seen the most.
    const waiting = stack[stack.length - 1]?.seen;
    if (waiting !== undefined) state.solver.rewind(waiting);
  }
  return solved;
}

/** What a fork comes to where that takes no solving. */
async function follow(
  session: Session,
  state: ForkState,
  counts: SolveCounts,
): Promise<SolvedFork | undefined> {
  if (state.resume === undefined) {
    const { conflicts } = counts;
    propagate(session, state, counts);
    state.propagated = true;
    if (counts.conflicts !== conflicts) return undefined;
  }
  const fork = await followFork(session, state);
  if (fork !== undefined) counts.followed += 1;
  return fork;
}

/** Resolves one fork to its end (`undefined`), or to the point where it falls into others. */
async function solveFork(
  session: Session,
  state: ForkState,
  counts: SolveCounts,
  onProgress: ((name: string) => void) | undefined,
): Promise<ForkState[] | undefined> {
  const { table } = session;
  const { solver } = state;
  const prioritize = (id: PackageId) => state.priorities.of(id);
  while (true) {
    let id: PackageId | undefined = state.resume?.id;
    let version = state.resume?.version;
    delete state.resume;
    if (id === undefined) {
      if (!state.propagated) propagate(session, state, counts);
      state.propagated = false;
      reprioritize(session, state);
      id = solver.solution.pick(prioritize);
      if (id === undefined) return undefined;
    }
    state.next = id;
    const one = table.get(id);
    if (version === undefined) {
      const set = solver.solution.term(id)!.set;
      const chosen =
        one.kind === "root"
          ? onlyVersion
          : one.kind === "python"
            ? undefined
            : chooseVersion(session, state, id, one.name, set);
      if (chosen === undefined) {
        addNothingLeft(session, state, id, one, set);
        continue;
      }
      if (typeof chosen !== "number") {
        if ("forks" in chosen) return chosen.forks;
        addUnavailableVersion(
          session,
          state,
          id,
          one,
          chosen.version,
          chosen.reason,
          projectIfAny(session, state, one),
        );
        continue;
      }
      version = chosen;
      if (one.kind === "marker" || one.kind === "extra") session.proxied.set(one.name, set);
    }
    counts.decisions += 1;
    if (one.kind === "package") onProgress?.(one.name);
    const versions = state.added[id];
    if (versions?.includes(version)) {
      solver.decideAgain(id, version);
      continue;
    }
    while (state.added.length < id) state.added.push(undefined);
    state.added[id] = versions === undefined ? [version] : [...versions, version];
    const loading = metadataOf(session, state, one, version);
    if (loading instanceof Promise && one.kind === "package")
      lookAhead(session, state, id, one.name, version);
    const metadata = loading instanceof Promise ? await loading : loading;
    const forks = forksOfVersion(session, state, one, metadata);
    if ("problem" in forks) {
      solver.addUnavailable(id, singleton(version), forks.problem);
      continue;
    }
    if (forks.length < 2) {
      // A single fork does not narrow the environments: what is left out of it cannot be.
      const edges = forks[0]?.edges ?? [];
      const waiting = loadProjects(session, state.env, one, edges);
      if (waiting.length > 0) await Promise.all(waiting);
      addDependencies(session, state, id, one, version, edges);
      continue;
    }
    const { resolution, forkStrategy } = session.request;
    sortForks(
      session.arena,
      forks,
      session.pythonMarker,
      forkStrategy === "fewest" || resolution === "lowest",
    );
    const states: ForkState[] = [];
    for (const fork of forks) {
      const forked = forkState(session, state, fork.env);
      const waiting = loadProjects(session, forked.env, one, fork.edges);
      if (waiting.length > 0) await Promise.all(waiting);
      addDependencies(session, forked, id, one, version, fork.edges);
      states.push(forked);
    }
    return states;
  }
}

/** While one version is waited for, those that would be tried after it are asked for too. */
function lookAhead(session: Session, state: ForkState, id: PackageId, name: string, version: number): void {
  const project = session.loaded(name, state.env);
  const { set: own } = state.solver.solution.term(id)!;
  const set = project.space.onlyIndex(own) === undefined ? own : (session.proxied.get(name) ?? own);
  const highest = session.highestOf(name, state.env);
  const rest = highest ? interval(0, version) : interval(version + 1, limit);
  // Pre-releases are tried when nothing else is left, or like all others.
  const mixed = session.prereleasesOf(name, state.env) === "always";
  const isPrerelease = (i: number) => project.candidates?.isPrerelease(i) === true;
  const last = isPrerelease(project.space.index(version));
  session.catalog.waitedFor(project, () =>
    project.space.indices(intersection(set, rest), highest).filter((i) => mixed || isPrerelease(i) === last),
  );
}

function propagate(session: Session, state: ForkState, counts: SolveCounts): void {
  try {
    for (const conflict of state.solver.propagate(state.next)) {
      counts.conflicts += 1;
      state.tracker.record(conflict, state.next, state.solver.arena, session.table);
    }
  } catch (error) {
    if (error instanceof NoSolution) throw new ForkFailed(state, error.incompatibility);
    throw error;
  }
}

/** Decides the packages that were often in conflict in another order from now on. */
function reprioritize({ table }: Session, { tracker, priorities, solver }: ForkState): void {
  if (tracker.prioritize.length + tracker.deprioritize.length === 0) return;
  for (const id of tracker.prioritize.splice(0)) {
    const name = table.name(id);
    if (name !== undefined) priorities.markEarly(name);
  }
  for (const id of tracker.deprioritize.splice(0)) {
    const name = table.name(id);
    if (name !== undefined && priorities.markLate(name)) solver.backtrackPackage(id);
  }
}

function addNothingLeft(
  session: Session,
  state: ForkState,
  id: PackageId,
  one: VirtualPackage,
  set: IntegerSet,
): void {
  const project = projectIfAny(session, state, one);
  const missing = project !== undefined && project.candidates === undefined && project.direct === undefined;
  if (missing && one.kind === "package")
    state.solver.addUnavailable(id, set, { kind: "not-found" } satisfies Unavailable);
  else state.solver.addNoVersions(id, set);
}

/** The project of a package that the solver decides on; `undefined` for the root, Python and the project itself. */
function projectIfAny(session: Session, state: ForkState, one: VirtualPackage): Project | undefined {
  if (one.kind === "root" || one.kind === "python" || one.name === session.rootName) return undefined;
  return session.loaded(one.name, state.env);
}

/**
 * Rules a version out. One that needs another Python is a dependency on Python, not an obstacle: so the conflict is
 * counted, and explained, like any other.
 */
function addUnavailableVersion(
  session: Session,
  { solver }: ForkState,
  id: PackageId,
  one: VirtualPackage,
  version: number,
  reason: Unavailable,
  project: Project | undefined,
): void {
  if (reason.kind === "python") {
    const python = session.table.id({ kind: "python" });
    const from = requiredFrom(project, version);
    solver.addDependency(id, singleton(version), {
      on: python,
      range: from < limit ? [from, limit] : emptySet,
      note: { requiresPython: reason.text } satisfies DependencyNote,
    });
    solver.solution.decide(id, version);
    return;
  }
  void one;
  solver.addUnavailable(id, singleton(version), reason);
}

function requiredFrom(project: Project | undefined, version: number): number {
  if (project === undefined) return 0;
  const candidate = project.candidates?.get(project.space.index(version));
  if (candidate?.usable) return candidate.requiresPython?.from ?? 0;
  return 0;
}

/** Tells the solver what a version needs in this fork, and decides on it. The projects are loaded. */
function addDependencies(
  session: Session,
  state: ForkState,
  id: PackageId,
  one: VirtualPackage,
  version: number,
  edges: readonly Edge[],
): void {
  const { solver, priorities } = state;
  const dependencies: Dependency[] = [];
  for (const { edge, range, urgency, dependency } of toldEdges(session, state.env, one, version, edges)) {
    const { to, base, name } = edge;
    priorities.add(to, edge.decidedWith ?? name, urgency);
    if (base !== undefined) {
      // Whatever version a proxy gets, its base package gets too. Said here, the solver need not try it version by version.
      priorities.add(base, name, urgency);
      solver.addDependency(to, range, { on: base, range });
    }
    dependencies.push(dependency);
  }
  const project = projectIfAny(session, state, one);
  const versions = project === undefined ? singleton(version) : widened(project, version);
  const conflict = state.solver.decide(id, version, versions, dependencies);
  if (conflict !== undefined) {
    state.tracker.record({ affected: id, incompatibility: conflict }, id, solver.arena, session.table);
  }
}

function widened({ space, candidates }: Project, version: number): IntegerSet {
  return space.widened(version, (i) => candidates === undefined || candidates.exists(i));
}

/** Makes the versions of a fork that is done preferences of those to come. */
function rememberVersions(session: Session, { versions, env }: SolvedFork): void {
  for (const [id, version] of versions) {
    const one = session.table.get(id);
    if (one.kind !== "package" || one.marker !== trueMarker || one.name === session.rootName) continue;
    if (one.extra !== undefined || one.group !== undefined) continue;
    const { candidates, space } = session.loaded(one.name, env);
    if (candidates === undefined) continue;
    const chosen = space.list.version(space.index(version));
    const list = session.preferred.get(one.name) ?? [];
    const same = list.find((other) => other.from === "fork" && other.version === chosen);
    if (same === undefined) list.push({ version: chosen, marker: env.marker, from: "fork" });
    else same.marker = session.arena.or(same.marker, env.marker);
    session.preferred.set(one.name, list);
  }
}
