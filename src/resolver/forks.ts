/**
 * Where requirements on one project differ between environments, the resolution forks: each fork has the requirements
 * that count in it, and a solution of its own.
 */

import type { MarkerArena, MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import { trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import { pythonBounds } from "../standards/marker-algebra/marker-python.ts";
import { rangesOf } from "../standards/version-ranges.ts";
import { admits, type ForkEnvironment, narrowed, withItems } from "./fork-environment.ts";
import type { Need } from "./needs.ts";
import type { PackageId } from "./pubgrub/incompatibility.ts";
import type { PythonBounds } from "./python-requirement.ts";

/** A requirement on one package, before its versions are looked up. */
export interface Edge {
  to: PackageId;
  /** The base package of a proxy, which gets whatever version the proxy gets. */
  base?: PackageId;
  name: string;
  /** The project that it is decided together with, where that is not the one that it leads to. */
  decidedWith?: string;
  marker: MarkerTree;
  need: Need;
  /** Whether the requirement names one version. */
  pinned: boolean;
  /** The key of the conflict item that the edge would switch on. */
  conflict?: string;
}

export interface Fork {
  env: ForkEnvironment;
  edges: Edge[];
}

/** Groups of conflicting items, as keys. */
export type ConflictKeys = readonly (readonly string[])[];

/** The forks that a package's requirements make of an environment: one, unless they have to differ. */
export function forksOf(
  arena: MarkerArena,
  edges: readonly Edge[],
  env: ForkEnvironment,
  python: PythonBounds,
  pythonMarker: MarkerTree,
  conflicts: ConflictKeys,
): Fork[] {
  let forks: Fork[] = [{ env, edges: [] }];
  for (const group of byName(edges)) {
    const marker = group[0]!.marker;
    const differ = group.some((edge) => edge.marker !== marker);
    // One requirement, or several under one marker, never fork, except where they need a later Python: then what is
    // resolved for the others must not be held to it.
    if (!differ && !raises(arena, marker, python)) {
      for (const fork of forks) {
        if (admits(arena, fork.env, marker)) fork.edges.push(...group);
      }
      continue;
    }
    for (const edge of group) forks = forkOn(arena, edge, forks, env, pythonMarker);
  }
  return splitConflicts(forks, conflicts);
}

function byName(edges: readonly Edge[]): Edge[][] {
  if (edges.length < 2) return edges.map((edge) => [edge]);
  const groups = new Map<string, Edge[]>();
  for (const edge of edges) {
    const name = edge.decidedWith ?? edge.name;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [edge]);
    else group.push(edge);
  }
  return Array.from(groups.keys())
    .sort()
    .map((name) => groups.get(name)!);
}

function raises(arena: MarkerArena, marker: MarkerTree, python: PythonBounds): boolean {
  const bounds = pythonBounds(arena, marker);
  return bounds !== undefined && bounds.from > python.from;
}

function forkOn(
  arena: MarkerArena,
  edge: Edge,
  forks: Fork[],
  env: ForkEnvironment,
  pythonMarker: MarkerTree,
): Fork[] {
  if (!admits(arena, env, edge.marker)) return forks;
  if (edge.marker === trueMarker) {
    for (const fork of forks) fork.edges.push(edge);
    return forks;
  }
  const out: Fork[] = [];
  let remaining = edge.marker;
  for (const fork of forks) {
    if (!admits(arena, fork.env, remaining)) {
      out.push(fork);
      continue;
    }
    const markers: MarkerTree[] = [];
    const without = arena.not(remaining);
    if (!arena.isDisjoint(fork.env.marker, without)) markers.push(without);
    markers.push(remaining);
    remaining = arena.and(remaining, arena.not(fork.env.marker));
    for (const marker of markers) {
      const part = narrowed(arena, fork.env, marker);
      const edges = fork.edges.filter((one) => admits(arena, part, one.marker));
      if (admits(arena, part, edge.marker)) edges.push(edge);
      if (admits(arena, part, pythonMarker)) out.push({ env: part, edges });
    }
  }
  return out;
}

/**
 * For each set of conflicting items that a fork would switch on: a fork without any, and one with each. Where other sets have left
 * one of the items at most, and no further set has it beside another, there is nothing to choose.
 */
function splitConflicts(forks: Fork[], conflicts: ConflictKeys): Fork[] {
  let current = forks;
  for (const items of conflicts) {
    const out: Fork[] = [];
    for (const fork of current) {
      if (!fork.edges.some((edge) => edge.conflict !== undefined && items.includes(edge.conflict))) {
        out.push(fork);
        continue;
      }
      const possible = items.filter((item) => !fork.env.excluded.has(item));
      if (possible.length < 2 && possible.every((item) => isFree(item, items, fork.env, conflicts))) {
        const { excluded } = fork.env;
        const edges = fork.edges.filter(({ conflict }) => conflict === undefined || !excluded.has(conflict));
        out.push({ env: fork.env, edges });
        continue;
      }
      const choices = [[], ...items.map((item) => [item])];
      for (const chosen of choices) {
        const env = withItems(
          fork.env,
          chosen,
          items.filter((item) => !chosen.includes(item)),
        );
        if (env === undefined) continue;
        const edges = fork.edges.filter(
          (edge) => edge.conflict === undefined || !env.excluded.has(edge.conflict),
        );
        out.push({ env, edges });
      }
    }
    current = out;
  }
  return current;
}

/** Whether an item has nobody left to conflict with in the other sets. */
function isFree(
  item: string,
  items: readonly string[],
  { excluded }: ForkEnvironment,
  conflicts: ConflictKeys,
): boolean {
  return conflicts.every(
    (others) =>
      others === items ||
      !others.includes(item) ||
      others.every((other) => other === item || excluded.has(other)),
  );
}

/**
 * Sorts forks so that the one to resolve first comes last. `oldestFirst`: what suits an old Python probably suits a
 * new one too, which makes for fewer versions; otherwise each Python gets the newest version that supports it.
 */
export function sortForks(
  arena: MarkerArena,
  forks: Fork[],
  pythonMarker: MarkerTree,
  oldestFirst: boolean,
): void {
  const lower = (fork: Fork) => firstPython(arena, fork.env.marker, pythonMarker);
  const capped = (fork: Fork) => fork.edges.filter(hasUpperBound).length;
  const keyed = forks.map((fork) => ({ fork, lower: lower(fork), capped: capped(fork) }));
  keyed.sort((a, b) => (oldestFirst ? b.lower - a.lower : a.lower - b.lower) || a.capped - b.capped);
  forks.splice(0, forks.length, ...keyed.map((one) => one.fork));
}

/** The first Python that a marker admits, of those that the project does. */
export function firstPython(arena: MarkerArena, marker: MarkerTree, pythonMarker: MarkerTree): number {
  return pythonBounds(arena, arena.and(marker, pythonMarker))?.from ?? 0;
}

function hasUpperBound(edge: Edge): boolean {
  const { startsInside, cuts } = rangesOf(edge.need.specifier);
  if (cuts.length === 0) return false;
  return startsInside === (cuts.length % 2 === 1);
}
