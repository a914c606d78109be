/**
 * Edits of a TOML text that touch nothing but their place: comments, order, quotes and indentation stay. Each edit is a
 * pure function from text to text.
 */
import type { AST } from "toml-eslint-parser";
import { type KeyPath, openTomlPlaces, type TomlEntry, type TomlPlaces } from "./toml-places.ts";

/** A change of the text: what stands in `[start, end)` becomes `insert`. */
interface Splice {
  start: number;
  end: number;
  insert: string;
}

/** A string as TOML writes it, in the given quotes where that can be. */
export function tomlString(value: string, quote: '"' | "'" = '"'): string {
  if (quote === "'" && !/['\x00-\x08\x0a-\x1f\x7f]/.test(value)) return `'${value}'`;
  return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
}

export function tomlKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : tomlString(key);
}

/**
 * Puts a string into the array at `path`, at position `at` (at most its length). The array must exist. An empty array
 * becomes one line per element; any other keeps its style.
 */
export function insertIntoArray(text: string, path: KeyPath, at: number, value: string): string {
  const places = openTomlPlaces(text);
  const node = arrayAt(places, path);
  const item = tomlString(value, quoteOf(node));
  const elements = node.elements;
  const [open, close] = node.range;
  const multiline = text.slice(open, close).includes("\n");
  const newline = text.includes("\r\n") ? "\r\n" : "\n";

  if (elements.length === 0) {
    const hasComments = places.comments.some(([start]) => start > open && start < close);
    const indent = indentUnit(text, places);
    if (!hasComments)
      return splice(text, { start: open, end: close, insert: `[${newline}${indent}${item},${newline}]` });
    const lineStart = text.lastIndexOf("\n", close - 1) + 1;
    return splice(text, { start: lineStart, end: lineStart, insert: `${indent}${item},${newline}` });
  }
  if (at <= 0) {
    const first = elements[0] as AST.TOMLContentNode;
    const [start] = first.range;
    const lineEnd = text.indexOf("\n", open);
    if (!multiline || lineEnd < 0 || lineEnd > start)
      return splice(text, { start, end: start, insert: `${item}, ` });
    const indent = indentOf(text, start);
    return splice(text, { start: lineEnd + 1, end: lineEnd + 1, insert: `${indent}${item},${newline}` });
  }
  const before = elements[Math.min(at, elements.length) - 1] as AST.TOMLContentNode;
  const after = elements[Math.min(at, elements.length)];
  const end = before.range[1];
  const comma = commaAfter(text, end, after?.range[0] ?? close - 1, places);
  const lineEnd = endOfLine(text, comma === undefined ? end : comma + 1);
  const shared = !multiline || lineEnd >= close || (after !== undefined && after.range[0] < lineEnd);
  if (shared) return splice(text, { start: end, end, insert: `, ${item}` });
  const indent = indentOf(text, before.range[0]);
  const edited = splice(text, { start: lineEnd, end: lineEnd, insert: `${newline}${indent}${item},` });
  return comma === undefined ? splice(edited, { start: end, end, insert: "," }) : edited;
}

export function replaceInArray(text: string, path: KeyPath, at: number, value: string): string {
  const node = arrayAt(openTomlPlaces(text), path);
  const element = node.elements[at] as AST.TOMLContentNode;
  const [start, end] = element.range;
  return splice(text, { start, end, insert: tomlString(value, text[start] === "'" ? "'" : '"') });
}

/** Takes an element out, with the comment behind it on its line. */
export function removeFromArray(text: string, path: KeyPath, at: number): string {
  const places = openTomlPlaces(text);
  const node = arrayAt(places, path);
  const element = node.elements[at] as AST.TOMLContentNode;
  const [start, end] = element.range;
  const [previous, next] = [node.elements[at - 1], node.elements[at + 1]];
  const comma = commaAfter(text, end, next?.range[0] ?? node.range[1] - 1, places);
  const past = comma === undefined ? end : comma + 1;
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const lineEnd = endOfLine(text, past);
  const alone =
    lineStart > node.range[0] &&
    text.slice(lineStart, start).trim() === "" &&
    lineEnd < node.range[1] &&
    (next === undefined || next.range[0] > lineEnd);
  if (alone) return splice(text, { start: lineStart, end: text.indexOf("\n", lineEnd) + 1, insert: "" });
  if (next !== undefined && !text.slice(past, next.range[0]).includes("\n"))
    return splice(text, { start, end: next.range[0], insert: "" });
  if (previous !== undefined)
    return splice(text, { start: previous.range[1], end: comma === undefined ? end : past - 1, insert: "" });
  return splice(text, { start, end: past, insert: "" });
}

/** Adds `key = value` (value as TOML) to a table, after its last key; makes the table where there is none. */
export function addKey(text: string, table: KeyPath, key: string, value: string): string {
  const places = openTomlPlaces(text);
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const line = `${tomlKey(key)} = ${value}`;
  if (table.length === 0) {
    const first = places.entries.find((entry) => entry.node.type === "TOMLTable");
    const start = first === undefined ? text.length : (first.key ?? first.value)[0];
    return splice(text, { start, end: start, insert: `${line}${newline}${newline}` });
  }
  const found = places.find(table);
  if (found === undefined) return appendTable(text, places, table, line, newline);
  if (found.node.type === "TOMLTable") {
    const last = found.node.body.at(-1);
    const end = endOfLine(
      text,
      last === undefined ? (found.key as readonly [number, number])[1] : last.range[1],
    );
    return splice(text, { start: end, end, insert: `${newline}${line}` });
  }
  if (found.node.type === "TOMLInlineTable" && found.path.length === table.length && isValueOf(found)) {
    const last = found.node.body.at(-1);
    if (last === undefined)
      return splice(text, { start: found.value[0], end: found.value[1], insert: `{ ${line} }` });
    return splice(text, { start: last.range[1], end: last.range[1], insert: `, ${line}` });
  }
  return afterDotted(text, places, table, key, value, newline);
}

/** Takes a key and its line away, or the entry of an inline table. */
export function removeKey(text: string, path: KeyPath): string {
  const places = openTomlPlaces(text);
  const found = places.find(path);
  if (found?.key === undefined) return text;
  if (found.node.type === "TOMLTable") {
    const body = found.node.body.at(-1);
    const end = endOfLine(text, body === undefined ? found.key[1] : body.range[1]);
    return splice(text, { start: found.key[0], end: Math.min(text.length, end + 1), insert: "" });
  }
  const parent = found.node.parent?.parent as
    | { type?: string; body?: readonly AST.TOMLKeyValue[] }
    | null
    | undefined;
  if (parent?.type === "TOMLInlineTable" && parent.body !== undefined) {
    const i = parent.body.findIndex((item) => item.key.range[0] === found.key?.[0]);
    const [previous, next] = [parent.body[i - 1], parent.body[i + 1]];
    if (next !== undefined) return splice(text, { start: found.key[0], end: next.range[0], insert: "" });
    return splice(text, { start: previous?.range[1] ?? found.key[0], end: found.value[1], insert: "" });
  }
  const lineStart = text.lastIndexOf("\n", found.key[0] - 1) + 1;
  return splice(text, {
    start: lineStart,
    end: Math.min(text.length, endOfLine(text, found.value[1]) + 1),
    insert: "",
  });
}

/** The indentation that arrays of the text use; four spaces where none has lines. */
function indentUnit(text: string, places: TomlPlaces): string {
  for (const entry of places.entries) {
    if (entry.node.type !== "TOMLArray") continue;
    const first = entry.node.elements[0];
    if (first === undefined || !text.slice(entry.value[0], first.range[0]).includes("\n")) continue;
    const indent = indentOf(text, first.range[0]);
    if (indent !== "") return indent;
  }
  return "    ";
}

function isValueOf(entry: TomlEntry): boolean {
  return entry.value[0] === entry.node.range[0];
}

function appendTable(
  text: string,
  places: TomlPlaces,
  table: KeyPath,
  line: string,
  newline: string,
): string {
  // Behind the last table of the same family, so that `[project.optional-dependencies]` stands near `[project]`.
  let after: TomlEntry | undefined;
  for (let length = table.length - 1; length > 0 && after === undefined; length -= 1) {
    const family = places.entries.filter(
      (entry) =>
        entry.node.type === "TOMLTable" && table.slice(0, length).every((step, i) => entry.path[i] === step),
    );
    after = family.at(-1);
  }
  const header = `[${table.map((step) => tomlKey(String(step))).join(".")}]`;
  if (after === undefined || after.node.type !== "TOMLTable") {
    const gap = text === "" ? "" : text.endsWith("\n") ? newline : newline + newline;
    return `${text}${gap}${header}${newline}${line}${newline}`;
  }
  const last = after.node.body.at(-1);
  const end = endOfLine(
    text,
    last === undefined ? (after.key as readonly [number, number])[1] : last.range[1],
  );
  const tail = end >= text.length ? newline : "";
  return splice(text, { start: end, end, insert: `${newline}${newline}${header}${newline}${line}${tail}` });
}

/** The table exists only as a prefix of dotted keys or headers (`a.b.c = 1`, `[a.b.c]`). */
function afterDotted(
  text: string,
  places: TomlPlaces,
  table: KeyPath,
  key: string,
  value: string,
  newline: string,
): string {
  const headers = places.entries.filter((entry) => entry.node.type === "TOMLTable");
  const parent = headers.find(
    (entry) => entry.path.length < table.length && entry.path.every((step, i) => step === table[i]),
  );
  const body = parent?.node.type === "TOMLTable" ? parent.node.body : topLevelKeys(places);
  const prefix = table.slice(parent?.path.length ?? 0).map((step) => tomlKey(String(step)));
  const last = body.findLast((item) => prefix.every((step, i) => keyStep(item, i) === step));
  if (last === undefined) return appendTable(text, places, table, `${tomlKey(key)} = ${value}`, newline);
  const end = endOfLine(text, last.range[1]);
  return splice(text, {
    start: end,
    end,
    insert: `${newline}${[...prefix, tomlKey(key)].join(".")} = ${value}`,
  });
}

function topLevelKeys(places: TomlPlaces): AST.TOMLKeyValue[] {
  const items = places.entries
    .map((entry) => entry.node.parent)
    .filter((node) => node?.type === "TOMLKeyValue");
  return items.filter((item) => item.parent.type === "TOMLTopLevelTable");
}

function keyStep(item: AST.TOMLKeyValue, i: number): string | undefined {
  const step = item.key.keys[i];
  return step === undefined ? undefined : tomlKey(step.type === "TOMLBare" ? step.name : step.value);
}

function arrayAt(places: TomlPlaces, path: KeyPath): AST.TOMLArray {
  const node = places.find(path)?.node;
  if (node?.type !== "TOMLArray") throw new Error(`${path.join(".")} is not an array`);
  return node;
}

function quoteOf(node: AST.TOMLArray): '"' | "'" {
  const kinds = node.elements.map((element) =>
    element.type === "TOMLValue" && element.kind === "string" ? element.style : undefined,
  );
  return kinds.length > 0 && kinds.every((kind) => kind === "literal") ? "'" : '"';
}

/** Offset of the comma behind an element, comments in between passed over. */
function commaAfter(text: string, from: number, to: number, places: TomlPlaces): number | undefined {
  for (let at = from; at < to; at += 1) {
    const comment = places.comments.find(([start, end]) => at >= start && at < end);
    if (comment !== undefined) at = comment[1] - 1;
    else if (text[at] === ",") return at;
  }
  return undefined;
}

function indentOf(text: string, offset: number): string {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(lineStart, offset))?.[0] ?? "";
}

/** Offset of the line's end: its newline (the `\r` of `\r\n`), or the text's end. */
function endOfLine(text: string, from: number): number {
  const newline = text.indexOf("\n", from);
  if (newline < 0) return text.length;
  return text[newline - 1] === "\r" && newline > from ? newline - 1 : newline;
}

function splice(text: string, { start, end, insert }: Splice): string {
  return text.slice(0, start) + insert + text.slice(end);
}
