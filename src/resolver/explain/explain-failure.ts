/**
 * Why there is no solution, in the person's own terms: what they asked for, with the place where they did, what that
 * asks for in turn, and what stands against it. Only what the contradiction rests on is named.
 */
import { Failure } from "../../platform/errors.ts";
import { intersection } from "../../standards/marker-algebra/integer-set.ts";
import { markerText } from "../../standards/marker-algebra/to-marker.ts";
import type { Project } from "../catalog.ts";
import type { Session } from "../session.ts";
import type { ForkFailed, Unavailable } from "../solver-notes.ts";
import { describeVersions, everyVersion, joined } from "./describe-versions.ts";
import { allPositions, type Fact, factsOf, positions } from "./facts.ts";
import { hintFor } from "./hints.ts";

type Requires = Extract<Fact, { kind: "requires" }>;
type Unusable = Extract<Fact, { kind: "unusable" }>;

/** More lines than these tell nobody more. */
const mostLines = 24;

/** The failure DXPY_UNSATISFIABLE that explains a fork without solution. */
export async function explainFailure(
  session: Session,
  failed: ForkFailed,
  pythonVersion: string,
): Promise<Failure> {
  const facts = inAskedOrder(session, await factsOf(session, failed));
  const { lines, told } = factLines(facts);
  const shown =
    lines.length > mostLines
      ? [...lines.slice(0, mostLines), `  … and ${lines.length - mostLines} more`]
      : lines;
  const where = markerText(session.arena, failed.state.env.marker, session.pythonMarker);
  const message = [`${headline(facts)}${where === undefined ? "" : `, where ${where}`}:`, ...shown];
  const conclusion = conclusionOf(told);
  if (conclusion !== undefined) message.push(conclusion);
  const hint = hintFor(session, failed, facts, pythonVersion);
  return new Failure("DXPY_UNSATISFIABLE", message.join("\n"), hint === undefined ? {} : { hint });
}

function headline(facts: readonly Fact[]): string {
  const missing = facts.find((fact) => fact.kind === "not-found");
  if (missing !== undefined) return `There is no package named ${missing.name} on the index`;
  const direct = facts.filter(
    (fact): fact is Requires => fact.kind === "requires" && fact.dependent === undefined,
  );
  return direct.length === 1
    ? `\`${direct[0]!.need.text}\` cannot be satisfied`
    : "These requirements cannot be satisfied together";
}

/** The project's own requirements first, as they were asked for. */
function inAskedOrder({ request }: Session, facts: readonly Fact[]): Fact[] {
  const places = new Map(request.requirements.map(({ declaredAt }, i) => [declaredAt, i]));
  const place = (fact: Fact) =>
    fact.kind === "requires" && fact.dependent === undefined
      ? (places.get(fact.need.declaredAt ?? "") ?? -1)
      : places.size;
  return facts.toSorted((a, b) => place(a) - place(b));
}

/** The facts as a tree: what the project requires, below it what that requires or why it cannot be used. */
function factLines(facts: readonly Fact[]): { lines: string[]; told: Fact[] } {
  const lines: string[] = [];
  const told = new Set<Fact>();
  const tell = (fact: Fact, depth: number) => {
    if (told.has(fact)) return;
    told.add(fact);
    lines.push(`${"  ".repeat(depth)}${factText(fact)}`);
    if (fact.kind !== "requires") return;
    for (const next of facts) {
      if (subjectOf(next) === fact.on) tell(next, depth + 1);
    }
  };
  for (const fact of facts) if (fact.kind === "requires" && fact.dependent === undefined) tell(fact, 1);
  // What is left hangs on something that the proof did not need to name.
  for (const fact of facts) tell(fact, 1);
  return { lines, told: Array.from(told) };
}

/** The project that a fact is about. */
function subjectOf(fact: Fact): string | undefined {
  if (fact.kind === "requires") return fact.dependent?.name;
  return fact.kind === "unusable" ? fact.project.name : undefined;
}

