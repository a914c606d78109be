/**
 * `add` and `remove` as whole acts. The edited text is locked before it is written, and what was there comes back when
 * the installation that follows fails or is interrupted.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { DPL_FILE, PYLOCK_FILE } from "../lock/dpl-freshness.ts";
import type { Lock } from "../lock/lock-model.ts";
import { writeFileAtomic } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { normalizeName } from "../standards/names.ts";
import { formatRequirement, parseRequirement, type Requirement } from "../standards/requirements.ts";
import { compareVersions, isPrerelease, parseVersion, publicVersion } from "../standards/version.ts";
import type { Project } from "./discover.ts";
import {
  addRequirements,
  listsWith,
  type RequirementList,
  removeRequirements,
  removeSource,
  setSource,
} from "./edit-pyproject.ts";
import { type LockOptions, type LockOutcome, lockProject } from "./lock-project.ts";
import { interpretProjectFile, noProjectTable } from "./project-file.ts";
import { parseToml } from "./toml-document.ts";
import type { SourceEntry } from "./tool-settings.ts";

export interface Addition {
  requirement: Requirement;
  source?: SourceEntry;
  /** Write it as it is given. */
  raw: boolean;
}

export interface ChangeOutcome {
  project: Project;
  /** Absent: only the file was edited. */
  lock?: LockOutcome;
  /** Requirements as they were written, or names that were removed. */
  changed: string[];
}

type Locking = Omit<LockOptions, "project" | "mode" | "options" | "upgrade">;

/**
 * Adds requirements to a list of the current project. One without versions gets the version that is locked as its lower
 * bound. `locking` absent: edit only.
 */
export async function addToProject(
  project: Project,
  list: RequirementList,
  additions: readonly Addition[],
  locking: Locking | undefined,
): Promise<ChangeOutcome> {
  const { current } = project;
  if (list.kind !== "group" && current.metadata === undefined) throw noProjectTable(current);
  let text = current.document.text;
  for (const { requirement, source } of additions) {
    if (requirement.normalized === current.name && list.kind === "main") {
      throw new Failure("DXPY_SELF_DEPENDENCY", `\`${requirement.name}\` is the project itself`, {
        exitCode: 2,
      });
    }
    text = addRequirements(text, list, [written(requirement)]);
    if (source !== undefined) text = setSource(text, requirement.normalized, source);
  }
  if (locking === undefined)
    return await finish(
      project,
      text,
      undefined,
      additions.map(({ requirement }) => written(requirement)),
    );

  const edited = await withText(project, text);
  const trial = await lockProject({
    ...locking,
    project: edited,
    upgrade: [],
    options: "keep",
    mode: "dry-run",
  });
  let bounded = text;
  let sameQuestion = true;
  const changed: string[] = [];
  for (const addition of additions) {
    const { requirement } = addition;
    const bound =
      addition.raw || addition.source !== undefined ? undefined : lowerBound(requirement, trial.lock);
    const final = bound === undefined ? written(requirement) : written(requirement, bound.text);
    // A pre-release in a requirement admits others: then it is another question.
    if (bound?.prerelease) sameQuestion = false;
    changed.push(final);
    if (bound !== undefined) bounded = addRequirements(bounded, list, [final]);
  }
  const final = bounded === text ? edited : await withText(project, bounded);
  const taken = sameQuestion ? { trial } : {};
  return await finish(project, bounded, { ...locking, ...taken, project: final }, changed);
}

/** Removes names from a list, or from wherever they are. DXPY_NOT_A_DEPENDENCY with where they are. */
export async function removeFromProject(
  project: Project,
  list: RequirementList,
  names: readonly string[],
  locking: Locking | undefined,
): Promise<ChangeOutcome> {
  const { current } = project;
  const wanted = new Set(names.map(normalizeName));
  let { text, removed } = removeRequirements(current.document.text, list, wanted);
  for (const name of wanted) {
    if (!removed.has(name)) throw notADependency(name, list, listsWith(text, name));
    if (listsWith(text, name).length === 0) text = removeSource(text, name);
  }
  if (locking === undefined) return await finish(project, text, undefined, [...wanted]);
  return await finish(project, text, { ...locking, project: await withText(project, text) }, [...wanted]);
}

