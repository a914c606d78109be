/** What a decision asks for: the edges to other packages, and the forks that these make. */
import { trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import type { VersionNeeds } from "./catalog.ts";
import type { ForkState } from "./fork-state.ts";
import { type Edge, type Fork, forksOf } from "./forks.ts";
import type { NeedList, UnusableVersion } from "./need-list.ts";
import { flattenNeeds, type Need } from "./needs.ts";
import { supportsAll } from "./python-requirement.ts";
import { exactNeed, memberOfGroup, rootEdges } from "./root-edges.ts";
import type { Session } from "./session.ts";
import type { Unavailable } from "./solver-notes.ts";
import { isPinned } from "./version-space.ts";
import { requiredPackage, type VirtualPackage } from "./virtual-packages.ts";

/** What a version asks for, when it is one of a package from outside. */
export function metadataOf(
  session: Session,
  state: ForkState,
  one: VirtualPackage,
  version: number,
): VersionNeeds | UnusableVersion | undefined | Promise<VersionNeeds | UnusableVersion> {
  if (one.kind !== "package" || one.name === session.rootName) return undefined;
  const project = session.loaded(one.name, state.env);
  return session.catalog.needs(project, project.space.index(version));
}

/** The forks that a decision makes, each with what it requires there; or why the version is out after all. */
export function forksOfVersion(
  session: Session,
  state: ForkState,
  one: VirtualPackage,
  metadata: VersionNeeds | UnusableVersion | undefined,
): Fork[] | { problem: Unavailable } {
  switch (one.kind) {
    case "python":
      return [{ env: state.env, edges: [] }];
    case "root":
      return forksOf(
        session.arena,
        rootEdges(session, (key) => {
          const view = { arena: session.arena, env: state.env, python: state.pythonMarker };
          const needs = flattenNeeds(
            undefined,
            () => session.rootNeeds.get(key) ?? [],
            undefined,
            session.policy,
            view,
          );
          return needs.flatMap((need) => edgesOf(session, need));
        }),
        state.env,
        state.python,
        state.pythonMarker,
        session.conflicts,
      );
    case "marker":
      return proxied(session, state, one, [{}]);
    case "extra":
      return proxied(session, state, one, [{}, { extra: one.extra }]);
    case "group":
      return proxied(session, state, one, [{ group: one.group }]);
    case "package":
      return packageForks(session, state, one, metadata);
  }
}

/** The real packages that a proxy stands for, with its marker and without. */
function proxied(
  session: Session,
  state: ForkState,
  one: Extract<VirtualPackage, { kind: "marker" | "extra" | "group" }>,
  variants: { extra?: string; group?: string }[],
): Fork[] {
  const { table } = session;
  const id = table.id(one);
  let edges = session.edges.get(id);
  if (edges === undefined) {
    const markers = one.marker === trueMarker ? [trueMarker] : [trueMarker, one.marker];
    edges = markers.flatMap((marker) =>
      variants.map((variant): Edge => {
        const to = table.id({ kind: "package", name: one.name, ...variant, marker });
        const edge: Edge = { to, name: one.name, marker, need: exactNeed(one.name), pinned: true };
        const member = memberOfGroup(session, variant.group);
        return member === undefined ? edge : { ...edge, decidedWith: member };
      }),
    );
    session.edges.set(id, edges);
  }
  return [{ env: state.env, edges: edges.slice() }];
}

function packageForks(
  session: Session,
  state: ForkState,
  one: Extract<VirtualPackage, { kind: "package" }>,
  found: VersionNeeds | UnusableVersion | undefined,
): Fork[] | { problem: Unavailable } {
  const { arena, policy } = session;
  const view = { arena, env: state.env, python: state.pythonMarker };
  let needs: Need[];
  if (found === undefined) {
    needs = rootNeedsOf(session, one, view);
  } else {
    if ("problem" in found) return { problem: { kind: "metadata", problem: found.problem } };
    if (found.requiresPython !== undefined && !supportsAll(found.requiresPython, state.python)) {
      return { problem: { kind: "python", text: found.requiresPythonText! } };
    }
    const list = found.needs;
    const plain = plainEdges(session, list, one);
    if (plain !== undefined) return [{ env: state.env, edges: plain }];
    let problem: string | undefined;
    const of = (extra: string | undefined) => {
      const some = list.for(extra);
      if (!("problem" in some)) return some;
      problem = some.problem;
      return [];
    };
    needs = flattenNeeds(list.refersTo(one.name) ? one.name : undefined, of, one.extra, policy, view);
    if (problem !== undefined) return { problem: { kind: "metadata", problem } };
  }
  const edges = needs.flatMap((need) => edgesOf(session, need));
  return forksOf(arena, edges, state.env, state.python, state.pythonMarker, session.conflicts);
}

/**
 * The edges of a version whose requirements count everywhere, sorted as forks sort them; `undefined` when something
 * depends on the fork. Made once.
 */
function plainEdges(
  session: Session,
  list: NeedList,
  { name, extra }: Extract<VirtualPackage, { kind: "package" }>,
): Edge[] | undefined {
  const { constraints, overrides, excludes } = session.policy;
  if (constraints.size + overrides.size + excludes.size + session.conflicts.length > 0) return undefined;
  let byExtra = session.plainEdges.get(list);
  if (byExtra === undefined) {
    byExtra = new Map();
    session.plainEdges.set(list, byExtra);
  }
  const key = extra ?? "";
  if (byExtra.has(key)) return byExtra.get(key);
  const needs = list.for(extra);
  const everywhere =
    !("problem" in needs) && !list.refersTo(name) && needs.every((need) => need.marker === trueMarker);
  const edges = everywhere
    ? needs
        .flatMap((need) => edgesOf(session, need))
        .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    : undefined;
  byExtra.set(key, edges);
  if (edges !== undefined && session.oneOrigin) session.plainTold.set(edges, undefined);
  return edges;
}

/** The root's own requirements: extras that name other extras of the root hold what these hold. */
function rootNeedsOf(
  session: Session,
  one: Extract<VirtualPackage, { kind: "package" }>,
  view: Parameters<typeof flattenNeeds>[4],
): Need[] {
  const { rootNeeds, policy, rootName } = session;
  const key = one.extra !== undefined ? `[${one.extra}]` : one.group !== undefined ? `:${one.group}` : "";
  const own = flattenNeeds(undefined, () => rootNeeds.get(key) ?? [], undefined, policy, view);
  const out: Need[] = [];
  const seen = new Set<string>([key]);
  const queue = own.slice();
  for (let need = queue.shift(); need !== undefined; need = queue.shift()) {
    if (need.name !== rootName) {
      out.push(need);
      continue;
    }
    for (const extra of need.extras) {
      const inner = `[${extra}]`;
      if (seen.has(`${inner} ${need.marker}`)) continue;
      seen.add(`${inner} ${need.marker}`);
      const marker = need.marker;
      for (const further of flattenNeeds(
        undefined,
        () => rootNeeds.get(inner) ?? [],
        undefined,
        policy,
        view,
      )) {
        queue.push({ ...further, marker: session.arena.and(marker, further.marker) });
      }
    }
  }
  return out;
}

/** The edges of a requirement: one to each extra that it names, or one to the base package. */
function edgesOf(session: Session, need: Need): readonly Edge[] {
  const known = session.edges.get(need);
  if (known !== undefined) return known;
  const { table, conflictItems } = session;
  const pinned = isPinned(need.specifier);
  const edge = (extra?: string): Edge => {
    const to = requiredPackage(need.name, extra === undefined ? {} : { extra }, need.marker);
    const made: Edge = { to: table.id(to), name: need.name, marker: need.marker, need, pinned };
    if (to.kind !== "package") made.base = table.id({ kind: "package", name: need.name, marker: trueMarker });
    const key = `${need.name}[${extra}]`;
    if (extra !== undefined && conflictItems.has(key)) made.conflict = key;
    return made;
  };
  const conflicting = need.extras.some((extra) => conflictItems.has(`${need.name}[${extra}]`));
  const edges =
    need.extras.length === 0
      ? [edge()]
      : [...(conflicting ? [edge()] : []), ...need.extras.map((extra) => edge(extra))];
  session.edges.set(need, edges);
  return edges;
}
