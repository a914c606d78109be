/** Dependency specifiers: a project, extras, versions or a URL, and a marker (PEP 508). */
import { formatMarker, type Marker, readMarker } from "./markers.ts";
import { normalizeExtra, normalizeName } from "./names.ts";
import {
  formatSpecifierSet,
  SPECIFIER_PATTERN,
  type SpecifierSet,
  tryParseSpecifierSet,
} from "./specifiers.ts";
import {
  atEnd,
  openCursor,
  skipWhite,
  syntaxFailure,
  type TokenCursor,
  take,
  takeCharacter,
} from "./token-cursor.ts";

export interface Requirement {
  /** As written. */
  readonly name: string;
  readonly normalized: string;
  /** Normalised, sorted, each once. */
  readonly extras: readonly string[];
  /** Empty when any version will do, and when there is a URL. */
  readonly specifier: SpecifierSet;
  /** As written after the `@`. */
  readonly url?: string;
  readonly marker?: Marker;
  /** The whole requirement as written. */
  readonly text: string;
}

const IDENTIFIER = /\b[a-zA-Z0-9](?:[a-zA-Z0-9._-]*[a-zA-Z0-9])?\b/y;
const URL_TEXT = /[^ \t]+/y;
const SPECIFIER = new RegExp(SPECIFIER_PATTERN, "iy");
const WILDCARD_TRAIL = /\.\*/y;
const LOCAL_TRAIL = /\+[a-z0-9]+(?:[-_.][a-z0-9]+)*/y;

/** Reads one requirement. Failure: DXPY_BAD_REQUIREMENT, the place marked in `context.detail`. */
export function parseRequirement(text: string, options: { where?: string } = {}): Requirement {
  const cursor = openCursor(text, "DXPY_BAD_REQUIREMENT", options.where);
  skipWhite(cursor);
  const name = take(cursor, IDENTIFIER);
  if (name === undefined) throw syntaxFailure(cursor, "a package name is expected at the start");
  skipWhite(cursor);
  const extras = readExtras(cursor);
  skipWhite(cursor);
  const url = takeCharacter(cursor, "@") ? readUrl(cursor) : undefined;
  const specifier = url === undefined ? readSpecifiers(cursor) : NO_SPECIFIERS;
  const marker = readMarkerPart(cursor, url, specifier.specifiers.length > 0);
  return {
    name,
    normalized: normalizeName(name),
    extras,
    specifier,
    ...(url === undefined ? undefined : { url }),
    ...(marker === undefined ? undefined : { marker }),
    text,
  };
}

const NO_SPECIFIERS: SpecifierSet = { specifiers: [], text: "" };
const NO_EXTRAS: readonly string[] = [];

function readExtras(cursor: TokenCursor): readonly string[] {
  const open = cursor.at;
  if (!takeCharacter(cursor, "[")) return NO_EXTRAS;
  skipWhite(cursor);
  const extras: string[] = [];
  for (let extra = take(cursor, IDENTIFIER); extra !== undefined; ) {
    extras.push(normalizeExtra(extra));
    skipWhite(cursor);
    if (!takeCharacter(cursor, ",")) break;
    skipWhite(cursor);
    extra = take(cursor, IDENTIFIER);
    if (extra === undefined) throw syntaxFailure(cursor, "an extra is expected after the comma");
  }
  if (!takeCharacter(cursor, "]")) {
    const more = take(cursor, IDENTIFIER) !== undefined;
    throw syntaxFailure(
      cursor,
      more ? "a comma is expected between extras" : "the bracket around the extras is not closed",
      open,
    );
  }
  return [...new Set(extras)].sort();
}

function readUrl(cursor: TokenCursor): string {
  skipWhite(cursor);
  const start = cursor.at;
  const url = take(cursor, URL_TEXT);
  if (url === undefined) throw syntaxFailure(cursor, "a URL is expected after `@`");
  // Without white space the semicolon would be a part of the URL (PEP 508).
  if (!atEnd(cursor) && !skipWhite(cursor)) throw syntaxFailure(cursor, "white space ends a URL", start);
  return url;
}

function readSpecifiers(cursor: TokenCursor): SpecifierSet {
  const open = cursor.at;
  const parenthesis = takeCharacter(cursor, "(");
  skipWhite(cursor);
  const first = cursor.at;
  let last = first;
  for (let start = cursor.at; take(cursor, SPECIFIER) !== undefined; start = cursor.at) {
    last = cursor.at;
    refuseTrail(cursor, start);
    skipWhite(cursor);
    if (!takeCharacter(cursor, ",")) break;
    skipWhite(cursor);
  }
  if (parenthesis) {
    skipWhite(cursor);
    if (!takeCharacter(cursor, ")")) {
      throw syntaxFailure(cursor, "the parenthesis around the versions is not closed", open);
    }
  }
  skipWhite(cursor);
  if (last === first) return NO_SPECIFIERS;
  const set = tryParseSpecifierSet(cursor.source.slice(first, last));
  if (set === undefined) throw syntaxFailure(cursor, "these are no version specifiers", first);
  return set;
}

function refuseTrail(cursor: TokenCursor, start: number): void {
  const operator = cursor.source.slice(start, start + 3);
  if (take(cursor, WILDCARD_TRAIL) !== undefined) {
    const equality = operator.startsWith("!=") || (operator.startsWith("==") && operator !== "===");
    throw syntaxFailure(
      cursor,
      equality
        ? "`.*` cannot follow a pre-release, post-release, development or local version"
        : "`.*` goes with `==` and `!=` only",
      start,
    );
  }
  if (take(cursor, LOCAL_TRAIL) !== undefined) {
    throw syntaxFailure(cursor, "a local version goes with `==` and `!=` only", start);
  }
}

function readMarkerPart(
  cursor: TokenCursor,
  url: string | undefined,
  hasSpecifiers: boolean,
): Marker | undefined {
  if (atEnd(cursor)) return undefined;
  if (!takeCharacter(cursor, ";")) {
    const expected = url !== undefined || !hasSpecifiers ? "a semicolon" : "a comma, a semicolon";
    throw syntaxFailure(cursor, `${expected} or the end is expected here`);
  }
  const marker = readMarker(cursor);
  skipWhite(cursor);
  if (!atEnd(cursor)) throw syntaxFailure(cursor, "`and`, `or` or the end is expected here");
  return marker;
}

/** `name[a,b]<2,>=1; marker` or `name[a] @ url ; marker`, with the name as written. */
export function formatRequirement(requirement: Requirement): string {
  const { name, extras, specifier, url, marker } = requirement;
  let text = extras.length === 0 ? name : `${name}[${extras.join(",")}]`;
  if (url !== undefined) text += ` @ ${url}`;
  else if (specifier.specifiers.length > 0) text += formatSpecifierSet(specifier);
  if (marker === undefined) return text;
  return `${text}${url === undefined ? "" : " "}; ${formatMarker(marker)}`;
}
