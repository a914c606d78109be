/** What the root of a resolution stands for: the project, and the members of its workspace. */
import { trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import type { Edge } from "./forks.ts";
import type { Need } from "./needs.ts";
import type { WorkspaceMember } from "./request.ts";
import type { Session } from "./session.ts";
import { requiredPackage } from "./virtual-packages.ts";

/** The edges of what the root requires under a key of `Session.rootNeeds`. */
type EdgesOfKey = (key: string) => readonly Edge[];

/**
 * The project itself with each of its extras and groups, and every member with its own. What groups of the root
 * say of members is said here once more, and what those of a workspace without a project say at all: so members are
 * decided project by project, in the order of their names with the root among them, and what they require is
 * discovered in the order in which uv does.
 */
export function rootEdges(session: Session, edgesOf: EdgesOfKey): Edge[] {
  const { root, groups, members = [] } = session.request;
  return [
    ...members.flatMap((member) => memberEdges(session, member, edgesOf)),
    ...(root.virtual ? groups.toSorted().flatMap((group) => sharedGroupEdges(session, group, edgesOf)) : []),
    ...ownEdges(session),
  ];
}

/** The member whose own group a group of the root is. */
export function memberOfGroup({ request }: Session, group: string | undefined): string | undefined {
  if (group === undefined) return undefined;
  return request.members?.find(({ ownGroups }) => ownGroups.some((own) => own.group === group))?.name;
}

/** Whatever version a project has. */
export function exactNeed(name: string): Need {
  return { name, extras: [], specifier: { specifiers: [], text: "" }, marker: trueMarker, text: name };
}

function memberEdges(session: Session, { group, extraGroups }: WorkspaceMember, edgesOf: EdgesOfKey): Edge[] {
  const conflicting = extraGroups.some((of) => session.conflictItems.has(`${session.rootName}:${of.group}`));
  return [
    ...(extraGroups.length === 0 || conflicting ? groupEdges(session, group, edgesOf) : []),
    ...extraGroups.flatMap((of) => groupEdges(session, of.group, edgesOf)),
  ];
}

/** Those of a group that stands for no member. */
function sharedGroupEdges(session: Session, group: string, edgesOf: EdgesOfKey): readonly Edge[] {
  const ofMember = session.request.members?.some((member) =>
    [member, ...member.extraGroups, ...member.ownGroups].some((one) => one.group === group),
  );
  return ofMember ? [] : groupEdges(session, group, edgesOf);
}

function groupEdges({ rootName, conflictItems }: Session, group: string, edgesOf: EdgesOfKey) {
  const key = `${rootName}:${group}`;
  const edges = edgesOf(`:${group}`);
  return conflictItems.has(key) ? edges.map((edge) => ({ ...edge, conflict: key })) : edges;
}

function ownEdges(session: Session): Edge[] {
  const { rootName, request } = session;
  const edge = (variant: { extra?: string; group?: string }): Edge => {
    const made: Edge = {
      to: session.table.id(requiredPackage(rootName, variant, trueMarker)),
      name: rootName,
      marker: trueMarker,
      need: exactNeed(rootName),
      pinned: false,
    };
    if (variant.extra !== undefined) made.base = session.table.id(requiredPackage(rootName, {}, trueMarker));
    const member = memberOfGroup(session, variant.group);
    if (member !== undefined) made.decidedWith = member;
    const key =
      variant.extra !== undefined ? `${rootName}[${variant.extra}]` : `${rootName}:${variant.group}`;
    if (session.conflictItems.has(key)) made.conflict = key;
    return made;
  };
  const extras = request.extras.toSorted();
  const conflicting =
    extras.some((extra) => session.conflictItems.has(`${rootName}[${extra}]`)) ||
    request.groups.some((group) => session.conflictItems.has(`${rootName}:${group}`));
  return [
    ...(extras.length === 0 || conflicting ? [edge({})] : []),
    ...extras.map((extra) => edge({ extra })),
    ...request.groups.toSorted().map((group) => edge({ group })),
  ];
}
