/**
 * Where things stand in a TOML text: the position of every key and value, for messages that point at a place and for
 * edits that touch nothing else. Loaded only when one of the two is needed.
 */
import { type AST, parseTOML } from "toml-eslint-parser";

/** A step into a table (string) or an array (number). */
export type KeyPath = readonly (string | number)[];

export interface TomlEntry {
  path: KeyPath;
  /** Offsets into the text, in UTF-16 units. For a `[table]` header, `key` is the whole header with its brackets. */
  key?: readonly [number, number];
  value: readonly [number, number];
  node: AST.TOMLContentNode | AST.TOMLTable;
}

export interface TomlPlaces {
  entries: readonly TomlEntry[];
  /** Offsets of comments, in order. */
  comments: readonly (readonly [number, number])[];
  find(path: KeyPath): TomlEntry | undefined;
  /** The entry itself or the nearest one that contains it. */
  nearest(path: KeyPath): TomlEntry | undefined;
}

export interface TomlFault {
  message: string;
  /** 1-based. */
  line: number;
  column: number;
}

/** Throws the parser's own error: ask `tomlFault` first where the text may be wrong. */
export function openTomlPlaces(text: string): TomlPlaces {
  const program = parseTOML(text, { tomlVersion: "1.0" });
  const entries: TomlEntry[] = [];
  for (const item of program.body[0].body) {
    if (item.type === "TOMLKeyValue") keyValue(item, [], entries);
    else {
      entries.push({ path: item.resolvedKey, key: headerRange(item), value: item.range, node: item });
      for (const inner of item.body) keyValue(inner, item.resolvedKey, entries);
    }
  }
  const byPath = new Map<string, TomlEntry>();
  for (const entry of entries) {
    const id = pathId(entry.path);
    if (!byPath.has(id)) byPath.set(id, entry);
  }
  const find = (path: KeyPath) => byPath.get(pathId(path));
  return {
    entries,
    comments: program.comments.map((comment) => comment.range),
    find,
    nearest(path) {
      for (let length = path.length; length > 0; length -= 1) {
        const found = find(path.slice(0, length));
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

/** What is wrong with a text by TOML 1.0, which is what Python's `tomllib` reads; `undefined` when it is right. */
export function tomlFault(text: string): TomlFault | undefined {
  try {
    parseTOML(text, { tomlVersion: "1.0" });
    return undefined;
  } catch (error) {
    // Its own column counts UTF-16 units from 0.
    const fault = error as { message?: unknown; index?: unknown };
    if (typeof fault.index !== "number") throw error;
    return { message: String(fault.message ?? "not valid TOML"), ...lineAndColumn(text, fault.index) };
  }
}

/** 1-based line and column (in code points) of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: [...before.slice(lineStart)].length + 1 };
}

function pathId(path: KeyPath): string {
  return JSON.stringify(path);
}

function headerRange(table: AST.TOMLTable): readonly [number, number] {
  const width = table.kind === "array" ? 2 : 1;
  return [table.range[0], table.key.range[1] + width];
}

function keyValue(item: AST.TOMLKeyValue, base: KeyPath, into: TomlEntry[]): void {
  const steps = item.key.keys.map((key) => (key.type === "TOMLBare" ? key.name : key.value));
  for (let length = 1; length < steps.length; length += 1) {
    // A dotted key stands for the tables on its way too.
    into.push({
      path: [...base, ...steps.slice(0, length)],
      key: item.key.range,
      value: item.range,
      node: item.value,
    });
  }
  const path = [...base, ...steps];
  into.push({ path, key: item.key.range, value: item.value.range, node: item.value });
  inside(item.value, path, into);
}

function inside(node: AST.TOMLContentNode, path: KeyPath, into: TomlEntry[]): void {
  if (node.type === "TOMLArray") {
    node.elements.forEach((element, i) => {
      into.push({ path: [...path, i], value: element.range, node: element });
      inside(element, [...path, i], into);
    });
  } else if (node.type === "TOMLInlineTable") {
    for (const item of node.body) keyValue(item, path, into);
  }
}
