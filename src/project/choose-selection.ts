/** From what the command line selects to the extras and groups of the lock, and what is left out although the lock has it. */
import type { Selection } from "../environment/select.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import type { Lock } from "../lock/lock-model.ts";
import { Failure } from "../platform/errors.ts";
import type { RootRequirement } from "../resolver/request.ts";
import { evaluateMarker, parseMarker } from "../standards/markers.ts";
import { conflictSets } from "./conflict-sets.ts";
import type { Project } from "./discover.ts";
import type { SelectionRequest } from "./environment-question.ts";
import type { ProjectFile } from "./project-file.ts";
import { groupPythons } from "./resolve-request.ts";
import { fileDefaultGroups, memberDefaults, memberGroup, rootRequirements } from "./root-requirements.ts";
import { nearest } from "./setting-checks.ts";

/** A lock without its packages. */
type LockFrame = Omit<Lock, "packages">;

export interface ChosenScopes {
  selection: Selection;
  /** The dependencies of the root itself belong to it. */
  base: boolean;
  /** Specifier sets that the chosen groups put on the interpreter, beside the project's own. */
  requiresPython: readonly string[];
}

/**
 * Errors: DXPY_UNKNOWN_GROUP, DXPY_UNKNOWN_EXTRA, DXPY_UNKNOWN_MEMBER, with what there is; DXPY_CONFLICTING_SELECTION for
 * what the settings declare as never installed together.
 */
export function chooseScopes(request: SelectionRequest, project: Project, lock: LockFrame): ChosenScopes {
  const parts = targets(request, project).map((target) => chooseFor(target, request, project, lock));
  const selection: Selection = {
    extras: [...new Set(parts.flatMap((part) => part.extras))].sort(),
    groups: [...new Set(parts.flatMap((part) => part.groups))].sort(),
  };
  refuseConflicts(selection, project);
  const pythons = groupPythons(project.main);
  return {
    selection,
    base: parts.some((part) => part.base),
    requiresPython: selection.groups.flatMap((group) => pythons[group] ?? []),
  };
}

/** Normalised names of packages that the lock would install for the selection and that were not asked for. */
export function leftOut(
  { selection, base }: ChosenScopes,
  request: SelectionRequest,
  project: Project,
  read: { readonly lock: Lock },
  interpreter: Interpreter,
): ReadonlySet<string> {
  const without = new Set<string>();
  if (!base) for (const name of unreached(project, read.lock, selection, interpreter)) without.add(name);
  if ((request.noProject || !base) && project.main.name !== undefined) without.add(project.main.name);
  if (request.noProject) for (const member of project.members) without.add(member.name as string);
  return without;
}

