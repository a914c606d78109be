/** Reading typed values out of a parsed TOML document; what does not fit is a Failure that names the key path. */
import { Failure } from "../platform/errors.ts";

export type TomlTable = Readonly<Record<string, unknown>>;

/** What is being read: the failure's code, and the file or table that messages begin with. */
export interface TomlSubject {
  readonly code: `DXPY_${string}`;
  readonly subject: string;
}

/** `project.dependencies[3]: a string is expected`. */
export function shapeFailure(subject: TomlSubject, path: string, message: string, hint?: string): Failure {
  return new Failure(subject.code, `${path === "" ? subject.subject : path}: ${message}`, {
    ...(hint === undefined ? undefined : { hint }),
    context: { file: subject.subject },
    exitCode: 2,
  });
}

/** `a.b`, quoted where TOML would: `tool."x.y"`. */
export function keyPath(parent: string, key: string): string {
  const shown = /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key.slice(0, 100));
  return parent === "" ? shown : `${parent}.${shown}`;
}

export function isTable(value: unknown): value is TomlTable {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  // Dates and times come out of parsers as objects of classes.
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The value of an own key; what a document may not inherit, such as `constructor`, is absent. */
export function own(table: TomlTable, key: string): unknown {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

export function asTable(subject: TomlSubject, value: unknown, path: string): TomlTable {
  if (isTable(value)) return value;
  throw shapeFailure(subject, path, `a table is expected, not ${kindOf(value)}`);
}

export function asArray(subject: TomlSubject, value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw shapeFailure(subject, path, `an array is expected, not ${kindOf(value)}`);
}

export function asString(subject: TomlSubject, value: unknown, path: string): string {
  if (typeof value === "string") return value;
  throw shapeFailure(subject, path, `a string is expected, not ${kindOf(value)}`);
}

export function optionalTable(subject: TomlSubject, table: TomlTable, key: string, parent: string) {
  const value = own(table, key);
  return value === undefined ? undefined : asTable(subject, value, keyPath(parent, key));
}

export function optionalArray(subject: TomlSubject, table: TomlTable, key: string, parent: string) {
  const value = own(table, key);
  return value === undefined ? undefined : asArray(subject, value, keyPath(parent, key));
}

export function optionalString(
  subject: TomlSubject,
  table: TomlTable,
  key: string,
  parent: string,
): string | undefined {
  const value = own(table, key);
  return value === undefined ? undefined : asString(subject, value, keyPath(parent, key));
}

export function requiredString(subject: TomlSubject, table: TomlTable, key: string, parent: string): string {
  const value = optionalString(subject, table, key, parent);
  if (value === undefined) throw missing(subject, key, parent);
  return value;
}

export function optionalBoolean(
  subject: TomlSubject,
  table: TomlTable,
  key: string,
  parent: string,
): boolean | undefined {
  const value = own(table, key);
  if (value === undefined || typeof value === "boolean") return value;
  throw shapeFailure(subject, keyPath(parent, key), `true or false is expected, not ${kindOf(value)}`);
}

export function optionalStrings(
  subject: TomlSubject,
  table: TomlTable,
  key: string,
  parent: string,
): string[] | undefined {
  const path = keyPath(parent, key);
  return optionalArray(subject, table, key, parent)?.map((one, i) => asString(subject, one, `${path}[${i}]`));
}

export function missing(subject: TomlSubject, key: string, parent: string): Failure {
  return shapeFailure(subject, keyPath(parent, key), "the key is missing");
}

export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return "a boolean";
  if (typeof value === "number" || typeof value === "bigint") return "a number";
  if (isTable(value)) return "a table";
  return value === undefined || value === null ? "nothing" : "a date or time";
}
