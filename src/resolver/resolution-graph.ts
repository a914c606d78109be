/** From solved forks to what a lock says: one entry for each version, with the environments that it is needed in. */
import type { DistributionFile } from "../package-index/distribution.ts";
import { contains } from "../standards/marker-algebra/integer-set.ts";
import { falseMarker, type MarkerTree, trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import { markerText } from "../standards/marker-algebra/to-marker.ts";
import type { Project } from "./catalog.ts";
import type { ForkState } from "./fork-state.ts";
import type { PackageId } from "./pubgrub/incompatibility.ts";
import type { ResolvedDependency, ResolvedPackage, ResolvedSource } from "./resolution.ts";
import type { Session } from "./session.ts";
import type { SolvedFork } from "./solve-forks.ts";
import type { VirtualPackage } from "./virtual-packages.ts";
import { wheelPlatforms } from "./wheel-support.ts";

/** A version of a project, or of one of its extras or groups. */
interface GraphNode {
  key: string;
  name: string;
  extra: string;
  group: string;
  /** Absent for the root. */
  project?: Project;
  index: number;
  /** Where it is needed, as far as is known yet. */
  marker: MarkerTree;
  out: Map<GraphNode, MarkerTree>;
}

export async function packagesOf(session: Session, forks: readonly SolvedFork[]): Promise<ResolvedPackage[]> {
  const nodes = new Map<string, GraphNode>();
  for (const { state } of forks) await addFork(session, state, nodes);
  seedRoot(session, nodes);
  spread(session, nodes);
  const entries = new Map<string, GraphNode[]>();
  for (const node of nodes.values()) {
    if (node.project === undefined || node.extra !== "" || node.group !== "") continue;
    const needed = session.arena.and(node.marker, session.pythonMarker);
    if (session.arena.isFalse(needed)) continue;
    entries.set(node.name, [...(entries.get(node.name) ?? []), node]);
  }
  const packages: ResolvedPackage[] = [];
  for (const name of Array.from(entries.keys()).sort()) {
    const versions = entries.get(name)!.sort((a, b) => a.index - b.index);
    for (const node of versions) packages.push(await resolvedPackage(session, node, nodes, entries));
  }
  return packages;
}

/** The markers of the forks, where there are several or the only one is not for all environments. */
export function environmentsOf(session: Session, forks: readonly SolvedFork[]): string[] {
  return forks.flatMap(
    ({ state }) => markerText(session.arena, state.env.marker, session.pythonMarker) ?? [],
  );
}

async function addFork(session: Session, state: ForkState, nodes: Map<string, GraphNode>): Promise<void> {
  const { table, arena } = session;
  const marker = forkMarker(session, state);
  const versions = new Map(state.solver.solution.decisions());
  const nodeOf = async (id: PackageId, variant: { extra?: string; group?: string }): Promise<GraphNode> => {
    const name = table.name(id)!;
    const project =
      name === session.rootName
        ? undefined
        : await session.catalog.project(name, session.originOf(name, state.env));
    const index = project === undefined ? 0 : project.space.index(versions.get(id)!);
    const extra = variant.extra ?? "";
    const group = variant.group ?? "";
    const origin = project === undefined ? "" : JSON.stringify(project.origin);
    const key = `${name} ${origin} ${index} ${extra} ${group}`;
    let node = nodes.get(key);
    if (node === undefined) {
      node = { key, name, extra, group, index, marker: falseMarker, out: new Map() };
      if (project !== undefined) node.project = project;
      nodes.set(key, node);
    }
    return node;
  };
  const connect = (from: GraphNode, to: GraphNode, edge: MarkerTree) => {
    const known = from.out.get(to) ?? falseMarker;
    from.out.set(to, arena.or(known, arena.and(edge, marker)));
  };
  for (const [id, version] of versions) {
    const one = table.get(id);
    if (one.kind !== "package") continue;
    const from = await nodeOf(id, one);
    for (const incompatibility of state.solver.incompatibilitiesOf(id)) {
      const { cause } = state.solver.arena[incompatibility]!;
      if (cause.kind !== "dependency" || cause.dependent !== id || !contains(cause.versions, version))
        continue;
      const chosen = versions.get(cause.on);
      if (chosen === undefined || !contains(cause.range, chosen)) continue;
      const to = table.get(cause.on);
      if (to.kind === "root" || to.kind === "python") continue;
      if (one.group === undefined && to.name === one.name) continue;
      for (const variant of variantsOf(to)) connect(from, await nodeOf(cause.on, variant), to.marker);
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

/** The environments of a fork, and the extras and groups that it was resolved with and without. */
function forkMarker(session: Session, { env }: ForkState): MarkerTree {
  const { arena, rootName, request } = session;
  let marker = env.marker;
  const items = [
    ...request.extras.map((value) => ({
      key: `${rootName}[${value}]`,
      asked: { kind: "extras" as const, value },
    })),
    ...request.groups.map((value) => ({
      key: `${rootName}:${value}`,
      asked: { kind: "group" as const, value },
    })),
  ];
  for (const { key, asked } of items) {
    if (env.included.has(key)) marker = arena.and(marker, arena.question(asked));
    if (env.excluded.has(key)) marker = arena.and(marker, arena.not(arena.question(asked)));
  }
  return marker;
}

/** The root's own requirements count always, those of an extra or a group where that is selected. */
function seedRoot({ arena, rootName }: Session, nodes: ReadonlyMap<string, GraphNode>): void {
  for (const node of nodes.values()) {
    if (node.name !== rootName || node.project !== undefined) continue;
    if (node.extra !== "") node.marker = arena.question({ kind: "extras", value: node.extra });
    else if (node.group !== "") node.marker = arena.question({ kind: "group", value: node.group });
    else node.marker = trueMarker;
  }
}

/** Hands on where each node is needed along its edges, until nothing changes. */
function spread({ arena }: Session, nodes: ReadonlyMap<string, GraphNode>): void {
  const waiting = new Set(Array.from(nodes.values()).filter((node) => node.marker !== falseMarker));
  for (const node of waiting) {
    waiting.delete(node);
    for (const [to, edge] of node.out) {
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
  nodes: ReadonlyMap<string, GraphNode>,
  entries: ReadonlyMap<string, readonly GraphNode[]>,
): Promise<ResolvedPackage> {
  const { arena, pythonMarker, catalog } = session;
  const project = node.project!;
  const needs = await catalog.needs(project, node.index);
  const marker = markerText(arena, node.marker, pythonMarker);
  const out: ResolvedPackage = {
    name: node.name,
    version: project.space.list.versionText(node.index),
    source: sourceOf(project),
    dependencies: dependenciesOf(session, node, nodes, entries),
    files: filesOf(session, node, project),
  };
  if (marker !== undefined) out.marker = marker;
  if (project.candidates !== undefined) out.index = project.candidates.page.index;
  if (!("problem" in needs) && needs.requiresPythonText !== undefined)
    out.requiresPython = needs.requiresPythonText;
  return out;
}

function sourceOf(project: Project): ResolvedSource {
  if (project.direct !== undefined) return project.direct.locked;
  return { kind: "index", url: project.candidates!.page.index };
}

/** Files for platforms that the package is not needed on are left out, unless that would leave none. */
function filesOf({ arena, pythonMarker }: Session, node: GraphNode, project: Project): DistributionFile[] {
  if (project.candidates === undefined) return [];
  const files = project.candidates.files(node.index);
  const where = arena.and(node.marker, pythonMarker);
  const kept = files.filter(
    (file) => file.kind === "sdist" || !arena.isDisjoint(wheelPlatforms(arena, file.filename), where),
  );
  return (kept.length > 0 ? kept : files).sort((a, b) => (a.filename < b.filename ? -1 : 1));
}

function dependenciesOf(
  session: Session,
  node: GraphNode,
  nodes: ReadonlyMap<string, GraphNode>,
  entries: ReadonlyMap<string, readonly GraphNode[]>,
): ResolvedDependency[] {
  const { arena, pythonMarker } = session;
  const found = new Map<string, ResolvedDependency>();
  for (const from of nodes.values()) {
    if (from.name !== node.name || from.index !== node.index || from.project !== node.project) continue;
    const here = arena.and(from.marker, pythonMarker);
    if (arena.isFalse(here)) continue;
    for (const [to, edge] of from.out) {
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
