/** What a project asks for, requirement by requirement, each with its scope and the place of its declaration. */
import type { RootRequirement, WorkspaceMember } from "../resolver/request.ts";
import type { Marker } from "../standards/markers.ts";
import type { Requirement } from "../standards/requirements.ts";
import type { Project } from "./discover.ts";
import type { ProjectFile } from "./project-file.ts";

/**
 * Members of a workspace are selected by groups that only dx-py makes: one for the member, one for each of its extras
 * and groups. So the lock of a workspace stays a plain PEP 751 lock.
 */
export function memberGroup(member: string, part?: { extra?: string; group?: string }): string {
  if (part?.extra !== undefined) return `workspace-${member}-extra-${part.extra}`;
  if (part?.group !== undefined) return `workspace-${member}-group-${part.group}`;
  return `workspace-${member}`;
}

export function rootRequirements(project: Project): RootRequirement[] {
  const found = ownRequirements(project.main);
  for (const member of project.members) found.push(...memberRequirements(member));
  return found;
}

function ownRequirements(file: ProjectFile): RootRequirement[] {
  const found: RootRequirement[] = [];
  file.metadata?.dependencies.forEach((requirement, i) => {
    found.push({ requirement, scope: {}, declaredAt: `project.dependencies[${i}]` });
  });
  for (const [extra, requirements] of file.metadata?.optionalDependencies ?? []) {
    requirements.forEach((requirement, i) => {
      found.push({
        requirement,
        scope: { extra },
        declaredAt: `project.optional-dependencies.${extra}[${i}]`,
      });
    });
  }
  for (const [group, requirements] of file.groups) {
    requirements.forEach((requirement, i) => {
      found.push({ requirement, scope: { group }, declaredAt: `dependency-groups.${group}[${i}]` });
    });
  }
  return expandOwnExtras(file, found);
}

/** `all = ["me[a,b]"]` asks for the requirements of the extras `a` and `b` under the same scope. */
function expandOwnExtras(file: ProjectFile, requirements: readonly RootRequirement[]): RootRequirement[] {
  const expanded: RootRequirement[] = [];
  const visit = (item: RootRequirement, marker: Marker | undefined, seen: ReadonlySet<string>) => {
    const { requirement } = item;
    if (requirement.normalized !== file.name || requirement.url !== undefined) {
      expanded.push(marker === undefined ? item : { ...item, requirement: withMarker(requirement, marker) });
      return;
    }
    const own = bothMarkers(marker, requirement.marker);
    for (const extra of requirement.extras) {
      if (seen.has(extra)) continue;
      for (const inner of file.metadata?.optionalDependencies.get(extra) ?? []) {
        visit({ ...item, requirement: inner }, own, new Set([...seen, extra]));
      }
    }
  };
  for (const item of requirements) visit(item, undefined, new Set());
  return expanded;
}

function memberRequirements(member: ProjectFile): RootRequirement[] {
  const name = member.name as string;
  const found: RootRequirement[] = [requireMember(name, [], memberGroup(name))];
  for (const extra of member.metadata?.optionalDependencies.keys() ?? []) {
    found.push(requireMember(name, [extra], memberGroup(name, { extra })));
  }
  for (const [group, requirements] of member.groups) {
    requirements.forEach((requirement, i) => {
      found.push({
        requirement,
        scope: { group: memberGroup(name, { group }) },
        declaredAt: `dependency-groups.${group}[${i}] of the member \`${name}\``,
      });
    });
  }
  return found;
}

function requireMember(name: string, extras: readonly string[], group: string): RootRequirement {
  const text = extras.length === 0 ? name : `${name}[${extras.join(",")}]`;
  const requirement: Requirement = {
    name,
    normalized: name,
    extras,
    specifier: { specifiers: [], text: "" },
    text,
  };
  return { requirement, scope: { group }, declaredAt: `the workspace's member \`${name}\`` };
}

function withMarker(requirement: Requirement, marker: Marker): Requirement {
  return { ...requirement, marker: bothMarkers(marker, requirement.marker) as Marker };
}

/** `a and b`, as one list of operands. */
export function bothMarkers(a: Marker | undefined, b: Marker | undefined): Marker | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const operands = [a, b].flatMap((marker) => (marker.kind === "and" ? marker.operands : [marker]));
  return { kind: "and", operands };
}

/** The members as the resolver knows them, by the groups that stand for them. */
export function workspaceMembersOf(project: Project): WorkspaceMember[] {
  return project.members.map(({ name: of, metadata, groups }) => {
    const name = of as string;
    const extras = [...(metadata?.optionalDependencies.keys() ?? [])].sort();
    return {
      name,
      group: memberGroup(name),
      extraGroups: extras.map((extra) => ({ extra, group: memberGroup(name, { extra }) })),
      ownGroups: [...groups.keys()].map((own) => ({ name: own, group: memberGroup(name, { group: own }) })),
    };
  });
}

/** Groups of the lock: the project's own, and those that stand for members. Sorted. */
export function groupNames(project: Project): string[] {
  const names = new Set(project.main.groups.keys());
  for (const item of project.members.flatMap(memberRequirements))
    if (item.scope.group !== undefined) names.add(item.scope.group);
  for (const member of project.members) {
    for (const group of member.groups.keys()) names.add(memberGroup(member.name as string, { group }));
  }
  return [...names].sort();
}

/** What is installed when nothing is selected, as group names of the lock. */
export function defaultGroups(project: Project): string[] {
  const names = fileDefaultGroups(project.main);
  if (project.main.metadata !== undefined) return names;
  for (const member of project.members) names.push(...memberDefaults(member));
  return names.sort();
}

/** The groups that stand for a member alone, with its default groups. */
export function memberDefaults(member: ProjectFile): string[] {
  const name = member.name as string;
  return [memberGroup(name), ...fileDefaultGroups(member).map((group) => memberGroup(name, { group }))];
}

/** `default-groups` of the settings, else `dev` where there is one. */
export function fileDefaultGroups(file: ProjectFile): string[] {
  const declared = file.settings["default-groups"];
  if (declared === "all") return [...file.groups.keys()].sort();
  if (declared !== undefined) return [...declared].sort();
  return file.groups.has("dev") ? ["dev"] : [];
}
