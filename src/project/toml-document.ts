/** Reads TOML files that people write (`pyproject.toml`, `config.toml`): bounded, strict, with errors that point. */
import { readFileSync, statSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import type { KeyPath } from "./toml-places.ts";

export interface TomlDocument {
  /** Absolute. */
  path: string;
  text: string;
  /** Lower-case hex SHA-256 of the file's bytes. */
  sha256: string;
  /** The whole document: a table. */
  table: Readonly<Record<string, unknown>>;
}

/** Bytes; the largest real `pyproject.toml` known is under 1 MB. */
const LARGEST = 16 << 20;

/** What TOML 1.1 allows and 1.0 does not, or looks like it: newlines and trailing commas in inline tables, new escapes. */
const PERHAPS_NEWER = /\{[^}\n]*\n|,\s*\}|\\[ex]|\d\d:\d\d(?![:\d])/;

/** `undefined` when there is no such file. Errors: DXPY_BAD_TOML, DXPY_UNREADABLE. */
export async function readTomlFile(path: string): Promise<TomlDocument | undefined> {
  const read = readText(path);
  if (read === undefined) return undefined;
  return await parseToml(read.text, path, read.bytes);
}

/** A text that need not be on disk: `path` is where it is, or is to be. `bytes`: what it was decoded from. */
export async function parseToml(
  text: string,
  path: string,
  bytes: string | Uint8Array = text,
): Promise<TomlDocument> {
  let table: unknown;
  try {
    table = Bun.TOML.parse(text);
  } catch {
    throw await badToml(text, path);
  }
  if (PERHAPS_NEWER.test(text)) {
    const { tomlFault } = await import("./toml-places.ts");
    if (tomlFault(text) !== undefined) throw await badToml(text, path);
  }
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  return { path, text, sha256, table: table as Record<string, unknown> };
}

function readText(path: string): { text: string; bytes: Uint8Array } | undefined {
  try {
    const { size } = statSync(path);
    if (size > LARGEST) {
      throw new Failure("DXPY_UNREADABLE", `${path} is too large (${size} bytes)`, {
        context: { path },
        exitCode: 2,
      });
    }
    const bytes = readFileSync(path);
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), bytes };
  } catch (error) {
    if (error instanceof Failure) throw error;
    const code = (error as { code?: string }).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const what =
      error instanceof TypeError ? "is not UTF-8 text" : `cannot be read (${code ?? String(error)})`;
    throw new Failure("DXPY_UNREADABLE", `${path} ${what}`, { context: { path }, exitCode: 2, cause: error });
  }
}

async function badToml(text: string, path: string): Promise<Failure> {
  const { tomlFault } = await import("./toml-places.ts");
  const fault = tomlFault(text);
  if (fault === undefined) {
    // Bun refuses some numbers that TOML allows (integers beyond 2^53): nothing that belongs into these files.
    return new Failure("DXPY_BAD_TOML", `${path} holds a value that dx-py cannot read`, {
      context: { path },
      exitCode: 2,
    });
  }
  return new Failure("DXPY_BAD_TOML", `${path} is not valid TOML: ${lowerFirst(fault.message)}`, {
    context: {
      path,
      line: fault.line,
      column: fault.column,
      detail: quoteLine(text, fault.line, fault.column),
    },
    exitCode: 2,
  });
}

/** Adds line, column and the quoted line to a failure about the value at `at`; the failure itself when it has them. */
export async function placeFailure(failure: Failure, document: TomlDocument, at: KeyPath): Promise<Failure> {
  if (failure.context.line !== undefined) return failure;
  const { lineAndColumn, openTomlPlaces } = await import("./toml-places.ts");
  let offset: number | undefined;
  try {
    const entry = openTomlPlaces(document.text).nearest(at);
    offset = entry === undefined ? undefined : (entry.key ?? entry.value)[0];
    if (entry !== undefined && entry.path.length === at.length && typeof at.at(-1) === "number")
      offset = entry.value[0];
  } catch {
    offset = undefined;
  }
  const place = offset === undefined ? undefined : lineAndColumn(document.text, offset);
  const quoted = place === undefined ? undefined : quoteLine(document.text, place.line, place.column);
  const detail = failure.context.detail ?? quoted;
  return new Failure(failure.code, failure.message, {
    context: {
      ...failure.context,
      path: document.path,
      ...place,
      ...(detail === undefined ? {} : { detail }),
    },
    ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    cause: failure.cause,
    exitCode: failure.exitCode,
  });
}

/** `project.optional-dependencies.x[2]` as steps; quoted keys as `a."b.c"`. */
export function parseKeyPath(text: string): (string | number)[] {
  const steps: (string | number)[] = [];
  for (const match of text.matchAll(/"((?:[^"\\]|\\.)*)"|\[(\d+)\]|[^.[\]"]+/g)) {
    if (match[2] !== undefined) steps.push(Number(match[2]));
    else steps.push(match[1] ?? match[0]);
  }
  return steps;
}

/** The line with a caret under the column, as messages show it. Long lines are cut around the caret. */
export function quoteLine(text: string, line: number, column: number): string {
  const points = [...(text.split("\n")[line - 1] ?? "").replace(/\r$/, "")];
  const start = Math.max(0, column - 60);
  const shown = points
    .slice(start, start + 100)
    .join("")
    .replaceAll("\t", " ");
  const gutter = `${line} | `;
  return `${gutter}${shown}\n${" ".repeat(gutter.length + Math.max(0, column - 1 - start))}^`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
