/** What edges lead to, loaded, and as the solver is told of it. */
import { type IntegerSet, limit, singleton } from "../standards/marker-algebra/integer-set.ts";
import type { Project } from "./catalog.ts";
import type { ForkEnvironment } from "./fork-environment.ts";
import type { Edge } from "./forks.ts";
import type { Need } from "./needs.ts";
import type { Session, ToldEdge } from "./session.ts";
import type { DependencyNote } from "./solver-notes.ts";
import type { VirtualPackage } from "./virtual-packages.ts";

/** Loads the projects that edges lead to; returns what has to be waited for. */
export function loadProjects(
  session: Session,
  env: ForkEnvironment,
  one: VirtualPackage,
  edges: readonly Edge[],
): Promise<Project>[] {
  if (one.kind !== "package" && one.kind !== "root") return [];
  const waiting: Promise<Project>[] = [];
  // What was told before was loaded before.
  if (session.plainTold.get(edges) !== undefined) return waiting;
  for (const { name } of edges) {
    if (name === session.rootName) continue;
    const loaded = session.catalog.project(name, session.originOf(name, env));
    if (loaded instanceof Promise) waiting.push(loaded);
  }
  return waiting;
}

/** Most versions require the same in every fork: that is put together once. */
export function toldEdges(
  session: Session,
  env: ForkEnvironment,
  one: VirtualPackage,
  version: number,
  edges: readonly Edge[],
): readonly ToldEdge[] {
  const known = session.plainTold.get(edges);
  if (known !== undefined) return known;
  const proxy = one.kind === "marker" || one.kind === "extra" || one.kind === "group";
  let own = false;
  const told = edges.map((edge): ToldEdge => {
    const before = proxy ? undefined : session.told.get(edge);
    if (before !== undefined) return before;
    const { to, name, need, pinned } = edge;
    const isOwn = name === session.rootName;
    own ||= isOwn;
    const range = proxy || isOwn ? singleton(version) : rangeOf(session.loaded(name, env), need);
    const urgency = { pinned, direct: isOwn || session.originOf(name, env).kind === "source" };
    const dependency = proxy ? { on: to, range } : { on: to, range, note: { need } satisfies DependencyNote };
    const made = { edge, range, urgency, dependency };
    if (session.oneOrigin && !proxy && !isOwn) session.told.set(edge, made);
    return made;
  });
  if (!own && session.plainTold.has(edges)) session.plainTold.set(edges, told);
  return told;
}

function rangeOf(project: Project, need: Need): IntegerSet {
  // A requirement that names the source itself takes whatever version the source has.
  return need.source !== undefined && need.source.kind !== "index"
    ? [0, limit]
    : project.space.setOf(need.specifier);
}
