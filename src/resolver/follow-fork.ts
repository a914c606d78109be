/**
 * Most forks come to what the forks before them came to. Whether one does is seen by walking from what is decided to what that needs,
 * without solving: where each package's first choice (what earlier forks and the lock have comes first) meets every requirement that
 * the walk finds on it, the solver would have decided the same, in whatever order, and met no conflict on its way.
 *
 * Why: the versions that the walk finds violate nothing that is known to be incompatible, so nothing that the solver can derive while it has
 * decided some of them excludes another; the set that it chooses from shrinks, but holds the walk's version to the end; and a
 * first choice of a set is the first choice of each of its parts that holds it.
 */
import { complement, contains, fullSet, type IntegerSet } from "../standards/marker-algebra/integer-set.ts";
import { steadyChoice } from "./choose-version.ts";
import type { ForkState } from "./fork-state.ts";
import type { Edge } from "./forks.ts";
import type { PackageId } from "./pubgrub/incompatibility.ts";
import type { Dependency } from "./pubgrub/solver-state.ts";
import { type PythonBounds, supportsAll } from "./python-requirement.ts";
import type { Session } from "./session.ts";
import { dependenciesTold, type SolvedFork, solvedFork } from "./solved-fork.ts";
import { onlyVersion } from "./solver-notes.ts";
import { loadProjects, toldEdges } from "./told-edges.ts";
import { forksOfVersion, metadataOf } from "./version-edges.ts";
import type { VirtualPackage } from "./virtual-packages.ts";

/**
 * What a fork comes to, or `undefined` where it has to be solved. The state has been propagated, or is to be resumed; it is left as it was.
 */
export async function followFork(session: Session, state: ForkState): Promise<SolvedFork | undefined> {
  const { solver, resume, tracker } = state;
  const { solution } = solver;
  if (tracker.prioritize.length + tracker.deprioritize.length > 0) return undefined;
  const chosen = new Map<PackageId, number>();
  const needs = new Map<PackageId, readonly Dependency[]>();
  const ranges = new Map<PackageId, IntegerSet[]>();
  // Grows while it is walked through.
  const waiting = solution.undecided();
  for (const id of waiting) ranges.set(id, []);
  for (const id of waiting) {
    const forced = resume?.id === id ? resume.version : undefined;
    const version = forced ?? firstChoice(session, state, id);
    if (version === undefined) return undefined;
    for (const range of ranges.get(id)!) if (!contains(range, version)) return undefined;
    chosen.set(id, version);
    const found = dependenciesOf(session, state, id, version);
    const dependencies = found instanceof Promise ? await found : found;
    if (dependencies === undefined) return undefined;
    needs.set(id, dependencies);
    for (const { on, range } of dependencies) {
      const known = chosen.get(on) ?? solution.decision(on);
      if (known >= 0) {
        if (!contains(range, known)) return undefined;
      } else {
        const before = ranges.get(on);
        if (before !== undefined) before.push(range);
        else {
          ranges.set(on, [range]);
          waiting.push(on);
        }
      }
    }
  }
  if (violates(state, chosen)) return undefined;
  return solvedFork(state, chosen, needs);
}

/** From all that is not excluded yet. */
function firstChoice(session: Session, state: ForkState, id: PackageId): number | undefined {
  const one = session.table.get(id);
  if (one.kind === "root") return onlyVersion;
  if (one.kind === "python") return undefined;
  const term = state.solver.solution.term(id);
  const set = term === undefined ? fullSet : term.positive ? term.set : complement(term.set);
  return steadyChoice(session, state, one.name, set);
}

/** `undefined`: the version is out, or forks. A promise where something has to be fetched first. */
function dependenciesOf(
  session: Session,
  state: ForkState,
  id: PackageId,
  version: number,
): Found | Promise<Found> {
  // What the solver was told before, it is not told again.
  if (state.added[id]?.includes(version)) return dependenciesTold(state.solver, id, version);
  const known = session.followed[id];
  if (known?.version === version && known.python(state.python)) return known.needs;
  const metadata = metadataOf(session, state, session.table.get(id), version);
  return metadata instanceof Promise
    ? orSolved(metadata.then((ready) => dependenciesIn(session, state, id, version, ready)))
    : dependenciesIn(session, state, id, version, metadata);
}

type Found = readonly Dependency[] | undefined;

function dependenciesIn(
  session: Session,
  state: ForkState,
  id: PackageId,
  version: number,
  metadata: Exclude<ReturnType<typeof metadataOf>, Promise<unknown>>,
): Found | Promise<Found> {
  const one = session.table.get(id);
  const forks = forksOfVersion(session, state, one, metadata);
  if ("problem" in forks || forks.length > 1) return undefined;
  const edges = forks[0]?.edges ?? [];
  const told = () => {
    const needs = toldEdges(session, state.env, one, version, edges).map(({ dependency }) => dependency);
    if (isSteady(session, one, edges)) {
      const bounds = metadata !== undefined && "needs" in metadata ? metadata.requiresPython : undefined;
      const python = (asked: PythonBounds) => bounds === undefined || supportsAll(bounds, asked);
      // Filled up, not left with holes.
      while (session.followed.length < id) session.followed.push(undefined);
      session.followed[id] = { version, needs, python };
    }
    return needs;
  };
  const loading = loadProjects(session, state.env, one, edges);
  return loading.length > 0 ? orSolved(Promise.all(loading).then(told)) : told();
}

/** Whether a version needs the same in every fork that can have it. */
function isSteady(session: Session, one: VirtualPackage, edges: readonly Edge[]): boolean {
  if (one.kind === "package") return session.plainTold.get(edges) !== undefined;
  return one.kind !== "root" && one.kind !== "python";
}

/** What cannot be fetched may not be needed: who solves the fork finds out. */
function orSolved(found: Promise<Found>): Promise<Found> {
  return found.catch(() => undefined);
}

/** Whether the versions are together what is known to be incompatible. */
function violates({ solver }: ForkState, chosen: ReadonlyMap<PackageId, number>): boolean {
  const { solution, arena } = solver;
  for (const id of chosen.keys()) {
    for (const incompatibility of solver.incompatibilitiesOf(id)) {
      const { packages, terms } = arena[incompatibility]!;
      const holds = packages.every((one, i) => {
        const { positive, set } = terms[i]!;
        const version = chosen.get(one) ?? solution.decision(one);
        return (version >= 0 && contains(set, version)) === positive;
      });
      if (holds) return true;
    }
  }
  return false;
}
