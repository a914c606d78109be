/** `[dependency-groups]` of `pyproject.toml` (PEP 735). */
import { quote } from "./caret.ts";
import { isValidName, normalizeName } from "./names.ts";
import { parseRequirement, type Requirement } from "./requirements.ts";
import {
  asArray,
  asTable,
  isTable,
  keyPath,
  kindOf,
  own,
  shapeFailure,
  type TomlTable,
} from "./toml-shape.ts";

const SUBJECT = { code: "DXPY_BAD_DEPENDENCY_GROUPS", subject: "pyproject.toml" } as const;

/** Includes repeat what they include; a table that unfolds to more than this is refused. */
const MAX_REQUIREMENTS = 100_000;

/** A chain of includes longer than this is refused. */
const MAX_DEPTH = 500;

type Item = Requirement | { readonly include: string; readonly where: string };

/**
 * Every group by its normalised name, in the order of the table, its includes unfolded in their place. `table` is the value of
 * `dependency-groups`; `undefined` gives no groups. All groups are read, so that a fault in an unused one shows. Failures name the
 * key: DXPY_BAD_DEPENDENCY_GROUPS, DXPY_BAD_REQUIREMENT.
 */
export function resolveGroups(table: unknown): Map<string, Requirement[]> {
  const groups = readGroups(table === undefined ? {} : asTable(SUBJECT, table, "dependency-groups"));
  const resolved = new Map<string, Requirement[]>();
  let total = 0;

  const resolve = (group: string, path: readonly string[]): Requirement[] => {
    const done = resolved.get(group);
    if (done !== undefined) return done;
    const requirements: Requirement[] = [];
    for (const item of groups.get(group)!) {
      if (!("include" in item)) {
        requirements.push(item);
        continue;
      }
      const { include, where } = item;
      if (!groups.has(include)) throw shapeFailure(SUBJECT, where, `there is no group ${quote(include)}`);
      if (path.includes(include)) {
        const cycle = [...path.slice(path.indexOf(include)), include].join("` → `");
        throw shapeFailure(SUBJECT, where, `the groups include each other: \`${cycle}\``);
      }
      const tooMuch = () => shapeFailure(SUBJECT, where, "the groups include one another too many times");
      if (path.length > MAX_DEPTH) throw tooMuch();
      const included = resolve(include, [...path, include]);
      total += included.length;
      if (total > MAX_REQUIREMENTS) throw tooMuch();
      for (const one of included) requirements.push(one);
    }
    resolved.set(group, requirements);
    return requirements;
  };

  const inOrder = new Map<string, Requirement[]>();
  for (const group of groups.keys()) inOrder.set(group, resolve(group, [group]));
  return inOrder;
}

/**
 * For each group that is included, the groups that do so, themselves or through others. `table` is one that
 * `resolveGroups` took: its includes are there, and in no cycle.
 */
export function includingGroups(table: unknown): Map<string, string[]> {
  const groups = readGroups(table === undefined ? {} : asTable(SUBJECT, table, "dependency-groups"));
  const including = new Map<string, string[]>();
  for (const [group, items] of groups) {
    const included = new Set(items.flatMap((item) => ("include" in item ? [item.include] : [])));
    for (const name of included) {
      including.set(name, [...(including.get(name) ?? []), group]);
      for (const item of groups.get(name) ?? []) if ("include" in item) included.add(item.include);
    }
  }
  return including;
}

function readGroups(table: TomlTable): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const [name, items] of Object.entries(table)) {
    const path = keyPath("dependency-groups", name);
    if (!isValidName(name)) throw shapeFailure(SUBJECT, path, "this is not a valid name of a group");
    const normal = normalizeName(name);
    if (groups.has(normal)) throw shapeFailure(SUBJECT, path, `the group \`${normal}\` is given twice`);
    groups.set(
      normal,
      asArray(SUBJECT, items, path).map((item, i) => readItem(item, `${path}[${i}]`)),
    );
  }
  return groups;
}

function readItem(item: unknown, where: string): Item {
  if (typeof item === "string") return parseRequirement(item, { where });
  if (!isTable(item)) {
    throw shapeFailure(SUBJECT, where, `a requirement or an include is expected, not ${kindOf(item)}`);
  }
  const include = own(item, "include-group");
  if (typeof include !== "string" || Object.keys(item).length !== 1) {
    throw shapeFailure(SUBJECT, where, 'a table here is `{ include-group = "name" }` and nothing else');
  }
  return { include: normalizeName(include), where };
}
