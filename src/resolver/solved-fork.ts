import { contains } from "../standards/marker-algebra/integer-set.ts";
import type { ForkEnvironment } from "./fork-environment.ts";
import type { ForkState } from "./fork-state.ts";
import type { PackageId } from "./pubgrub/incompatibility.ts";
import type { Dependency, SolverState } from "./pubgrub/solver-state.ts";

/** What a fork came to. */
export interface SolvedFork {
  env: ForkEnvironment;
  versions: ReadonlyMap<PackageId, number>;
  /** What a package needs in the version that it has, all of which is in `versions`. */
  needs(id: PackageId): Iterable<PackageId>;
}

/** `chosen` and what these need are added to what the state has decided. */
export function solvedFork(
  state: ForkState,
  chosen: ReadonlyMap<PackageId, number> = new Map(),
  needs: ReadonlyMap<PackageId, readonly Dependency[]> = new Map(),
): SolvedFork {
  const { env, solver } = state;
  const versions = new Map(solver.solution.decisions());
  for (const [id, version] of chosen) versions.set(id, version);
  return {
    env,
    versions,
    *needs(id) {
      const version = versions.get(id)!;
      for (const { on, range } of needs.get(id) ?? dependenciesTold(solver, id, version)) {
        const chosen = versions.get(on);
        if (on !== id && chosen !== undefined && contains(range, chosen)) yield on;
      }
    },
  };
}

/** What the solver was told that a version needs. */
export function dependenciesTold(solver: SolverState, id: PackageId, version: number): Dependency[] {
  const told: Dependency[] = [];
  for (const incompatibility of solver.incompatibilitiesOf(id)) {
    const { cause } = solver.arena[incompatibility]!;
    if (cause.kind === "dependency" && cause.dependent === id && contains(cause.versions, version))
      told.push(cause);
  }
  return told;
}
