import type { IntegerSet } from "../standards/marker-algebra/integer-set.ts";
import type { MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import { pythonBounds } from "../standards/marker-algebra/marker-python.ts";
import { ConflictTracker } from "./conflict-tracker.ts";
import { everywhere, type ForkEnvironment } from "./fork-environment.ts";
import { Priorities } from "./priorities.ts";
import type { PackageId } from "./pubgrub/incompatibility.ts";
import { type Mark, SolverState } from "./pubgrub/solver-state.ts";
import { boundsMarker, narrow, type PythonBounds } from "./python-requirement.ts";
import type { Session } from "./session.ts";

/** A fork while it is resolved: the solver's state, and in which environments it is. */
export interface ForkState {
  solver: SolverState;
  env: ForkEnvironment;
  python: PythonBounds;
  pythonMarker: MarkerTree;
  priorities: Priorities;
  tracker: ConflictTracker;
  /** Versions whose dependencies the solver has been told, by package. Forks share the lists: never changed in place. */
  added: (readonly number[] | undefined)[];
  /**
   * By package, the version chosen last and the set that it was chosen from: conflicts take decisions back, and most
   * are then made again. A fork begins without.
   */
  choices: Map<PackageId, { set: IntegerSet; version: number }>;
  /** The package that was decided on last. */
  next: PackageId;
  /** Of the memory that forks share, what this one has seen while it waits for its turn. */
  seen?: Mark;
  /** What follows from its last decision is derived already. To derive it once more might show more than it does to who goes on. */
  propagated?: boolean;
  /** After a fork on a version: the package to go on with, and perhaps the version for it. */
  resume?: { id: PackageId; version?: number };
}

export function firstState(session: Session, rootId: PackageId, rootVersion: number): ForkState {
  return {
    solver: SolverState.start(rootId, rootVersion),
    env: everywhere,
    python: session.python,
    pythonMarker: session.pythonMarker,
    priorities: new Priorities(),
    tracker: new ConflictTracker(),
    added: [],
    choices: new Map(),
    next: rootId,
  };
}

/** An independent copy for other environments, with the Pythons narrowed to what these admit. */
export function forkState(session: Session, state: ForkState, env: ForkEnvironment): ForkState {
  const { arena } = session;
  const bounds = pythonBounds(arena, env.marker);
  const python = bounds === undefined ? state.python : narrow(state.python, bounds);
  const copy: ForkState = {
    solver: state.solver.clone(),
    env,
    python,
    pythonMarker: boundsMarker(arena, python),
    priorities: state.priorities.clone(),
    tracker: state.tracker.clone(),
    added: state.added.slice(),
    choices: new Map(),
    next: state.next,
  };
  return copy;
}
