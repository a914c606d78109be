/** From solved forks to what a lock says: one entry for each version, with the environments that it is needed in. */
import type { DistributionFile } from "../package-index/distribution.ts";
import type { PackagePage } from "../package-index/package-page.ts";
import { fromMarker } from "../standards/marker-algebra/from-marker.ts";
import { falseMarker, type MarkerTree, trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import { markerText } from "../standards/marker-algebra/to-marker.ts";
import { parseMarker } from "../standards/markers.ts";
import { compareVersions, type Version } from "../standards/version.ts";
import type { Project } from "./catalog.ts";
import type { ForkEnvironment } from "./fork-environment.ts";
import { forkMarker } from "./fork-marker.ts";
import { firstPython } from "./forks.ts";
import type { PackageId } from "./pubgrub/incompatibility.ts";
import type { ResolvedDependency, ResolvedPackage, ResolvedSource } from "./resolution.ts";
import type { Session } from "./session.ts";
import type { SolvedFork } from "./solved-fork.ts";
import type { VirtualPackage } from "./virtual-packages.ts";
import { wheelReach } from "./wheel-support.ts";

/** A version of a project, or of one of its extras or groups. */
interface GraphNode {
  name: string;
  extra: string;
  group: string;
  /** Absent for the root. */
  project?: Project;
  index: number;
  /** Where it is needed, as far as is known yet. */
  marker: MarkerTree;
  /** By requirement's marker, the forks that have the edge; then, put together, where the edge counts. */
  out: Map<GraphNode, Map<MarkerTree, number[]>>;
  edges: Map<GraphNode, MarkerTree>;
}

/** The nodes of all forks, by name, version, extra and group. */
export type ResolutionGraph = Map<string, GraphNode[]>;

export async function packagesOf(
  session: Session,
  forks: readonly ForkEnvironment[],
  graph: ResolutionGraph,
): Promise<ResolvedPackage[]> {
  const nodes = Array.from(graph.values()).flat();
  joinEdges(
    session,
    forks.map((env) => forkMarker(session, env)),
    nodes,
  );
  seedRoot(session, nodes);
  spread(session, nodes);
  const entries = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    if (node.project === undefined || node.extra !== "" || node.group !== "") continue;
    if (session.arena.isDisjoint(node.marker, session.pythonMarker)) continue;
    const versions = entries.get(node.name);
    if (versions === undefined) entries.set(node.name, [node]);
    else versions.push(node);
  }
  const variants = Map.groupBy(nodes, (node) => node.name);
  const packages: ResolvedPackage[] = [];
  for (const name of Array.from(entries.keys()).sort()) {
    const versions = entries.get(name)!.sort((a, b) => compareVersions(versionOf(a), versionOf(b)));
    for (const node of versions)
      packages.push(await resolvedPackage(session, node, variants.get(name)!, entries));
  }
  return packages;
}

function versionOf({ project, index }: GraphNode): Version {
  return project!.space.list.version(index);
}

/**
 * The markers of the forks, where there are several, and of the environments that they leave anything out of. Forks
 * for conflicting extras and groups are in the same environments, which are named once. They have an order of their own,
 * newest Pythons first: in which order forks came up depends on where the resolution began.
 */
