/** Puts together what is to be resolved, from the project and the settings; and its fingerprint. */

import { blake3Hex } from "../platform/blake3.ts";
import { canonicalJson } from "../realise/canonical-json.ts";
import { conflictKey } from "../resolver/fork-environment.ts";
import type { PackageSource, Preference, ResolveRequest } from "../resolver/request.ts";
import { normalizeName } from "../standards/names.ts";
import { formatRequirement, type Requirement } from "../standards/requirements.ts";
import { formatSpecifierSet, parseSpecifierSet } from "../standards/specifiers.ts";
import { conflictSets } from "./conflict-sets.ts";
import type { Project } from "./discover.ts";
import { readMoment } from "./moments.ts";
import { type ProjectFile, requirementAt, toolOf } from "./project-file.ts";
import { defaultGroups, groupNames, rootRequirements, workspaceMembersOf } from "./root-requirements.ts";
import { badSetting } from "./setting-checks.ts";
import type { ResolutionSettings } from "./settings.ts";
import { declaredSources } from "./sources.ts";

export interface RequestOptions {
  project: Project;
  settings: ResolutionSettings;
  preferences: Preference[];
  upgrade: true | string[];
  /** Milliseconds since the epoch: what spans of `exclude-newer` count from. */
  now: number;
}

/** Errors: DXPY_BAD_SETTING with the key path, DXPY_BAD_REQUIREMENT. */
export function makeResolveRequest({
  project,
  settings,
  preferences,
  upgrade,
  now,
}: RequestOptions): ResolveRequest {
  const { main } = project;
  const tool = main.settings;
  const sources = allSources(project);
  const name = main.name ?? "workspace";
  const policy = buildPolicy(project, settings, now);
  return {
    root: {
      name,
      ...(main.metadata?.version === undefined ? {} : { version: main.metadata.version }),
      ...(main.metadata === undefined ? { virtual: true } : {}),
    },
    members: workspaceMembersOf(project),
    requirements: rootRequirements(project),
    requiresPython: jointRequiresPython(project),
    extras: [...(main.metadata?.optionalDependencies.keys() ?? [])].sort(),
    groups: groupNames(project),
    groupRequiresPython: groupPythons(main),
    constraints: requirementList(main, "constraint-dependencies"),
    overrides: requirementList(main, "override-dependencies"),
    excludes: (tool["exclude-dependencies"] ?? []).map(normalizeName).sort(),
    sources,
    indexPins: indexPins(sources),
    environments: tool.environments ?? [],
    requiredEnvironments: tool["required-environments"] ?? [],
    conflicts: conflictSets(project),
    ...policy,
    resolution: settings.resolution,
    forkStrategy: settings.forkStrategy,
    preferences,
    upgrade,
  };
}

/** The settings that choose among versions: a lock that was made with others holds none to prefer. */
export const VERSION_SETTINGS: readonly string[] = [
  "resolution",
  "fork-strategy",
  "exclude-newer",
  "exclude-newer-package",
];

/**
 * What a lock remembers of the settings that it was resolved with, where they are not the defaults: those that choose
 * among versions, and those that say where forks begin.
 */
export function settingsToCompare(
  request: ResolveRequest,
  settings: ResolutionSettings,
  project: Project,
): Record<string, string> {
  const perPackage = project.main.settings["exclude-newer-package"] ?? {};
  const out: Record<string, string> = {};
  if (request.resolution !== "highest") out["resolution"] = request.resolution;
  if (request.forkStrategy !== "requires-python") out["fork-strategy"] = request.forkStrategy;
  if (settings.excludeNewer !== undefined) out["exclude-newer"] = settings.excludeNewer;
  const byPackage = Object.entries(perPackage).map(([name, moment]) => `${name} ${moment}`);
  if (byPackage.length > 0) out["exclude-newer-package"] = byPackage.sort().join("; ");
  const { environments, requiredEnvironments, conflicts } = request;
  if (environments.length > 0) out["environments"] = environments.join("; ");
  if (requiredEnvironments.length > 0) out["required-environments"] = requiredEnvironments.join("; ");
  const sets = conflicts.map((set) =>
    set.map((item) => conflictKey({ ...item, package: item.package ?? request.root.name })).join(", "),
  );
  if (sets.length > 0) out["conflicts"] = sets.join("; ");
  return out;
}

/**
 * Lower-case hex BLAKE3 of all that a resolution depends on, apart from the indexes' content and where they are: a lock
 * made behind a mirror is the same lock. Comments, order of tables and spelling of requirements do not matter.
 * `sourceDigests` stand for the projects that `path` and `workspace` sources name.
 */
export function requestFingerprint(
  request: ResolveRequest,
  project: Project,
  settings: ResolutionSettings,
  sourceDigests: Readonly<Record<string, string>>,
): string {
  const spelled = (requirements: readonly Requirement[]) => requirements.map(spell).sort();
  return blake3Hex(
    canonicalJson({
      format: 1,
      root: {
        name: request.root.name,
        packaged: project.main.packaged,
        ...omitUndefined({ version: request.root.version }),
      },
      requirements: request.requirements.map((item) => ({
        requires: spell(item.requirement),
        ...omitUndefined(item.scope),
      })),
      requiresPython: request.requiresPython ?? "",
      extras: request.extras,
      groups: request.groups,
      defaultGroups: defaultGroups(project),
      groupRequiresPython: request.groupRequiresPython ?? {},
      constraints: spelled(request.constraints),
      overrides: spelled(request.overrides),
      excludes: request.excludes,
      // Absent where there is none, so that locks which were made before it was known stay as they are.
      ...omitUndefined({ stated: project.main.settings["dependency-metadata"] }),
      buildConstraints: spelled(request.buildConstraints ?? []),
      sources: relativeSources(request.sources, project.root),
      environments: request.environments,
      requiredEnvironments: request.requiredEnvironments,
      conflicts: request.conflicts.map((set) => set.map((item) => omitUndefined({ ...item }))),
      prerelease: request.prerelease,
      resolution: request.resolution,
      forkStrategy: request.forkStrategy,
      excludeNewer: settings.excludeNewer ?? "",
      excludeNewerPackage: project.main.settings["exclude-newer-package"] ?? {},
      noBinary: request.noBinary,
      noBuild: request.noBuild,
      sourceDigests,
    }),
  );
}

