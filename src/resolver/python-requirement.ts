import type { IntegerSet } from "../standards/marker-algebra/integer-set.ts";
import { limit } from "../standards/marker-algebra/integer-set.ts";
import type { MarkerArena, MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import { pythonVersionsOf } from "../standards/marker-algebra/python-versions.ts";
import type { SpecifierSet } from "../standards/specifiers.ts";

/** The Pythons that are resolved for: the hull of `requires-python`, narrower in a fork. Points as in `python-versions.ts`. */
export interface PythonBounds {
  readonly from: number;
  readonly to: number;
}

/** The hull of a set. An empty set is as good as no bound: nothing could be resolved otherwise. */
export function hullOf(set: IntegerSet): PythonBounds {
  if (set.length === 0) return { from: 0, to: limit };
  return { from: set[0]!, to: set[set.length - 1]! };
}

export function boundsOf(specifiers: SpecifierSet): PythonBounds {
  return hullOf(pythonVersionsOf(specifiers));
}

export function boundsMarker(arena: MarkerArena, { from, to }: PythonBounds): MarkerTree {
  return arena.inRange("python_full_version", from < to ? [from, to] : []);
}

/** The bounds with each side replaced where `by` is stricter. */
export function narrow(bounds: PythonBounds, by: PythonBounds): PythonBounds {
  return { from: Math.max(bounds.from, by.from), to: Math.min(bounds.to, by.to) };
}

/** The bounds below and from `at` on; `undefined` when one of the two would be empty. */
export function split(bounds: PythonBounds, at: number): [PythonBounds, PythonBounds] | undefined {
  if (at <= bounds.from || at >= bounds.to) return undefined;
  return [
    { from: bounds.from, to: at },
    { from: at, to: bounds.to },
  ];
}

/**
 * Whether a package that asks for `required` supports all these Pythons. Upper bounds count for nothing: packages
 * that state one do not know of the Pythons to come, and lower versions of them state none.
 */
export function supportsAll(required: PythonBounds, bounds: PythonBounds): boolean {
  return required.from <= bounds.from;
}
