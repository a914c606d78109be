import { contains, type IntegerSet, limit, union } from "../../standards/marker-algebra/integer-set.ts";
import type { Project } from "../catalog.ts";
import type { Need } from "../needs.ts";
import type { IncompatibilityId } from "../pubgrub/incompatibility.ts";
import type { Session } from "../session.ts";
import type { DependencyNote, ForkFailed, Unavailable } from "../solver-notes.ts";
import type { VirtualPackage } from "../virtual-packages.ts";

/** What the indexes, the metadata and the person said, and what the contradiction follows from: nothing derived. */
export type Fact =
  | {
      kind: "requires";
      /** Absent: the project that is resolved. */
      dependent?: Project;
      /** Of the dependent, where it is not the base package that requires. */
      extra?: string;
      /** Positions of the dependent's versions. */
      versions: number[];
      need: Need;
      on: string;
      target?: Project;
      range: IntegerSet;
    }
  | { kind: "unusable"; project: Project; versions: number[]; reason: Unavailable }
  | { kind: "not-found"; name: string };

/** Every fact that the proof of a failure rests on, each once, in the order in which the proof names them. */
export async function factsOf(session: Session, { state, incompatibility }: ForkFailed): Promise<Fact[]> {
  const { arena } = state.solver;
  const { table, catalog } = session;
  const facts = new Map<string, Fact>();
  const projectOf = async (one: VirtualPackage): Promise<Project | undefined> => {
    if (one.kind === "root" || one.kind === "python" || one.name === session.rootName) return undefined;
    return await catalog.project(one.name, session.originOf(one.name, state.env));
  };
  for (const id of leaves(arena, incompatibility)) {
    const { cause, packages } = arena[id]!;
    if (cause.kind === "dependency") {
      const dependent = table.get(cause.dependent);
      const on = table.get(cause.on);
      const note = cause.note as DependencyNote | undefined;
      const project = await projectOf(dependent);
      if (on.kind === "python" && project !== undefined) {
        add(facts, {
          kind: "unusable",
          project,
          versions: positions(project, cause.versions),
          reason: { kind: "python", text: note?.requiresPython ?? "" },
        });
      } else if (note?.need !== undefined && note.need.name !== session.rootName) {
        const target = await projectOf(on);
        const fact: Fact = {
          kind: "requires",
          versions: [],
          need: note.need,
          on: note.need.name,
          range: cause.range,
        };
        if (project !== undefined) {
          fact.dependent = project;
          fact.versions = positions(project, cause.versions);
        }
        if (target !== undefined) fact.target = target;
        if (dependent.kind === "package" && dependent.extra !== undefined) fact.extra = dependent.extra;
        add(facts, fact);
      }
    } else if (cause.kind === "unavailable") {
      const one = table.get(packages[0]!);
      const project = await projectOf(one);
      const reason = cause.note as Unavailable;
      if (project === undefined) continue;
      if (reason.kind === "not-found") add(facts, { kind: "not-found", name: project.name });
      else add(facts, { kind: "unusable", project, versions: positions(project, cause.set), reason });
    }
  }
  return Array.from(facts.values());
}

/** The incompatibilities that nothing derived, left before right, each once. */
function leaves(arena: readonly { cause: { kind: string } }[], from: IncompatibilityId): IncompatibilityId[] {
  const out: IncompatibilityId[] = [];
  const seen = new Set<IncompatibilityId>();
  const stack = [from];
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const cause = arena[id]!.cause as { kind: string; left?: number; right?: number };
    if (cause.kind === "derived") stack.push(cause.right!, cause.left!);
    else out.push(id);
  }
  return out;
}

function add(facts: Map<string, Fact>, fact: Fact): void {
  const key =
    fact.kind === "requires"
      ? `${fact.dependent?.name ?? ""} ${fact.extra ?? ""} ${fact.need.text} ${fact.need.declaredAt ?? ""}`
      : fact.kind === "unusable"
        ? `${fact.project.name} ${reasonKey(fact.reason)}`
        : fact.name;
  const known = facts.get(key);
  if (known === undefined) {
    facts.set(key, fact);
  } else if (known.kind !== "not-found" && fact.kind !== "not-found") {
    known.versions = Array.from(new Set([...known.versions, ...fact.versions])).sort((a, b) => a - b);
    if (known.kind === "requires" && fact.kind === "requires") known.range = union(known.range, fact.range);
  }
}

function reasonKey(reason: Unavailable): string {
  return reason.kind === "obstacle"
    ? reason.obstacle.kind
    : reason.kind === "python"
      ? `python ${reason.text}`
      : reason.kind;
}

/** Positions of the versions that exist in a set. */
export function positions(project: Project, set: IntegerSet): number[] {
  return Array.from(project.space.indices(set, false)).filter(
    (i) => project.candidates === undefined || project.candidates.exists(i),
  );
}

/** Positions of all versions that exist. */
export function allPositions(project: Project): number[] {
  return positions(project, [0, limit]);
}

export function inRange(project: Project, range: IntegerSet, i: number): boolean {
  return contains(range, project.space.at(i));
}