/** In one spelling, whoever wrote it. */
export function spell(requirement: Requirement): string {
  return formatRequirement({ ...requirement, name: requirement.normalized });
}

function omitUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Partial<T>;
}

/** Every member may be named by any other; what a member declares holds where the root declares nothing. */
export function allSources(project: Project): Record<string, PackageSource[]> {
  const members = new Map(project.members.map((member) => [member.name as string, member]));
  if (project.main.name !== undefined && project.members.length > 0)
    members.set(project.main.name, project.main);
  const sources: Record<string, PackageSource[]> = Object.create(null);
  for (const member of project.members) {
    sources[member.name as string] = [{ kind: "workspace", path: member.dir, editable: true }];
  }
  for (const member of project.members) Object.assign(sources, declaredSources(member, members));
  return Object.assign(sources, declaredSources(project.main, members));
}

function relativeSources(sources: Readonly<Record<string, PackageSource[]>>, root: string) {
  const entries = Object.entries(sources).map(([name, list]) => [
    name,
    list.map((source) =>
      omitUndefined("path" in source ? { ...source, path: relativePath(root, source.path) } : { ...source }),
    ),
  ]);
  return Object.fromEntries(entries);
}

/** `to` as seen from the folder `from`, both absolute: `.`, `lib/a`, `../b`. */
export function relativePath(from: string, to: string): string {
  const [a, b] = [from.split("/").filter(Boolean), to.split("/").filter(Boolean)];
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same += 1;
  const steps = [...Array.from({ length: a.length - same }, () => ".."), ...b.slice(same)];
  return steps.length === 0 ? "." : steps.join("/");
}

function indexPins(sources: Readonly<Record<string, PackageSource[]>>): Record<string, string> {
  const pins: Record<string, string> = Object.create(null);
  for (const [name, [first, ...others]] of Object.entries(sources)) {
    if (others.length > 0 || first?.kind !== "index") continue;
    if (first.marker === undefined && first.extra === undefined && first.group === undefined)
      pins[name] = first.index;
  }
  return pins;
}

/** Specifiers of every project of the workspace together. */
export function jointRequiresPython(project: Project): string | undefined {
  const texts = [project.main, ...project.members].map((file) => file.metadata?.requiresPython);
  const given = [...new Set(texts.filter((text) => text !== undefined && text.trim() !== ""))];
  return given.length === 0 ? undefined : formatSpecifierSet(parseSpecifierSet(given.join(",")));
}

/** `requires-python` of single groups, by normalised name. */
export function groupPythons(main: ProjectFile): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [group, value] of Object.entries(main.settings["dependency-groups"] ?? {})) {
    const name = normalizeName(group);
    if (!main.groups.has(name)) {
      throw badSetting(
        `tool.${toolOf(main, "dependency-groups")}.dependency-groups.${group}`,
        "names a group that `[dependency-groups]` does not have",
      );
    }
    if (value["requires-python"] !== undefined) result[name] = value["requires-python"];
  }
  return result;
}

/** The setting where it is the project's, the option otherwise. */
function newerPlace(main: ProjectFile, { excludeNewer }: ResolutionSettings): string {
  const own = main.settings["exclude-newer"] === excludeNewer;
  return own ? `tool.${toolOf(main, "exclude-newer")}.exclude-newer` : "--exclude-newer";
}

function newerByPackage(main: ProjectFile, now: number): Record<string, number | false> {
  const result: Record<string, number | false> = Object.create(null);
  for (const [name, value] of Object.entries(main.settings["exclude-newer-package"] ?? {})) {
    const at = `tool.${toolOf(main, "exclude-newer-package")}.exclude-newer-package.${name}`;
    result[normalizeName(name)] = value === false ? false : readMoment(value, at, now);
  }
  return result;
}

function requirementList(
  main: ProjectFile,
  key: "constraint-dependencies" | "override-dependencies" | "build-constraint-dependencies",
): Requirement[] {
  return (main.settings[key] ?? []).map((text, i) =>
    requirementAt(text, `tool.${toolOf(main, key)}.${key}[${i}]`),
  );
}

/** What builds obey of a resolution's policy. */
export type BuildPolicy = Pick<
  ResolveRequest,
  "noBuild" | "noBinary" | "prerelease" | "excludeNewer" | "excludeNewerPackage" | "buildConstraints"
>;

export function buildPolicy({ main }: Project, settings: ResolutionSettings, now: number): BuildPolicy {
  const { noBuild, noBinary, prerelease, excludeNewer } = settings;
  return {
    noBuild,
    noBinary,
    prerelease,
    ...(excludeNewer ? { excludeNewer: readMoment(excludeNewer, newerPlace(main, settings), now) } : {}),
    excludeNewerPackage: newerByPackage(main, now),
    buildConstraints: requirementList(main, "build-constraint-dependencies"),
  };
}