function factText(fact: Fact): string {
  if (fact.kind === "not-found") return `${fact.name} is not on the index`;
  if (fact.kind === "unusable") return unusableText(fact);
  const { dependent, need, target, range } = fact;
  const wanted = `\`${need.text}\``;
  const name =
    dependent === undefined ? "" : `${dependent.name}${fact.extra === undefined ? "" : `[${fact.extra}]`}`;
  const subject = dependent === undefined ? "your project" : versionsOf(name, dependent, fact.versions);
  const verb = dependent === undefined || isOne(dependent, fact.versions) ? "requires" : "require";
  const place = need.declaredAt === undefined ? "" : ` (${need.declaredAt})`;
  return `${subject} ${verb} ${wanted}${place}${target === undefined ? "" : noSuchVersion(target, range)}`;
}

function versionsOf(name: string, project: Project, versions: readonly number[]): string {
  const described = describeVersions(project, versions);
  return described === everyVersion ? `every version of ${name}` : `${name} ${described}`;
}

function isOne(project: Project, versions: readonly number[]): boolean {
  return versions.length < 2 || describeVersions(project, versions) === everyVersion;
}

function noSuchVersion(target: NonNullable<Requires["target"]>, range: Requires["range"]): string {
  if (target.candidates === undefined || positions(target, range).length > 0) return "";
  const all = allPositions(target);
  if (all.length === 0) return `, but ${target.name} has no version at all`;
  const text = (i: number) => target.space.list.versionText(i);
  if (all.length <= 3) return `, but there is only ${joined(all.map(text))}`;
  return `, but versions go from ${text(all[0]!)} to ${text(all[all.length - 1]!)} without such a one`;
}

function unusableText({ project, versions, reason }: Unusable): string {
  const subject = versionsOf(project.name, project, versions);
  const several = !isOne(project, versions);
  return `${subject} ${reasonText(reason, several)}`;
}

function reasonText(reason: Unavailable, several: boolean): string {
  const have = several ? "have" : "has";
  switch (reason.kind) {
    case "python":
      return `${several ? "need" : "needs"} Python ${reason.text}`;
    case "metadata":
      return reason.problem.replace(/^has /, `${have} `);
    case "not-found":
      return `${several ? "are" : "is"} not on the index`;
    case "obstacle":
      break;
  }
  const { obstacle } = reason;
  switch (obstacle.kind) {
    case "yanked":
      return `${several ? "were" : "was"} yanked${obstacle.reason === "" ? "" : `: ${obstacle.reason}`}`;
    case "no-binary":
      return `${have} only wheels, which the settings exclude`;
    case "no-build":
      return `${have} no wheel that can be used, and building is off`;
    case "python-tags":
      return `${have} no wheel for the Pythons resolved for (${obstacle.example})`;
    case "platform":
      return `${have} no wheel for a platform that is required (${obstacle.example})`;
  }
}

/** The project whose requirements leave no version, when there is one. */
function conclusionOf(facts: readonly Fact[]): string | undefined {
  const byTarget = Map.groupBy(
    facts.filter((fact): fact is Requires => fact.kind === "requires" && fact.target !== undefined),
    (fact) => fact.on,
  );
  for (const [name, requirements] of byTarget) {
    const wanted = Array.from(new Set(requirements.map((one) => one.need.specifier.text))).filter(
      (text) => text !== "",
    );
    const target = requirements[0]!.target!;
    if (wanted.length < 2 || requirements.some((one) => positions(target, one.range).length === 0)) continue;
    const common = requirements.reduce((set, one) => intersection(set, one.range), requirements[0]!.range);
    if (positions(target, common).length > 0) continue;
    const texts = joined(wanted.map((text) => `\`${text}\``));
    return `No version of ${name} is ${wanted.length === 2 ? "both " : "all of "}${texts}.`;
  }
  return undefined;
}
