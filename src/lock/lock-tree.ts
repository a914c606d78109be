import { Failure } from "../platform/errors.ts";
import type { MarkerEnvironment } from "../standards/marker-environment.ts";
import {
  evaluateMarker,
  type Marker,
  type MarkerComparison,
  type MarkerContext,
  parseMarker,
} from "../standards/markers.ts";
import type { Lock, LockedDependency, LockedPackage } from "./lock-model.ts";
import { compareText, uniqueTexts } from "./lock-order.ts";

/** The dependency tree of a lock as plain data, for `dx-py tree`: of all environments, or of the ones that are asked for. */

export interface TreeOptions {
  /** Names to start at. Default: the packages that nothing depends on; with `invert`: those that depend on nothing. */
  packages?: readonly string[];
  /** Children are what depends on a package, not what it depends on. */
  invert?: boolean;
  /** Levels below the roots; 0: roots only. Default: all. */
  depth?: number;
  /** Show a package's children each time that it occurs, not only the first. */
  repeat?: boolean;
  /**
   * Values that are known of the environment (a platform, a Python version); what is left out may be anything, so that
   * `{}` is the universal tree.
   */
  environment?: Partial<MarkerEnvironment>;
  /** Extras and groups of the project that are selected. Absent: any. */
  extras?: readonly string[];
  groups?: readonly string[];
}

export interface TreeNode {
  name: string;
  version?: string;
  /** Asked for by the edge that leads here. */
  extras: string[];
  /** The condition of the edge that leads here, less what the options have decided. */
  marker?: string;
  /** Its children are shown where it occurred first, or further up (a cycle). */
  repeated: boolean;
  children: TreeNode[];
}

interface Edge {
  to: number;
  extras: readonly string[];
  marker?: string;
}

const MAX_NODES = 200_000;

/** The roots. Failure DXPY_NOT_IN_LOCK for a name that the lock does not hold, DXPY_TREE_TOO_LARGE with `repeat`. */
export function lockTree(lock: Lock, options: TreeOptions = {}): TreeNode[] {
  const graph = visibleGraph(lock, options);
  const roots =
    options.packages === undefined ? defaultRoots(graph) : namedRoots(graph, lock, options.packages);
  const shown = new Set<number>();
  const state: Walk = { graph, options, expanded: new Set(), shown, count: 0 };
  const tree = roots.map((root) => expand(state, root));
  if (options.packages === undefined) {
    // What only a cycle leads to has no root of its own.
    for (const index of graph.visible) if (!shown.has(index)) tree.push(expand(state, index));
  }
  return tree;
}

interface Graph {
  packages: readonly LockedPackage[];
  /** Numbers of the packages that the environment may install. */
  visible: number[];
  edges(from: number, extras: readonly string[]): Edge[];
  /** Whether an edge leads to it. */
  reached: Set<number>;
}

function visibleGraph(lock: Lock, options: TreeOptions): Graph {
  const { packages } = lock;
  const judge = markerJudge(options);
  const visible = packages.flatMap((entry, i) => (judge(entry.marker) === "never" ? [] : [i]));
  const byName = Map.groupBy(visible, (i) => packages[i]!.name);
  const targets = (edge: LockedDependency): number[] =>
    (byName.get(edge.name) ?? []).filter(
      (i) =>
        edge.version === undefined ||
        packages[i]!.version === undefined ||
        packages[i]!.version === edge.version,
    );
  const forward = (from: number, extras: readonly string[] | undefined): Edge[] =>
    packages[from]!.dependencies.flatMap((edge) => {
      const verdict = judge(edge.marker, extras);
      if (verdict === "never") return [];
      const marker = verdict === "always" ? undefined : edge.marker;
      return targets(edge).map((to) => ({
        to,
        extras: edge.extras ?? [],
        ...(marker === undefined ? {} : { marker }),
      }));
    });
  const all = visible.map((from) => ({ from, edges: forward(from, undefined) }));
  if (options.invert !== true) {
    const reached = new Set(all.flatMap(({ edges }) => edges.map((edge) => edge.to)));
    return { packages, visible, edges: forward, reached };
  }
  const back = new Map<number, Edge[]>();
  for (const { from, edges } of all) {
    for (const { to, ...edge } of edges) back.set(to, [...(back.get(to) ?? []), { ...edge, to: from }]);
  }
  const reached = new Set(all.filter(({ edges }) => edges.length > 0).map(({ from }) => from));
  return { packages, visible, edges: (of) => back.get(of) ?? [], reached };
}

type Verdict = "always" | "never" | "depends";