/** Markers of the lock hold for at most one of each set: with two, packages would be missing without a word. */
function refuseConflicts(selection: Selection, project: Project): void {
  for (const set of conflictSets(project)) {
    const chosen = set.flatMap(({ extra, group }) => {
      if (extra !== undefined) return selection.extras.includes(extra) ? [`the extra \`${extra}\``] : [];
      return group !== undefined && selection.groups.includes(group) ? [`the group \`${group}\``] : [];
    });
    if (chosen.length < 2) continue;
    throw new Failure(
      "DXPY_CONFLICTING_SELECTION",
      `${capital(chosen.join(" and "))} cannot be installed together`,
      {
        hint: "The settings declare them as `conflicts`: choose one of them.",
        exitCode: 2,
      },
    );
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The projects to install for: members of the workspace, or the root (`undefined`). */
function targets(request: SelectionRequest, project: Project): (ProjectFile | undefined)[] {
  if (request.allPackages) return [undefined, ...project.members];
  if (request.packages.length > 0) {
    return request.packages.map((name) => {
      if (name === project.main.name) return undefined;
      const member = project.members.find((each) => each.name === name);
      if (member !== undefined) return member;
      const known = [project.main, ...project.members].flatMap((each) => each.name ?? []);
      throw unknown("DXPY_UNKNOWN_MEMBER", `The workspace has no member \`${name}\``, name, known, "member");
    });
  }
  return [project.current === project.main ? undefined : project.current];
}

interface Part {
  extras: string[];
  groups: string[];
  /** The dependencies of the root itself. */
  base: boolean;
}

function chooseFor(
  target: ProjectFile | undefined,
  request: SelectionRequest,
  project: Project,
  lock: LockFrame,
): Part {
  const file = target ?? project.main;
  const lockOnly = file.document.text === "" && file.metadata === undefined;
  const knownGroups = lockOnly ? lock.dependencyGroups : [...file.groups.keys()];
  const knownExtras = lockOnly ? lock.extras : [...(file.metadata?.optionalDependencies.keys() ?? [])];
  for (const name of [...request.groups, ...request.onlyGroups, ...request.noGroups]) {
    // `--no-dev` is said to projects that have no group `dev` too.
    if (!knownGroups.includes(name) && !(name === "dev" && !request.onlyGroups.includes(name))) {
      throw unknown(
        "DXPY_UNKNOWN_GROUP",
        `The project has no dependency group \`${name}\``,
        name,
        knownGroups,
        "group",
      );
    }
  }
  for (const name of [...request.extras, ...request.noExtras]) {
    if (!knownExtras.includes(name)) {
      throw unknown("DXPY_UNKNOWN_EXTRA", `The project has no extra \`${name}\``, name, knownExtras, "extra");
    }
  }
  const only = request.onlyGroups.length > 0;
  const defaults = lockOnly
    ? lock.defaultGroups
    : target === undefined
      ? rootDefaults(project)
      : fileDefaultGroups(file);
  const groups = new Set<string>(
    only ? request.onlyGroups : request.allGroups ? knownGroups : request.groups,
  );
  if (!only && !request.noDefaultGroups) for (const name of defaults) groups.add(name);
  for (const name of request.noGroups) groups.delete(name);
  const existing = [...groups].filter(
    (name) => knownGroups.includes(name) || lock.dependencyGroups.includes(name),
  );
  const extras = only
    ? []
    : (request.allExtras ? knownExtras : request.extras).filter((name) => !request.noExtras.includes(name));
  if (target === undefined) return { extras: [...extras], groups: existing, base: !only };
  const name = target.name as string;
  return {
    extras: [],
    groups: [
      ...(only ? [] : [memberGroup(name)]),
      ...existing.map((group) => memberGroup(name, { group })),
      ...extras.map((extra) => memberGroup(name, { extra })),
    ],
    base: false,
  };
}

/** A workspace whose root is no project installs its members. */
function rootDefaults(project: Project): string[] {
  const own = fileDefaultGroups(project.main);
  return project.main.metadata === undefined ? [...own, ...project.members.flatMap(memberDefaults)] : own;
}

/** Names that none of the chosen groups leads to: all that only the root's own dependencies bring. */
function unreached(project: Project, lock: Lock, selection: Selection, interpreter: Interpreter): string[] {
  const context = {
    ...interpreter.markers,
    extras: [...selection.extras],
    dependency_groups: [...selection.groups],
  };
  const chosen = (item: RootRequirement) =>
    (item.scope.group !== undefined && selection.groups.includes(item.scope.group)) ||
    (item.scope.extra !== undefined && selection.extras.includes(item.scope.extra));
  const reached = new Map<string, Set<string>>();
  const waiting = rootRequirements(project)
    .filter(chosen)
    .filter(
      ({ requirement }) => requirement.marker === undefined || evaluateMarker(requirement.marker, context),
    )
    .map(({ requirement }) => ({ name: requirement.normalized, extras: [...requirement.extras] }));
  const byName = Map.groupBy(lock.packages, (entry) => entry.name);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const known = reached.get(next.name);
    const fresh = next.extras.filter((extra) => known?.has(extra) !== true);
    if (known !== undefined && fresh.length === 0) continue;
    reached.set(next.name, new Set([...(known ?? []), ...next.extras]));
    for (const entry of byName.get(next.name) ?? []) {
      for (const edge of entry.dependencies) {
        const marker = edge.marker === undefined ? undefined : parseMarker(edge.marker);
        const holds =
          marker === undefined ||
          ["", ...next.extras].some((extra) => evaluateMarker(marker, { ...context, extra }));
        if (holds) waiting.push({ name: edge.name, extras: [...(edge.extras ?? [])] });
      }
    }
  }
  return lock.packages.map((entry) => entry.name).filter((name) => !reached.has(name));
}

function unknown(
  code: `DXPY_${string}`,
  message: string,
  name: string,
  known: readonly string[],
  what: string,
): Failure {
  const near = nearest(name, known);
  const hint =
    near !== undefined
      ? `Did you mean \`${near}\`?`
      : known.length === 0
        ? `There are no ${what}s.`
        : `There are: ${[...known].sort().join(", ")}.`;
  return new Failure(code, message, { hint, exitCode: 2 });
}
