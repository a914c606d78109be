/**
 * `add` and `remove`: requirements and sources come into and out of a `pyproject.toml`, and everything else in it stays as
 * it was. Each edit is checked by reading the result.
 */
import { Failure } from "../platform/errors.ts";
import { formatMarker } from "../standards/markers.ts";
import { normalizeName } from "../standards/names.ts";
import { parseRequirement, type Requirement } from "../standards/requirements.ts";
import {
  addKey,
  insertIntoArray,
  removeFromArray,
  removeKey,
  replaceInArray,
  tomlString,
} from "./toml-edit.ts";
import type { KeyPath } from "./toml-places.ts";
import type { SourceEntry } from "./tool-settings.ts";

/** Where requirements of a project stand. */
export type RequirementList =
  | { kind: "main" }
  | { kind: "extra"; name: string }
  | { kind: "group"; name: string };

type Table = Readonly<Record<string, unknown>>;

/** Adds requirements, or replaces those of the same name (and the same marker). A sorted list stays sorted. */
export function addRequirements(
  text: string,
  list: RequirementList,
  requirements: readonly string[],
): string {
  let edited = text;
  for (const requirement of requirements) edited = addOne(edited, list, requirement);
  return edited;
}

function addOne(text: string, list: RequirementList, addition: string): string {
  const document = parse(text);
  const path = listPath(document, list);
  const items = itemsAt(document, path);
  if (items === undefined) {
    const made = addKey(text, path.slice(0, -1), String(path.at(-1)), "[]");
    return checked(insertIntoArray(made, path, 0, addition), path, [addition]);
  }
  const requirement = parseRequirement(addition);
  const same = sameRequirement(items, requirement);
  if (same !== undefined) {
    if (items[same] === addition) return text;
    return checked(replaceInArray(text, path, same, addition), path, items.with(same, addition));
  }
  const at = sortedPosition(items, requirement.normalized);
  return checked(insertIntoArray(text, path, at, addition), path, items.toSpliced(at, 0, addition));
}

/** Takes away every requirement on these names (normalised). Says which it found. */
export function removeRequirements(
  text: string,
  list: RequirementList,
  names: ReadonlySet<string>,
): { text: string; removed: Set<string> } {
  const removed = new Set<string>();
  let edited = text;
  const path = listPath(parse(text), list);
  const items = itemsAt(parse(text), path) ?? [];
  for (let i = items.length - 1; i >= 0; i -= 1) {
    const item = items[i];
    const name = typeof item === "string" ? nameOf(item) : undefined;
    if (name === undefined || !names.has(name)) continue;
    removed.add(name);
    edited = removeFromArray(edited, path, i);
  }
  const kept = items.filter((item) => typeof item !== "string" || !names.has(nameOf(item) ?? ""));
  return { text: removed.size === 0 ? text : checked(edited, path, kept), removed };
}

/** Says where a package comes from, in the table of the tool whose settings the file uses. */
export function setSource(text: string, name: string, source: SourceEntry): string {
  const path = [...sourcesTable(parse(text)), name];
  const inline = Object.entries(source).map(
    ([key, value]) => `${key} = ${typeof value === "string" ? tomlString(value) : value}`,
  );
  const without = sourceKeys(text, name).reduce(
    (edited, key) => removeKey(edited, [...sourcesTable(parse(text)), key]),
    text,
  );
  const edited = addKey(without, path.slice(0, -1), name, `{ ${inline.join(", ")} }`);
  parse(edited);
  return edited;
}

export function removeSource(text: string, name: string): string {
  const table = sourcesTable(parse(text));
  const edited = sourceKeys(text, name).reduce((current, key) => removeKey(current, [...table, key]), text);
  parse(edited);
  return edited;
}

/** Lists of the document that hold a requirement on the name. */
export function listsWith(text: string, name: string): RequirementList[] {
  const document = parse(text);
  const lists: RequirementList[] = [{ kind: "main" }];
  for (const extra of keysAt(document, ["project", "optional-dependencies"]))
    lists.push({ kind: "extra", name: extra });
  for (const group of keysAt(document, ["dependency-groups"])) lists.push({ kind: "group", name: group });
  return lists.filter((list) =>
    (itemsAt(document, listPath(document, list)) ?? []).some(
      (item) => typeof item === "string" && nameOf(item) === name,
    ),
  );
}

function sourceKeys(text: string, name: string): string[] {
  const document = parse(text);
  return keysAt(document, sourcesTable(document)).filter((key) => normalizeName(key) === name);
}

function sourcesTable(document: Table): string[] {
  return valueAt(document, ["tool", "uv", "sources"]) !== undefined &&
    valueAt(document, ["tool", "dx-py", "sources"]) === undefined
    ? ["tool", "uv", "sources"]
    : ["tool", "dx-py", "sources"];
}

/** Keys are found whatever their spelling: `[dependency-groups] Dev` is the group `dev`. */
function listPath(document: Table, list: RequirementList): string[] {
  if (list.kind === "main") return ["project", "dependencies"];
  const base = list.kind === "extra" ? ["project", "optional-dependencies"] : ["dependency-groups"];
  const existing = keysAt(document, base).find((key) => normalizeName(key) === normalizeName(list.name));
  return [...base, existing ?? list.name];
}

function sameRequirement(items: readonly unknown[], requirement: Requirement): number | undefined {
  const marker = requirement.marker === undefined ? undefined : formatMarker(requirement.marker);
  const found = items.findIndex((item) => {
    if (typeof item !== "string" || nameOf(item) !== requirement.normalized) return false;
    const other = parseRequirement(item).marker;
    return (other === undefined ? undefined : formatMarker(other)) === marker;
  });
  return found < 0 ? undefined : found;
}

function sortedPosition(items: readonly unknown[], name: string): number {
  const names = items.map((item) => (typeof item === "string" ? nameOf(item) : undefined));
  const sorted = names.every(
    (item, i) => item !== undefined && (i === 0 || (names[i - 1] as string) <= item),
  );
  if (!sorted || items.length < 2) return items.length;
  const at = names.findIndex((item) => (item as string) > name);
  return at < 0 ? items.length : at;
}

function nameOf(text: string): string | undefined {
  const match = /^\s*([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(text);
  return match?.[1] === undefined ? undefined : normalizeName(match[1]);
}

function valueAt(document: Table, path: KeyPath): unknown {
  let value: unknown = document;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function keysAt(document: Table, path: KeyPath): string[] {
  const value = valueAt(document, path);
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

function itemsAt(document: Table, path: KeyPath): unknown[] | undefined {
  const value = valueAt(document, path);
  return Array.isArray(value) ? value : undefined;
}

function parse(text: string): Table {
  return Bun.TOML.parse(text) as Table;
}

/** Only what was meant may have changed. */
function checked(text: string, path: KeyPath, expected: readonly unknown[]): string {
  let found: unknown;
  try {
    found = valueAt(parse(text), path);
  } catch (cause) {
    throw cannotEdit(path, cause);
  }
  if (!Bun.deepEquals(found, expected)) throw cannotEdit(path);
  return text;
}

function cannotEdit(path: KeyPath, cause?: unknown): Failure {
  return new Failure(
    "DXPY_CANNOT_EDIT",
    `pyproject.toml is written in a way that \`${path.join(".")}\` cannot be edited safely`,
    {
      cause,
      hint: "Edit the file by hand, then run `dx-py lock`.",
    },
  );
}
