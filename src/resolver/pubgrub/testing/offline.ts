import { emptySet, type IntegerSet, singleton } from "../../../standards/marker-algebra/integer-set.ts";
import type { PackageId } from "../incompatibility.ts";
import { possibleVersions } from "../partial-solution.ts";
import { NoSolution, SolverState } from "../solver-state.ts";

/** What a version needs, by name: sets of version numbers. */
export type Needs = Record<string, IntegerSet>;
/** Packages with all their versions. The package `root` has the version 0. */
export type Registry = Record<string, Record<number, Needs>>;

export interface Solved {
  versions?: Record<string, number>;
  /** Where there is no solution: the state, and the incompatibility that says so. */
  failed?: { state: SolverState; incompatibility: number; names: string[] };
  decisions: number;
}

/** Solves a registry from memory: highest versions first, packages in the order of their discovery. */
export function solve(registry: Registry): Solved {
  const names: string[] = [];
  const idOf = (name: string): PackageId => {
    const known = names.indexOf(name);
    return known >= 0 ? known : names.push(name) - 1;
  };
  const root = idOf("root");
  const state = SolverState.start(root, 0);
  const added = new Set<string>();
  let next = root;
  let decisions = 0;
  try {
    while (true) {
      state.propagate(next);
      const id = state.solution.pick((one) => -one);
      if (id === undefined) break;
      next = id;
      const set = possibleVersions(state.solution, id);
      const version = versionIn(registry[names[id]!] ?? {}, set);
      if (version === undefined) {
        state.addNoVersions(id, set);
        continue;
      }
      decisions += 1;
      const key = `${id} ${version}`;
      if (added.has(key)) {
        state.decideAgain(id, version);
        continue;
      }
      added.add(key);
      const needs = Object.entries(registry[names[id]!]![version]!);
      state.decide(
        id,
        version,
        singleton(version),
        needs.map(([name, range]) => ({ on: idOf(name), range })),
      );
    }
  } catch (error) {
    if (!(error instanceof NoSolution)) throw error;
    return { failed: { state, incompatibility: error.incompatibility, names }, decisions };
  }
  const versions = Object.fromEntries(
    state.solution.decisions().flatMap(([id, version]) => (id === root ? [] : [[names[id]!, version]])),
  );
  return { versions, decisions };
}

function versionIn(versions: Record<number, Needs>, set: IntegerSet): number | undefined {
  const numbers = Object.keys(versions).map(Number);
  numbers.sort((a, b) => b - a);
  return numbers.find((version) =>
    set.some((from, i) => i % 2 === 0 && version >= from && version < set[i + 1]!),
  );
}

/** Whether a choice of versions has all that its members need, the root's needs included. */
export function isValid(registry: Registry, versions: Readonly<Record<string, number>>): boolean {
  const chosen: Record<string, number> = { root: 0, ...versions };
  return Object.entries(chosen).every(([name, version]) => {
    const needs = registry[name]?.[version];
    return (
      needs !== undefined &&
      Object.entries(needs).every(([other, range]) => {
        const found = chosen[other];
        return found !== undefined && versionIn({ [found]: {} }, range) === found;
      })
    );
  });
}

/** Whether any choice at all is valid: every combination is tried. */
export function isSolvable(registry: Registry): boolean {
  const names = Object.keys(registry).filter((name) => name !== "root");
  const tryFrom = (i: number, chosen: Record<string, number>): boolean => {
    if (i === names.length) return isValid(registry, chosen);
    const name = names[i]!;
    if (tryFrom(i + 1, chosen)) return true;
    return Object.keys(registry[name]!).some((version) =>
      tryFrom(i + 1, { ...chosen, [name]: Number(version) }),
    );
  };
  return tryFrom(0, {});
}

export const none = emptySet;
