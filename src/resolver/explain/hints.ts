import { formatPythonPoint } from "../../standards/marker-algebra/python-versions.ts";
import { requiredPython } from "../candidates.ts";
import { everywhere } from "../fork-environment.ts";
import type { RootRequirement } from "../request.ts";
import type { Session } from "../session.ts";
import type { ForkFailed } from "../solver-notes.ts";
import { describeVersions } from "./describe-versions.ts";
import { type Fact, inRange, positions } from "./facts.ts";

/** The one thing that would most probably help; `undefined` when nothing stands out. */
export function hintFor(
  session: Session,
  failed: ForkFailed,
  facts: readonly Fact[],
  pythonVersion: string,
): string | undefined {
  return (
    nameHint(session, facts) ??
    pythonHint(session, facts) ??
    obstacleHint(facts) ??
    prereleaseHint(session, facts) ??
    dateHint(session, facts) ??
    versionHint(facts) ??
    scopeHint(session, facts) ??
    environmentHint(session, failed, pythonVersion) ??
    "Loosen or drop one of these requirements."
  );
}

function nameHint(session: Session, facts: readonly Fact[]): string | undefined {
  const missing = facts.find((fact) => fact.kind === "not-found");
  if (missing === undefined) return undefined;
  const names = Array.from(session.rootNeeds.values()).flatMap((needs) => needs.map((need) => need.name));
  const similar = names.find((name) => name !== missing.name && distance(name, missing.name) <= 2);
  if (similar !== undefined) return `Is \`${similar}\` meant?`;
  return "Check the spelling, and that the index that has it is configured.";
}

function pythonHint(session: Session, facts: readonly Fact[]): string | undefined {
  const needed = facts.flatMap((fact) =>
    fact.kind === "unusable" && fact.reason.kind === "python" ? [{ ...fact, text: fact.reason.text }] : [],
  );
  // The lowest bound that lets some version in asks the least of the project.
  const bounds = needed.flatMap((fact) => {
    const from = requiredPython(fact.text)?.from;
    return from === undefined ? [] : [{ from, fact }];
  });
  bounds.sort((a, b) => a.from - b.from);
  const best = bounds[0];
  if (best === undefined) return undefined;
  const { project, versions } = best.fact;
  return `\`requires-python = ">=${formatPythonPoint(best.from)}"\` would let in ${project.name} ${describeVersions(project, versions)}; the project admits Python from ${formatPythonPoint(session.python.from)}.`;
}

function obstacleHint(facts: readonly Fact[]): string | undefined {
  for (const fact of facts) {
    if (fact.kind !== "unusable" || fact.reason.kind !== "obstacle") continue;
    const { project, versions } = fact;
    // Other versions can be used, and what those require is in the way: this one is beside the point.
    if (facts.some((other) => other.kind === "requires" && other.dependent === project)) continue;
    const version = project.space.list.versionText(versions[versions.length - 1] ?? 0);
    switch (fact.reason.obstacle.kind) {
      case "yanked":
        return `A yanked version is used only when it is asked for exactly: \`${project.name}==${version}\`.`;
      case "no-binary":
        return `Allow wheels for ${project.name} (no-binary).`;
      case "no-build":
        return `Allow builds of ${project.name} (no-build).`;
      case "platform":
        return `Drop the platform from the required environments, or limit where ${project.name} is required with a marker.`;
      case "python-tags":
        return `Limit the Pythons with requires-python, or ask for a version of ${project.name} that has wheels for all of them.`;
    }
  }
  return undefined;
}

function prereleaseHint(session: Session, facts: readonly Fact[]): string | undefined {
  for (const fact of facts) {
    if (fact.kind !== "requires" || fact.target?.candidates === undefined) continue;
    const { target, range } = fact;
    if (session.prereleasesOf(target.name, everywhere) !== "never") continue;
    const { candidates } = target;
    for (let i = target.space.count - 1; i >= 0; i--) {
      if (!inRange(target, range, i) || !candidates!.isPrerelease(i) || !candidates!.get(i).usable) continue;
      return `There is the pre-release ${target.name} ${target.space.list.versionText(i)}: \`--prerelease allow\` lets it in.`;
    }
  }
  return undefined;
}

