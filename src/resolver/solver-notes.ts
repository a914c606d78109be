import type { Obstacle } from "./candidates.ts";
import type { ForkState } from "./fork-state.ts";
import type { Need } from "./needs.ts";

/** The integer of a version that is the only one: of the root, and of the project itself. */
export const onlyVersion = 1024;

/** Why a version, or a whole project, is out: the note of an incompatibility. */
export type Unavailable =
  | { kind: "obstacle"; obstacle: Obstacle }
  | { kind: "metadata"; problem: string }
  | { kind: "python"; text: string }
  | { kind: "not-found" };

/** The requirement behind a dependency: the note of an incompatibility. */
export interface DependencyNote {
  need?: Need;
  /** What a version says of Python. */
  requiresPython?: string;
}

/** A fork that has no solution, for the explanation. */
export class ForkFailed extends Error {
  readonly state: ForkState;
  readonly incompatibility: number;
  constructor(state: ForkState, incompatibility: number) {
    super("no solution");
    this.state = state;
    this.incompatibility = incompatibility;
  }
}
