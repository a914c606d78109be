/** Telling two sets of environments apart with the fewest words. */
import { falseMarker, type MarkerArena, type MarkerTree, trueMarker, type Variable } from "./marker-arena.ts";

/**
 * A marker that holds wherever `one` does and nowhere where `other` does (the two are disjoint), with no more in it
 * than tells the two apart.
 */
export function separation(arena: MarkerArena, one: MarkerTree, other: MarkerTree): MarkerTree {
  const asked = variablesOf(arena, other, new Set());
  const shown = forget(arena, one, asked);
  const told = arena.isDisjoint(shown, other) ? shown : one;
  return restrict(arena, told, arena.or(told, other));
}

/** The variables that a marker asks for. */
function variablesOf(arena: MarkerArena, tree: MarkerTree, found: Set<Variable>): Set<Variable> {
  if (tree <= 1) return found;
  const { variable, children } = arena.nodes[tree]!;
  found.add(arena.variables[variable]!);
  for (const child of children) variablesOf(arena, child, found);
  return found;
}

/** The marker without the variables that are not kept: true where some answer to them makes it true. */
function forget(arena: MarkerArena, tree: MarkerTree, kept: ReadonlySet<Variable>): MarkerTree {
  if (tree <= 1) return tree;
  const { variable, cuts, children } = arena.nodes[tree]!;
  const parts = children.map((child) => forget(arena, child, kept));
  return kept.has(arena.variables[variable]!) ? arena.node(variable, cuts, parts) : anyOf(arena, parts);
}

function anyOf(arena: MarkerArena, trees: readonly MarkerTree[]): MarkerTree {
  return trees.reduce((all, tree) => arena.or(all, tree), falseMarker);
}

/**
 * The simplest marker that agrees with one in the environments of `cared`. Answers that `cared` leaves open are
 * treated as the first that it does not.
 */
export function restrict(arena: MarkerArena, tree: MarkerTree, cared: MarkerTree): MarkerTree {
  if (tree <= 1) return tree;
  if (arena.and(tree, cared) === falseMarker) return falseMarker;
  if (arena.and(cared, arena.not(tree)) === falseMarker) return trueMarker;
  const x = arena.nodes[tree]!;
  const y = arena.nodes[cared];
  if (cared > 1 && y !== undefined && arena.comesBefore(y.variable, x.variable)) {
    return restrict(arena, tree, anyOf(arena, y.children));
  }
  const { cuts, left, right } = aligned(arena, tree, cared, x.variable);
  const children = left.map((child, i) =>
    right[i] === falseMarker ? undefined : restrict(arena, child, right[i]!),
  );
  const first = children.find((child) => child !== undefined) ?? falseMarker;
  return arena.node(
    x.variable,
    cuts,
    children.map((child) => child ?? first),
  );
}

/** A node's cuts and children, or those of a marker that does not ask: one child, whatever the answer. */
interface Part {
  cuts: readonly (number | string)[];
  children: readonly MarkerTree[];
}

/** The children of two markers under the same answers to one variable. */
function aligned(
  arena: MarkerArena,
  a: MarkerTree,
  b: MarkerTree,
  variable: number,
): { cuts: readonly (number | string)[]; left: MarkerTree[]; right: MarkerTree[] } {
  const partOf = (tree: MarkerTree): Part => {
    const node = arena.nodes[tree]!;
    return tree > 1 && node.variable === variable ? node : { cuts: [], children: [tree] };
  };
  const x = partOf(a);
  const y = partOf(b);
  const { kind } = arena.variables[variable]!;
  if (kind === "question") {
    const under = ({ children }: Part) => [children[0]!, children[children.length - 1]!];
    return { cuts: [], left: under(x), right: under(y) };
  }
  const cuts = Array.from(new Set([...x.cuts, ...y.cuts]));
  if (kind === "choice") {
    (cuts as string[]).sort();
    const under = (part: Part) => {
      const other = part.children[part.cuts.length]!;
      const named = (value: number | string) => {
        const at = part.cuts.indexOf(value);
        return at < 0 ? other : part.children[at]!;
      };
      return [...cuts.map(named), other];
    };
    return { cuts, left: under(x), right: under(y) };
  }
  (cuts as number[]).sort((one, other) => one - other);
  const under = (part: Part) => {
    const from = (point: number) =>
      part.children[part.cuts.filter((cut) => (cut as number) <= point).length]!;
    return [part.children[0]!, ...(cuts as number[]).map(from)];
  };
  return { cuts, left: under(x), right: under(y) };
}
