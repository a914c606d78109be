/** Diagrams back to markers (PEP 508): a disjunction of conjunctions with nothing in it that could be left out. */
import { formatMarker, type Marker, type MarkerComparison, type MarkerVariable } from "../markers.ts";
import { comparisonOf } from "./from-marker.ts";
import { complement, type IntegerSet, interval, limit } from "./integer-set.ts";
import { falseMarker, type MarkerArena, type MarkerTree, trueMarker, type Variable } from "./marker-arena.ts";
import { pythonBounds, withinPython } from "./marker-python.ts";
import { formatPythonPoint, isMinorSeries, isRelease } from "./python-versions.ts";

/** One comparison, or its negation, with the diagram that it is. */
interface Literal {
  tree: MarkerTree;
  comparison: MarkerComparison;
  /** Sorts the literals of a clause as people are used to. */
  order: string;
}

type Clause = Literal[];

/** As `toMarker`, as text. */
export function markerText(arena: MarkerArena, tree: MarkerTree, assuming?: MarkerTree): string | undefined {
  const marker = toMarker(arena, tree, assuming);
  return marker === undefined ? undefined : formatMarker(marker);
}

/**
 * The shortest marker that agrees with a diagram in the environments that `assuming` admits (all that exist);
 * `undefined`: it holds in all of them.
 */
