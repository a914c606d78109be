import type { MarkerArena, MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import { trueMarker } from "../standards/marker-algebra/marker-arena.ts";

/** Which environments, and which choices among conflicting extras and groups, a fork is resolved for. Immutable. */
export interface ForkEnvironment {
  readonly marker: MarkerTree;
  /** Keys of conflict items, see `conflictKey`. */
  readonly included: ReadonlySet<string>;
  readonly excluded: ReadonlySet<string>;
}

const none: ReadonlySet<string> = new Set();

export const everywhere: ForkEnvironment = { marker: trueMarker, included: none, excluded: none };

export function conflictKey(item: { package: string; extra?: string; group?: string }): string {
  if (item.extra !== undefined) return `${item.package}[${item.extra}]`;
  if (item.group !== undefined) return `${item.package}:${item.group}`;
  return item.package;
}

/** Whether the fork has environments in which the marker holds. */
export function admits(arena: MarkerArena, env: ForkEnvironment, marker: MarkerTree): boolean {
  return marker === trueMarker || !arena.isDisjoint(env.marker, marker);
}

export function narrowed(arena: MarkerArena, env: ForkEnvironment, marker: MarkerTree): ForkEnvironment {
  return { ...env, marker: arena.and(env.marker, marker) };
}

/** The fork with some conflict items switched on and others off; `undefined` when that contradicts what it is. */
export function withItems(
  env: ForkEnvironment,
  include: readonly string[],
  exclude: readonly string[],
): ForkEnvironment | undefined {
  if (include.some((key) => env.excluded.has(key)) || exclude.some((key) => env.included.has(key)))
    return undefined;
  if (include.some((key) => exclude.includes(key))) return undefined;
  return {
    marker: env.marker,
    included: new Set([...env.included, ...include]),
    excluded: new Set([...env.excluded, ...exclude]),
  };
}