export function forkTexts(
  session: Session,
  solved: readonly ForkEnvironment[],
): { forks: string[]; environments: string[] } {
  const { arena, pythonMarker, request } = session;
  const textOf = (tree: MarkerTree) => markerText(arena, tree, pythonMarker) ?? [];
  const inOrder = (markers: readonly MarkerTree[]) =>
    markers
      .flatMap((tree) => {
        const text = markerText(arena, tree, pythonMarker);
        return text === undefined ? [] : [{ text, from: firstPython(arena, tree, pythonMarker) }];
      })
      .sort((a, b) => b.from - a.from || (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
      .map(({ text }) => text);
  // A fork for Pythons that the project does not admit says nothing to the next resolution.
  const told = solved.filter(({ marker }) => !arena.isDisjoint(marker, pythonMarker));
  const trees = Array.from(new Set(told.map(({ marker }) => marker)));
  // What is chosen among conflicting extras is said where the same environments are divided differently for it.
  const forks = overlap(session, trees)
    ? inOrder(told.map((env) => forkMarker(session, env)))
    : inOrder(trees);
  const all = trees.reduce((some, tree) => arena.or(some, tree), falseMarker);
  if (arena.implies(pythonMarker, all)) return { forks: forks.length > 1 ? forks : [], environments: [] };
  const declared = request.environments.flatMap((text) => textOf(fromMarker(arena, parseMarker(text))));
  return { forks, environments: declared.length > 0 ? declared : inOrder(trees) };
}

/** Whether different markers hold somewhere at once. */
function overlap({ arena }: Session, markers: readonly MarkerTree[]): boolean {
  let all: MarkerTree = falseMarker;
  for (const marker of markers) {
    if (!arena.isDisjoint(all, marker)) return true;
    all = arena.or(all, marker);
  }
  return false;
}

/** Takes in what one fork came to. */
export function addFork(
  session: Session,
  { env, versions, needs }: SolvedFork,
  fork: number,
  nodes: ResolutionGraph,
): void {
  const { table } = session;
  const nodeOf = (id: PackageId, variant: { extra?: string; group?: string }): GraphNode => {
    const name = table.name(id)!;
    const project = name === session.rootName ? undefined : session.loaded(name, env);
    const index = project === undefined ? 0 : project.space.index(versions.get(id)!);
    const extra = variant.extra ?? "";
    const group = variant.group ?? "";
    const key = `${name} ${index} ${extra} ${group}`;
    const siblings = nodes.get(key);
    const known = siblings?.find((one) => one.project === project);
    if (known !== undefined) return known;
    const node: GraphNode = {
      name,
      extra,
      group,
      index,
      marker: falseMarker,
      out: new Map(),
      edges: new Map(),
    };
    if (project !== undefined) node.project = project;
    if (siblings === undefined) nodes.set(key, [node]);
    else siblings.push(node);
    return node;
  };
  // Many edges lead to one package: its nodes are looked up once.
  const reached = new Map<PackageId, readonly GraphNode[]>();
  const nodesOf = (id: PackageId, to: Parameters<typeof variantsOf>[0]): readonly GraphNode[] => {
    let found = reached.get(id);
    if (found === undefined) {
      found = variantsOf(to).map((variant) => nodeOf(id, variant));
      reached.set(id, found);
    }
    return found;
  };
  for (const id of versions.keys()) {
    const one = table.get(id);
    if (one.kind !== "package") continue;
    const from = nodeOf(id, one);
    for (const on of needs(id)) {
      const to = table.get(on);
      if (to.kind === "root" || to.kind === "python") continue;
      if (one.group === undefined && to.name === one.name) continue;
      for (const node of nodesOf(on, to)) addEdge(from, node, to.marker, fork);
    }
  }
}

function addEdge(from: GraphNode, to: GraphNode, marker: MarkerTree, fork: number): void {
  let markers = from.out.get(to);
  if (markers === undefined) {
    markers = new Map();
    from.out.set(to, markers);
  }
  const forks = markers.get(marker);
  if (forks === undefined) markers.set(marker, [fork]);
  else if (forks[forks.length - 1] !== fork) forks.push(fork);
}

/** Says where each edge counts: where its requirement does, in the forks that have it. Few sets of forks occur. */
function joinEdges({ arena }: Session, forks: readonly MarkerTree[], nodes: readonly GraphNode[]): void {
  const memory = new Map<string, MarkerTree>();
  const anyOf = (some: readonly number[]) => {
    const key = some.join();
    let tree = memory.get(key);
    if (tree === undefined) {
      tree = some.reduce((all, i) => arena.or(all, forks[i]!), falseMarker);
      memory.set(key, tree);
    }
    return tree;
  };
  for (const node of nodes) {
    for (const [to, markers] of node.out) {
      let tree: MarkerTree = falseMarker;
      for (const [marker, some] of markers) tree = arena.or(tree, arena.and(marker, anyOf(some)));
      node.edges.set(to, tree);
    }
  }
}

/** The nodes that an edge to a package leads to: an extra comes with its base package. */
function variantsOf(
  to: Exclude<VirtualPackage, { kind: "root" | "python" }>,
): { extra?: string; group?: string }[] {
  if (to.kind === "extra") return [{}, { extra: to.extra }];
  if (to.kind === "group") return [{ group: to.group }];
  return [{}];
}

/** The root's own requirements count always, those of an extra or a group where that is selected. */
function seedRoot({ arena, rootName }: Session, nodes: readonly GraphNode[]): void {
  for (const node of nodes) {
    if (node.name !== rootName || node.project !== undefined) continue;
    if (node.extra !== "") node.marker = arena.question({ kind: "extras", value: node.extra });
    else if (node.group !== "") node.marker = arena.question({ kind: "group", value: node.group });
    else node.marker = trueMarker;
  }
}

/** Hands on where each node is needed along its edges, until nothing changes. */
function spread({ arena }: Session, nodes: readonly GraphNode[]): void {
  const waiting = new Set(nodes.filter((node) => node.marker !== falseMarker));
  for (const node of waiting) {
    waiting.delete(node);
    for (const [to, edge] of node.edges) {
      const reached = arena.or(to.marker, arena.and(node.marker, edge));
      if (reached === to.marker) continue;
      to.marker = reached;
      waiting.add(to);
    }
  }
}

async function resolvedPackage(
  session: Session,
  node: GraphNode,
  variants: readonly GraphNode[],
  entries: ReadonlyMap<string, readonly GraphNode[]>,
): Promise<ResolvedPackage> {
  const { arena, pythonMarker, catalog } = session;
  const project = node.project!;
  const needs = await catalog.needs(project, node.index);
  const marker = markerText(arena, node.marker, pythonMarker);
  const out: ResolvedPackage = {
    name: node.name,
    version: project.space.list.versionText(node.index),
    source: sourceOf(project, node.index),
    dependencies: dependenciesOf(session, node, variants, entries),
    files: filesOf(session, node, project),
  };
  if (marker !== undefined) out.marker = marker;
  if (project.candidates !== undefined) out.index = indexOf(project.candidates.page, node.index);
  if (!("problem" in needs) && needs.requiresPythonText !== undefined)
    out.requiresPython = needs.requiresPythonText;
  return out;
}

function sourceOf(project: Project, i: number): ResolvedSource {
  if (project.direct !== undefined) return project.direct.locked;
  return { kind: "index", url: indexOf(project.candidates!.page, i) };
}

function indexOf(page: PackagePage, i: number): string {
  return page.joined ? (page.files(i)[0]?.index ?? page.index) : page.index;
}

/**
 * Files for platforms that the package is not needed on are left out, unless that would leave none. A platform that
 * markers have no word for may be any.
 */
function filesOf({ arena, pythonMarker }: Session, node: GraphNode, project: Project): DistributionFile[] {
  if (project.candidates === undefined) return [];
  const files = project.candidates.files(node.index);
  if (arena.implies(pythonMarker, node.marker))
    return files.sort((a, b) => (a.filename < b.filename ? -1 : 1));
  const where = arena.and(node.marker, pythonMarker);
  const kept = files.filter((file) => {
    if (file.kind === "sdist") return true;
    return !arena.isDisjoint(wheelReach(arena, file.filename), where);
  });
  return (kept.length > 0 ? kept : files).sort((a, b) => (a.filename < b.filename ? -1 : 1));
}

function dependenciesOf(
  session: Session,
  node: GraphNode,
  variants: readonly GraphNode[],
  entries: ReadonlyMap<string, readonly GraphNode[]>,
): ResolvedDependency[] {
  const { arena, pythonMarker } = session;
  const found = new Map<string, ResolvedDependency>();
  for (const from of variants) {
    if (from.index !== node.index || from.project !== node.project) continue;
    const here = arena.and(from.marker, pythonMarker);
    if (arena.isFalse(here)) continue;
    for (const [to, edge] of from.edges) {
      if (to.project === undefined || arena.isDisjoint(edge, here)) continue;
      const text = edgeMarker(session, edge, here, from.extra);
      const several = (entries.get(to.name)?.length ?? 0) > 1;
      const version = several ? to.project.space.list.versionText(to.index) : undefined;
      const key = `${to.name} ${version ?? ""} ${text ?? ""}`;
      let dependency = found.get(key);
      if (dependency === undefined) {
        dependency = { name: to.name };
        if (version !== undefined) dependency.version = version;
        if (text !== undefined) dependency.marker = text;
        found.set(key, dependency);
      }
      if (to.extra !== "" && !dependency.extras?.includes(to.extra)) {
        dependency.extras = [...(dependency.extras ?? []), to.extra].sort();
      }
    }
  }
  return Array.from(found.keys())
    .sort()
    .map((key) => found.get(key)!);
}

function edgeMarker(session: Session, edge: MarkerTree, here: MarkerTree, extra: string): string | undefined {
  const { arena } = session;
  const marker = extra === "" ? edge : arena.and(edge, arena.question({ kind: "extra", value: extra }));
  return markerText(arena, marker, here);
}