export function toMarker(
  arena: MarkerArena,
  tree: MarkerTree,
  assuming: MarkerTree = trueMarker,
): Marker | undefined {
  const cared = arena.and(arena.possible, assuming);
  if (arena.and(cared, arena.not(tree)) === falseMarker) return undefined;
  if (arena.and(cared, tree) === falseMarker) return neverHolds;
  const bounds = pythonBounds(arena, assuming);
  const start = bounds === undefined ? tree : withinPython(arena, tree, bounds);
  const clauses: Clause[] = [];
  collect(arena, start, [], clauses);
  const kept = irredundant(arena, tree, cared, clauses);
  if (kept.some((clause) => clause.length === 0)) return undefined;
  const parts = kept.map((clause) => {
    const sorted = clause.toSorted((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
    return {
      order: sorted.map((one) => one.order).join("\u0000"),
      marker: join(
        "and",
        sorted.map((one) => one.comparison),
      ),
    };
  });
  parts.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
  return join(
    "or",
    parts.map((part) => part.marker),
  );
}

/** PEP 508 has no word for "never". */
const neverHolds: MarkerComparison = compare("python_version", "<", "0");

function join(kind: "and" | "or", operands: Marker[]): Marker {
  return operands.length === 1 ? operands[0]! : { kind, operands };
}

/** Every path to "true", as the literals on it. */
function collect(arena: MarkerArena, tree: MarkerTree, path: Clause, out: Clause[]): void {
  if (tree === falseMarker) return;
  if (tree === trueMarker) {
    out.push(path.slice());
    return;
  }
  const node = arena.nodes[tree]!;
  const variable = arena.variables[node.variable]!;
  for (const child of new Set(node.children)) {
    if (child === falseMarker) continue;
    for (const literals of edgeLiterals(arena, variable, node.cuts, node.children, child)) {
      collect(arena, child, [...path, ...literals], out);
    }
  }
}

/** The conjunctions under which a node leads to `child`. */
function edgeLiterals(
  arena: MarkerArena,
  variable: Variable,
  cuts: readonly (number | string)[],
  children: readonly MarkerTree[],
  child: MarkerTree,
): Clause[] {
  if (variable.kind === "range") {
    const set: number[] = [];
    children.forEach((one, i) => {
      if (one !== child) return;
      const from = i === 0 ? 0 : (cuts[i - 1] as number);
      const to = i === cuts.length ? limit : (cuts[i] as number);
      if (set[set.length - 1] === from) set[set.length - 1] = to;
      else set.push(from, to);
    });
    return rangeClauses(arena, variable.name, set);
  }
  if (variable.kind === "choice") {
    const equal = (value: string, op: "==" | "!=") => {
      const tree = arena.textEquals(variable.name, value);
      return {
        tree: op === "==" ? tree : arena.not(tree),
        comparison: compare(variable.name as MarkerVariable, op, value),
        order: `1${variable.name} ${value}`,
      };
    };
    const values = cuts as readonly string[];
    if (children[values.length] === child) {
      return [values.filter((_, i) => children[i] !== child).map((value) => equal(value, "!="))];
    }
    return values.filter((_, i) => children[i] === child).map((value) => [equal(value, "==")]);
  }
  const yes = children[1] === child;
  const tree = arena.question(variable.asked);
  return [
    [
      {
        tree: yes ? tree : arena.not(tree),
        comparison: questionComparison(variable, yes),
        order: `2${variable.name}`,
      },
    ],
  ];
}

function questionComparison(
  variable: Extract<Variable, { kind: "question" }>,
  yes: boolean,
): MarkerComparison {
  const { asked } = variable;
  if (asked.kind === "compare") {
    const comparison = comparisonOf(asked);
    return yes ? comparison : { ...comparison, op: negatedOperators[comparison.op] ?? comparison.op };
  }
  if (asked.kind === "extra") return compare("extra", yes ? "==" : "!=", asked.value);
  return {
    kind: "compare",
    left: { kind: "value", value: asked.value },
    op: yes ? "in" : "not in",
    right: { kind: "variable", name: asked.kind === "extras" ? "extras" : "dependency_groups" },
  };
}

const negatedOperators: Readonly<Record<string, MarkerComparison["op"]>> = {
  in: "not in",
  "<": ">=",
  "<=": ">",
  ">": "<=",
  ">=": "<",
  "~=": "!=",
  "===": "!=",
};

/** A set of versions as conjunctions: bounds around it with the holes named, or an alternative for each piece. */
function rangeClauses(
  arena: MarkerArena,
  name: "python_full_version" | "implementation_version",
  set: IntegerSet,
): Clause[] {
  const literal = (op: MarkerComparison["op"], value: string, within: IntegerSet): Literal => ({
    tree: arena.inRange(name, within),
    comparison: compare(name, op, value),
    order: `0${name} ${op.startsWith("<") ? 1 : 0}`,
  });
  const bounds = (from: number, to: number): Clause => {
    if (isRelease(from, to)) return [literal("==", formatPythonPoint(from), interval(from, to))];
    if (isMinorSeries(from, to)) return [literal("==", `${seriesText(from)}.*`, interval(from, to))];
    const clause: Clause = [];
    if (from > 0) clause.push(literal(">=", formatPythonPoint(from), interval(from, limit)));
    if (to < limit) clause.push(literal("<", formatPythonPoint(to), interval(0, to)));
    return clause;
  };
  const holes: Literal[] = [];
  for (let i = 1; i + 1 < set.length; i += 2) {
    const from = set[i]!;
    const to = set[i + 1]!;
    if (isRelease(from, to)) holes.push(literal("!=", formatPythonPoint(from), complement([from, to])));
    else if (isMinorSeries(from, to))
      holes.push(literal("!=", `${seriesText(from)}.*`, complement([from, to])));
    else {
      const clauses: Clause[] = [];
      for (let j = 0; j < set.length; j += 2) clauses.push(bounds(set[j]!, set[j + 1]!));
      return clauses;
    }
  }
  return [[...bounds(set[0]!, set[set.length - 1]!), ...holes]];
}

/** Minor series are written with both numbers, also `3.0`. */
function seriesText(point: number): string {
  const text = formatPythonPoint(point);
  return text.includes(".") ? text : `${text}.0`;
}

function compare(name: MarkerVariable, op: MarkerComparison["op"], value: string): MarkerComparison {
  return { kind: "compare", left: { kind: "variable", name }, op, right: { kind: "value", value } };
}

/** Leaves out every literal and then every clause without which the rest still says the same. */
function irredundant(arena: MarkerArena, tree: MarkerTree, cared: MarkerTree, clauses: Clause[]): Clause[] {
  // Environments that nobody cares for may be admitted where that makes the text shorter.
  const outside = arena.and(cared, arena.not(tree));
  const conjunction = (clause: Clause) => clause.reduce((all, one) => arena.and(all, one.tree), trueMarker);
  const shortened = clauses.map((clause) => {
    let kept = clause;
    for (const literal of clause.toReversed()) {
      const without = kept.filter((one) => one !== literal);
      if (arena.and(conjunction(without), outside) === falseMarker) kept = without;
    }
    return kept;
  });
  const trees = shortened.map(conjunction);
  const keep = shortened.map(() => true);
  const wanted = arena.and(tree, cared);
  for (let i = shortened.length - 1; i >= 0; i--) {
    keep[i] = false;
    let others: MarkerTree = falseMarker;
    for (let j = 0; j < trees.length; j++) if (keep[j]) others = arena.or(others, trees[j]!);
    keep[i] = arena.and(wanted, arena.not(others)) !== falseMarker;
  }
  return shortened.filter((_, i) => keep[i]);
}
