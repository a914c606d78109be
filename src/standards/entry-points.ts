/** `entry_points.txt` (entry points specification), read as `importlib.metadata` reads it. */
import { stripPythonSpace } from "./python-space.ts";

export interface EntryPoint {
  /** `console_scripts`, `gui_scripts`, or a project's own. */
  readonly group: string;
  readonly name: string;
  /** `package.module`. */
  readonly module: string;
  /** `object.attribute`; absent: the module itself. */
  readonly attribute?: string;
  readonly extras: readonly string[];
}

const PLAIN_REFERENCE = /^([A-Za-z0-9_.]+)\s*(?::\s*([A-Za-z0-9_.]+)\s*)?(?:\[(.*)\]\s*)?$/;
/** Unicode's tables take half a millisecond to build: only for what is beyond ASCII. */
let wideReference: RegExp | undefined;
// What Python's `str.splitlines` breaks at.
const LINE_BREAK = /\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/;

/**
 * Reads every entry point in the order of the file. A line that is none (no `=`, or a value that is no object reference) is
 * left out, as it is by the tools that only list entry points.
 */
export function parseEntryPoints(text: string): EntryPoint[] {
  const found: EntryPoint[] = [];
  let group: string | undefined;
  for (const raw of text.split(LINE_BREAK)) {
    const line = stripPythonSpace(raw);
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("[") && line.endsWith("]")) {
      group = withoutBrackets(line);
      continue;
    }
    const equals = line.indexOf("=");
    if (group === undefined || equals === -1) continue;
    const reference = parseObjectReference(stripPythonSpace(line.slice(equals + 1)));
    if (reference === undefined) continue;
    found.push({ group, name: stripPythonSpace(line.slice(0, equals)), ...reference });
  }
  return found;
}

/** Every bracket at both ends taken off, as Python's `strip("[]")` does. */
function withoutBrackets(line: string): string {
  const isBracket = (at: number) => line[at] === "[" || line[at] === "]";
  let start = 0;
  let end = line.length;
  while (start < end && isBracket(start)) start++;
  while (end > start && isBracket(end - 1)) end--;
  return line.slice(start, end);
}

/** `module:attribute [extra]`; `undefined` when it is no object reference. */
export function parseObjectReference(text: string): Omit<EntryPoint, "group" | "name"> | undefined {
  let match = PLAIN_REFERENCE.exec(text);
  if (match === null) {
    wideReference ??= /^([\p{L}\p{N}_.]+)\s*(?::\s*([\p{L}\p{N}_.]+)\s*)?(?:\[(.*)\]\s*)?$/u;
    match = wideReference.exec(text);
  }
  if (match === null) return undefined;
  const attribute = match[2];
  return {
    module: match[1]!,
    ...(attribute === undefined ? undefined : { attribute }),
    extras: match[3]?.match(/[\p{L}\p{N}_]+/gu) ?? [],
  };
}
