/** What a marker says of Python. */
import { limit } from "./integer-set.ts";
import {
  falseMarker,
  type MarkerArena,
  type MarkerNode,
  type MarkerTree,
  trueMarker,
} from "./marker-arena.ts";

/** A stretch of Pythons, from one point to before another (see `python-versions.ts`). */
export interface PythonStretch {
  readonly from: number;
  readonly to: number;
}

const everyPython: PythonStretch = { from: 0, to: limit };
const noPython: PythonStretch = { from: limit, to: 0 };

/** The simplest marker that agrees with a marker for the Pythons of a stretch. */
export function withinPython(arena: MarkerArena, tree: MarkerTree, { from, to }: PythonStretch): MarkerTree {
  const memory = new Map<MarkerTree, MarkerTree>();
  const walk = (one: MarkerTree): MarkerTree => {
    if (one <= 1) return one;
    const known = memory.get(one);
    if (known !== undefined) return known;
    const node = arena.nodes[one]!;
    let { cuts, children } = node;
    if (isPython(arena, node)) {
      const inner = (cuts as readonly number[]).filter((cut) => cut > from && cut < to);
      const first = (cuts as readonly number[]).filter((cut) => cut <= from).length;
      cuts = inner;
      children = children.slice(first, first + inner.length + 1);
    }
    const result = arena.node(node.variable, cuts, children.map(walk));
    memory.set(one, result);
    return result;
  };
  return walk(tree);
}

const hulls = new WeakMap<MarkerArena, Map<MarkerTree, PythonStretch>>();

/** The Pythons in which a marker can hold, as one stretch; `undefined` when it can in all. */
export function pythonBounds(arena: MarkerArena, tree: MarkerTree): PythonStretch | undefined {
  if (tree === trueMarker) return undefined;
  let memory = hulls.get(arena);
  if (memory === undefined) {
    memory = new Map();
    hulls.set(arena, memory);
  }
  const { from, to } = hullOf(arena, tree, memory);
  return from === 0 && to === limit ? undefined : { from, to };
}

function hullOf(arena: MarkerArena, tree: MarkerTree, memory: Map<MarkerTree, PythonStretch>): PythonStretch {
  if (tree === trueMarker) return everyPython;
  if (tree === falseMarker) return noPython;
  const known = memory.get(tree);
  if (known !== undefined) return known;
  const node = arena.nodes[tree]!;
  const python = isPython(arena, node);
  let hull = noPython;
  for (let i = 0; i < node.children.length; i++) {
    const child = node.children[i]!;
    if (child === falseMarker) continue;
    const own = python
      ? {
          from: i === 0 ? 0 : (node.cuts[i - 1] as number),
          to: i === node.cuts.length ? limit : (node.cuts[i] as number),
        }
      : hullOf(arena, child, memory);
    hull = { from: Math.min(hull.from, own.from), to: Math.max(hull.to, own.to) };
  }
  memory.set(tree, hull);
  return hull;
}

function isPython(arena: MarkerArena, node: MarkerNode): boolean {
  const variable = arena.variables[node.variable]!;
  return variable.kind === "range" && variable.name === "python_full_version";
}