function dateHint(session: Session, facts: readonly Fact[]): string | undefined {
  for (const fact of facts) {
    if (fact.kind !== "requires" || fact.target?.candidates === undefined) continue;
    const { target, range } = fact;
    const limitOf = session.request.excludeNewerPackage[target.name] ?? session.request.excludeNewer;
    if (limitOf === undefined || limitOf === false) continue;
    for (let i = target.space.count - 1; i >= 0; i--) {
      const candidate = target.candidates!.get(i);
      if (candidate.usable || candidate.obstacle !== undefined || !inRange(target, range, i)) continue;
      const day = new Date(limitOf).toISOString().slice(0, 10);
      return `${target.name} ${target.space.list.versionText(i)} is left out because of \`exclude-newer\` (nothing from ${day} on counts).`;
    }
  }
  return undefined;
}

/** One requirement that no version meets: what there is, newest first. */
function versionHint(facts: readonly Fact[]): string | undefined {
  for (const fact of facts) {
    if (fact.kind !== "requires" || fact.target?.candidates === undefined) continue;
    const { target, range } = fact;
    if (positions(target, range).length > 0) continue;
    const { candidates } = target;
    for (let i = target.space.count - 1; i >= 0; i--) {
      if (candidates!.isPrerelease(i) || !candidates!.get(i).usable) continue;
      const newest = target.space.list.versionText(i);
      if (fact.dependent === undefined)
        return `The newest ${target.name} is ${newest}: ask for that, or for an older one.`;
      return `The newest ${target.name} is ${newest}: another version of ${fact.dependent.name} may ask for one that exists.`;
    }
  }
  return undefined;
}

/** Extras and groups are locked so that all of them can be installed together. */
function scopeHint(session: Session, facts: readonly Fact[]): string | undefined {
  const asked = facts.flatMap((fact) =>
    fact.kind === "requires" && fact.dependent === undefined ? [fact.need] : [],
  );
  const scopes = session.request.requirements.flatMap(({ requirement, declaredAt, scope }) =>
    asked.some((need) => need.declaredAt === declaredAt && need.text === requirement.text)
      ? [scopeText(session, scope)]
      : [],
  );
  const named = [...new Set(scopes)].filter((scope) => scope !== "");
  if (named.length < 2) return undefined;
  return `If these are never installed together, say so: \`conflicts = [[${named.join(", ")}]]\` under [tool.dx-py].`;
}

/** An entry of `conflicts`; empty for what is always installed. */
function scopeText({ request }: Session, { extra, group }: RootRequirement["scope"]): string {
  if (extra !== undefined) return `{ extra = "${extra}" }`;
  if (group === undefined) return "";
  for (const member of request.members ?? []) {
    if (member.group === group) return "";
    const of = `package = "${member.name}"`;
    const extraOf = member.extraGroups.find((one) => one.group === group);
    if (extraOf !== undefined) return `{ ${of}, extra = "${extraOf.extra}" }`;
    const own = member.ownGroups.find((one) => one.group === group);
    if (own !== undefined) return `{ ${of}, group = "${own.name}" }`;
  }
  return `{ group = "${group}" }`;
}

/** The failure is in other environments than the one at hand: then these may not be wanted at all. */
function environmentHint(session: Session, { state }: ForkFailed, pythonVersion: string): string | undefined {
  const { python } = session;
  if (state.python.from === python.from && state.python.to === python.to) return undefined;
  return `Loosen or drop one of these requirements; or narrow requires-python, if it admits Pythons that are not needed: the lock is for all of them, not only for ${pythonVersion}.`;
}

/** Edits between two short names; no more than three matter. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
