import type { ConflictSet } from "../resolver/request.ts";
import { normalizeName } from "../standards/names.ts";
import type { Project } from "./discover.ts";
import { type ProjectFile, toolOf } from "./project-file.ts";
import { memberGroup } from "./root-requirements.ts";
import { badSetting } from "./setting-checks.ts";
import type { ConflictEntry } from "./tool-settings.ts";

/** An extra or a group of one of the projects; names normalised. */
interface Item {
  file: ProjectFile;
  extra?: string;
  group?: string;
}

/**
 * `conflicts` of the settings; parts of members by the groups that stand for them. A group that includes a conflicting
 * one conflicts in its place, too.
 */
export function conflictSets(project: Project): ConflictSet[] {
  const { main } = project;
  const at = `tool.${toolOf(main, "conflicts")}.conflicts`;
  const declared = (main.settings.conflicts ?? []).map((set, i) => {
    if (set.length < 2) throw badSetting(`${at}[${i}]`, "must name at least two extras or groups");
    return sorted(set.map((entry, j) => readItem(entry, `${at}[${i}][${j}]`, project)));
  });
  return withIncludingGroups(declared).map((set) =>
    set.map(({ file, extra, group }) => {
      const part = { ...(extra === undefined ? {} : { extra }), ...(group === undefined ? {} : { group }) };
      return file === main ? part : { group: memberGroup(file.name as string, part) };
    }),
  );
}

function readItem(
  { package: of, extra, group }: ConflictEntry,
  at: string,
  { main, members }: Project,
): Item {
  const name = of === undefined ? undefined : normalizeName(of);
  const file =
    name === undefined || name === main.name ? main : members.find((member) => member.name === name);
  if (file === undefined) {
    throw badSetting(`${at}.package`, `names \`${name}\`, which is not a member of the workspace`);
  }
  if (file === main && (extra === undefined) === (group === undefined))
    throw badSetting(at, "must have either an `extra` or a `group`");
  return {
    file,
    ...(extra === undefined ? {} : { extra: normalizeName(extra) }),
    ...(group === undefined ? {} : { group: normalizeName(group) }),
  };
}

/** By package, then extras before groups, then name: in which order forks are tried must not depend on how a set is written. */
function sorted(set: readonly Item[]): Item[] {
  return set.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : orderOf(a) > orderOf(b) ? 1 : 0));
}

function orderOf({ file, extra, group }: Item): string {
  const kind = extra !== undefined ? `0 ${extra}` : group !== undefined ? `1 ${group}` : "2";
  return `${file.name ?? ""} ${kind}`;
}

/** The sets, and after them those where an including group stands for a group that it includes. */
function withIncludingGroups(declared: readonly Item[][]): Item[][] {
  const sets = new Map(declared.map((set) => [set.map(orderOf).join(), set]));
  // What is added is walked over, too: every group of a set may be stood for.
  for (const set of sets.values()) {
    for (const item of set) {
      for (const group of item.group === undefined ? [] : (item.file.includedBy.get(item.group) ?? [])) {
        const other = sorted([...set.filter((one) => one !== item), { file: item.file, group }]);
        const key = other.map(orderOf).join();
        if (new Set(other.map(orderOf)).size === other.length && !sets.has(key)) sets.set(key, other);
        if (sets.size > MOST_SETS)
          throw badSetting("conflicts", "come to too many sets by groups that include others");
      }
    }
  }
  return [...sets.values()];
}

/** Each set may double the forks: nobody means so many. */
const MOST_SETS = 1_000;
