/**
 * Checks of values that come from a settings file: each takes the value and its key path and returns plain data, or
 * throws DXPY_BAD_SETTING, whose message begins with the key path.
 */
import { Failure } from "../platform/errors.ts";
import { parseKeyPath, placeFailure, type TomlDocument } from "./toml-document.ts";

/** Reads a value at a key path such as `tool.dx-py.index[0].url`. */
export type Check<T> = (value: unknown, at: string) => T;

export function badSetting(at: string, says: string, hint?: string): Failure {
  return new SettingFailure(at, says, hint);
}

/** Knows its key path, so that whoever has the text can point at the place. */
export class SettingFailure extends Failure {
  readonly at: string;
  /** The file that the key path is of, where it is known. */
  document: TomlDocument | undefined;
  constructor(at: string, says: string, hint?: string) {
    super(
      "DXPY_BAD_SETTING",
      `\`${at}\` ${says}`,
      hint === undefined ? { exitCode: 2 } : { hint, exitCode: 2 },
    );
    this.at = at;
  }
}

/** Runs `read`; a failure about a setting then points at its place in the file that it is of, or else in `document`. */
export async function pointingAt<T>(document: TomlDocument, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof SettingFailure) || !/^(?:tool|project|dependency-groups)\b/.test(error.at))
      throw error;
    throw await placeFailure(error, error.document ?? document, parseKeyPath(error.at));
  }
}

export const boolean: Check<boolean> = (value, at) => {
  if (typeof value !== "boolean") throw badSetting(at, `must be true or false, not ${say(value)}`);
  return value;
};

export const string: Check<string> = (value, at) => {
  if (typeof value !== "string") throw badSetting(at, `must be a string, not ${say(value)}`);
  return value;
};

export const integer: Check<number> = (value, at) => {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw badSetting(at, `must be a whole number, not ${say(value)}`);
  }
  return value;
};

export function oneOf<const T extends string>(...choices: readonly T[]): Check<T> {
  return (value, at) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw badSetting(at, `must be ${listed(choices)}, not ${say(value)}`);
    return found;
  };
}

export function listOf<T>(check: Check<T>): Check<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw badSetting(at, `must be an array, not ${say(value)}`);
    return value.map((item, i) => check(item, `${at}[${i}]`));
  };
}

/** One value or an array of them. */
export function oneOrMore<T>(check: Check<T>): Check<T[]> {
  const list = listOf(check);
  return (value, at) => (Array.isArray(value) ? list(value, at) : [check(value, at)]);
}

export function mapOf<T>(check: Check<T>): Check<Record<string, T>> {
  return (value, at) => {
    const result: Record<string, T> = Object.create(null);
    for (const [key, item] of Object.entries(table(value, at))) result[key] = check(item, join(at, key));
    return result;
  };
}

/** A table with these keys and no other. */
export function tableOf<T>(checks: { readonly [K in keyof T]: Check<T[K]> }): Check<Partial<T>> {
  return (value, at) => {
    const result: Partial<T> = {};
    for (const [key, item] of Object.entries(table(value, at))) {
      if (!Object.hasOwn(checks, key)) throw unknownKey(join(at, key), key, Object.keys(checks));
      const check = checks[key as keyof T];
      result[key as keyof T] = check(item, join(at, key));
    }
    return result;
  };
}

export const table: Check<Record<string, unknown>> = (value, at) => {
  if (
    typeof value !== "object" ||
    value === null ||
    Array.isArray(value) ||
    Object.getPrototypeOf(value) !== Object.prototype
  ) {
    throw badSetting(at, `must be a table, not ${say(value)}`);
  }
  return value as Record<string, unknown>;
};

export function unknownKey(at: string, key: string, known: readonly string[]): Failure {
  const near = nearest(key, known);
  return badSetting(at, "is not a setting", near === undefined ? undefined : `Did you mean \`${near}\`?`);
}

export function join(at: string, key: string): string {
  return `${at}.${/^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key)}`;
}

/** `a, b or c` */
export function listed(choices: readonly string[]): string {
  const quoted = choices.map((choice) => `"${choice}"`);
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

/** How a message names a value: short, and without its content where that may be long. */
export function say(value: unknown): string {
  if (typeof value === "string")
    return value.length > 60 ? `"${value.slice(0, 57)}…"` : JSON.stringify(value);
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "a table";
  return String(value);
}

/** The known word within two edits (or a third of the length) of what was written. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  if (word.length > 100) return undefined;
  for (const candidate of known) {
    const distance = editDistance(word, candidate, least);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? limit;
}