/** What a marker comes to with what is known. `extras` are those asked of the package that depends; absent: any. */
function markerJudge(options: TreeOptions): (text?: string, extras?: readonly string[]) => Verdict {
  const parsed = new Map<string, Marker>();
  const known: Partial<MarkerContext> = {
    ...options.environment,
    ...(options.extras === undefined ? {} : { extras: options.extras }),
    ...(options.groups === undefined ? {} : { dependency_groups: options.groups }),
  };
  return (text, extras) => {
    if (text === undefined) return "always";
    const marker = parsed.get(text) ?? parseMarker(text, { where: "the lock" });
    parsed.set(text, marker);
    return judge(marker, known, extras);
  };
}

function judge(
  marker: Marker,
  known: Partial<MarkerContext>,
  extras: readonly string[] | undefined,
): Verdict {
  if (marker.kind === "compare") return judgeComparison(marker, known, extras);
  const verdicts = marker.operands.map((operand) => judge(operand, known, extras));
  const [decisive, neutral]: Verdict[] = marker.kind === "and" ? ["never", "always"] : ["always", "never"];
  if (verdicts.includes(decisive!)) return decisive!;
  return verdicts.every((verdict) => verdict === neutral) ? neutral! : "depends";
}

function judgeComparison(
  comparison: MarkerComparison,
  known: Partial<MarkerContext>,
  extras: readonly string[] | undefined,
): Verdict {
  const { left, right } = comparison;
  const variable = left.kind === "variable" ? left.name : right.kind === "variable" ? right.name : undefined;
  if (variable === undefined) return "never";
  const holds = (context: Partial<MarkerContext>) => evaluateMarker(comparison, context as MarkerContext);
  if (variable === "extra") {
    if (extras === undefined) return "depends";
    const choices = extras.length === 0 ? [undefined] : extras;
    return choices.some((extra) => holds({ extra })) ? "always" : "never";
  }
  if (known[variable] === undefined) return "depends";
  return holds(known) ? "always" : "never";
}

function defaultRoots({ visible, reached }: Graph): number[] {
  return visible.filter((i) => !reached.has(i));
}

function namedRoots({ packages, visible }: Graph, lock: Lock, names: readonly string[]): number[] {
  return uniqueTexts(names).flatMap((name) => {
    if (!lock.packages.some((entry) => entry.name === name)) {
      throw new Failure("DXPY_NOT_IN_LOCK", `${name} is not in the lock`, { context: { package: name } });
    }
    return visible.filter((i) => packages[i]!.name === name);
  });
}

interface Walk {
  graph: Graph;
  options: TreeOptions;
  /** Package and extras whose children are in the tree already. */
  expanded: Set<string>;
  shown: Set<number>;
  count: number;
}

interface Task {
  node: TreeNode;
  index: number;
  level: number;
  parent: Task | undefined;
}

/** Depth first with a stack of its own: a crafted lock may be a chain of any length. */
function expand(walk: Walk, root: number): TreeNode {
  const first = task(walk, { to: root, extras: [] }, undefined);
  const pending = [first];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const children = expandOne(walk, next);
    for (const child of children) next.node.children.push(child.node);
    pending.push(...children.reverse());
  }
  return first.node;
}

function expandOne(walk: Walk, at: Task): Task[] {
  const { node, index, level } = at;
  walk.shown.add(index);
  if (level >= (walk.options.depth ?? Number.POSITIVE_INFINITY)) return [];
  const edges = walk.graph.edges(index, node.extras).sort((a, b) => compareEdges(walk.graph, a, b));
  if (edges.length === 0) return [];
  const key = `${index} ${walk.options.invert === true ? "" : node.extras.join()}`;
  if (walk.options.repeat === true ? isOwnAncestor(at) : walk.expanded.has(key)) {
    node.repeated = true;
    return [];
  }
  walk.expanded.add(key);
  return edges.map((edge) => task(walk, edge, at));
}

function task(walk: Walk, edge: Edge, parent: Task | undefined): Task {
  walk.count += 1;
  if (walk.count > MAX_NODES) {
    throw new Failure("DXPY_TREE_TOO_LARGE", `The tree has more than ${MAX_NODES} nodes`, {
      hint: "Limit it with --depth, or show repeated packages once.",
    });
  }
  const { name, version } = walk.graph.packages[edge.to]!;
  const node: TreeNode = {
    name,
    ...(version === undefined ? {} : { version }),
    extras: [...edge.extras],
    ...(edge.marker === undefined ? {} : { marker: edge.marker }),
    repeated: false,
    children: [],
  };
  return { node, index: edge.to, level: parent === undefined ? 0 : parent.level + 1, parent };
}

function isOwnAncestor({ index, parent }: Task): boolean {
  for (let above = parent; above !== undefined; above = above.parent) if (above.index === index) return true;
  return false;
}

function compareEdges({ packages }: Graph, a: Edge, b: Edge): number {
  return compareText(packages[a.to]!.name, packages[b.to]!.name) || a.to - b.to;
}