/** The project as it would be with another text of its current file. */
async function withText(project: Project, text: string): Promise<Project> {
  const { current } = project;
  const file = await interpretProjectFile(current.dir, await parseToml(text, current.document.path));
  return {
    root: project.root,
    main: project.main === current ? file : project.main,
    current: file,
    members: project.members.map((member) => (member === current ? file : member)),
  };
}

/** Resolves the edited project for good, then writes its file and the lock. Nothing is written when resolving fails. */
async function finish(
  project: Project,
  text: string,
  locking: (Locking & { project: Project }) | undefined,
  changed: string[],
): Promise<ChangeOutcome> {
  const { path } = project.current.document;
  if (locking === undefined) {
    writeFileAtomic(path, text);
    return { project: await withText(project, text), changed };
  }
  const lock = await lockProject({
    ...locking,
    upgrade: [],
    options: "keep",
    mode: "write",
    beforeWriting: () => writeFileAtomic(path, text),
  });
  return { project: locking.project, lock, changed };
}

/** `>=1.2.3`, where the requirement says nothing about versions: the lowest that the lock has of it. */
function lowerBound(requirement: Requirement, lock: Lock): { text: string; prerelease: boolean } | undefined {
  if (requirement.specifier.specifiers.length > 0 || requirement.url !== undefined) return undefined;
  const versions = lock.packages
    .filter(
      (entry) =>
        entry.name === requirement.normalized && entry.source.kind === "index" && entry.version !== undefined,
    )
    .map((entry) => parseVersion(entry.version as string))
    .sort(compareVersions);
  const lowest = versions[0];
  if (lowest === undefined) return undefined;
  const prerelease = isPrerelease(lowest);
  return { text: `>=${prerelease ? lowest.text : publicVersion(lowest).text}`, prerelease };
}

/** As it was given; with a bound in a normal spelling, markers in single quotes so that TOML needs no escapes. */
function written(requirement: Requirement, bound?: string): string {
  if (bound === undefined) return requirement.text.trim();
  const { specifier } = parseRequirement(`x${bound}`);
  return formatRequirement({ ...requirement, specifier }).replaceAll('"', "'");
}

function notADependency(name: string, list: RequirementList, elsewhere: readonly RequirementList[]): Failure {
  const where =
    list.kind === "main"
      ? "`project.dependencies`"
      : list.kind === "extra"
        ? `the extra \`${list.name}\``
        : `the group \`${list.name}\``;
  const [other] = elsewhere;
  const hint =
    other === undefined
      ? "`dx-py tree` shows what brings it, if it is installed."
      : other.kind === "main"
        ? "It is in `project.dependencies`: leave the option out."
        : `It is in the ${other.kind} \`${other.name}\`: use \`${other.kind === "group" ? "--group" : "--optional"} ${other.name}\`.`;
  return new Failure("DXPY_NOT_A_DEPENDENCY", `\`${name}\` is not in ${where}`, {
    context: { package: name },
    hint,
    exitCode: 1,
  });
}

/** Runs `action`; when it fails, or the process is interrupted meanwhile, the project's files are as they were before. */
export async function restoringOnFailure<T>(project: Project, action: () => Promise<T>): Promise<T> {
  const paths = [
    project.current.document.path,
    `${project.root}/${PYLOCK_FILE}`,
    `${project.root}/${DPL_FILE}`,
  ];
  const before = paths.map((path) => (existsSync(path) ? readFileSync(path) : undefined));
  const restore = () => {
    for (const [i, path] of paths.entries()) {
      const bytes = before[i];
      if (bytes === undefined) rmSync(path, { force: true });
      else if (!existsSync(path) || !readFileSync(path).equals(bytes)) writeFileAtomic(path, bytes);
    }
  };
  const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
  const handlers = Object.entries(signals).map(([signal, number]) => {
    const handler = () => {
      restore();
      process.exit(128 + number);
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  try {
    return await action();
  } catch (error) {
    restore();
    throw error;
  } finally {
    for (const remove of handlers) remove();
  }
}
