/** A place in a text that is being parsed, and how the parser of requirements and markers moves on and complains. */
import { Failure } from "../platform/errors.ts";
import { caretDetail, quote } from "./caret.ts";

export interface TokenCursor {
  readonly source: string;
  /** UTF-16 offset of the next token. */
  at: number;
  /** The code of the Failure that a syntax error becomes. */
  readonly code: "DXPY_BAD_REQUIREMENT" | "DXPY_BAD_MARKER";
  /** Where the text was found (`project.dependencies[3]`), for messages. */
  readonly where: string | undefined;
}

/** Longer texts are refused before anything is parsed. */
const MAX_LENGTH = 65_536;

export function openCursor(
  source: string,
  code: TokenCursor["code"],
  where: string | undefined,
): TokenCursor {
  const cursor = { source, at: 0, code, where };
  if (source.length > MAX_LENGTH) throw syntaxFailure(cursor, `longer than ${MAX_LENGTH} characters`);
  return cursor;
}

const WHITE = /[ \t]+/y;

/** Moves past spaces and tabs; false when there are none. */
export function skipWhite(cursor: TokenCursor): boolean {
  const code = cursor.source.charCodeAt(cursor.at);
  if (code !== 0x20 && code !== 0x09) return false;
  return take(cursor, WHITE) !== undefined;
}

/** Moves past what the sticky pattern matches here and returns it. */
export function take(cursor: TokenCursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.source);
  if (match === null) return undefined;
  cursor.at += match[0].length;
  return match[0];
}

/** Moves past the character when it is the next one. */
export function takeCharacter(cursor: TokenCursor, character: string): boolean {
  if (cursor.source[cursor.at] !== character) return false;
  cursor.at++;
  return true;
}

export function atEnd(cursor: TokenCursor): boolean {
  return cursor.at >= cursor.source.length;
}

/** The Failure for a text that cannot be read on at the cursor: `message` continues "`text` cannot be read: ". */
export function syntaxFailure(cursor: TokenCursor, message: string, start = cursor.at): Failure {
  const what = cursor.code === "DXPY_BAD_MARKER" ? "environment marker" : "requirement";
  const place = cursor.where === undefined ? "" : `${cursor.where}: `;
  return new Failure(cursor.code, `${place}${quote(cursor.source)} is not a valid ${what}: ${message}`, {
    context: {
      detail: caretDetail(cursor.source, start, cursor.at),
      column: [...cursor.source.slice(0, cursor.at)].length + 1,
    },
    hint:
      cursor.code === "DXPY_BAD_MARKER"
        ? 'Markers are written like `python_version >= "3.9" and sys_platform == "linux"`.'
        : 'Requirements are written like `name[extra]>=1.2,<2; python_version >= "3.9"`.',
    exitCode: 2,
  });
}
