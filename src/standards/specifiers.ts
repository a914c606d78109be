/** Version specifiers and their sets (PEP 440, "Version specifiers"), with the semantics of `packaging`'s `SpecifierSet`. */
import { Failure } from "../platform/errors.ts";
import { caretDetail, quote } from "./caret.ts";
import { PYTHON_SPACE, stripPythonSpace } from "./python-space.ts";
import {
  comparePublic,
  compareRelease,
  compareVersions,
  hasReleasePrefix,
  isPrerelease,
  nextNumber,
  tryParseVersion,
  type Version,
  type VersionParts,
  versionFromParts,
} from "./version.ts";

export type SpecifierOperator = "==" | "!=" | "<=" | ">=" | "<" | ">" | "~=" | "===";

export interface Specifier {
  readonly operator: SpecifierOperator;
  /** As written, without surrounding white space; ends with `.*` when `wildcard`. */
  readonly version: string;
  readonly wildcard: boolean;
  /** The version, without the `.*`; absent only when `===` is followed by something that is no version. */
  readonly parsed?: Version | undefined;
  /** What `<` and `>` really compare with; see `strictBound`. */
  readonly bound?: Version | undefined;
}

export interface SpecifierSet {
  /** In the order written. Empty: every version. */
  readonly specifiers: readonly Specifier[];
  /** As written, without surrounding white space. */
  readonly text: string;
}

const S = `[${PYTHON_SPACE}]*`;
const RELEASE_START = `${S}v?(?:[0-9]+!)?[0-9]+`;
const SUFFIX =
  "(?:[-_.]?(?:alpha|beta|preview|pre|a|b|c|rc)[-_.]?[0-9]*)?" +
  "(?:-[0-9]+|[-_.]?(?:post|rev|r)[-_.]?[0-9]*)?" +
  "(?:[-_.]?dev[-_.]?[0-9]*)?";

/** One specifier, unanchored: the text of a regular expression to be used without regard to case. */
export const SPECIFIER_PATTERN =
  `(?:===${S}[^${PYTHON_SPACE};)]*` +
  `|(?:==|!=)${RELEASE_START}(?:\\.[0-9]+)*(?:\\.\\*|${SUFFIX}(?:\\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?)` +
  `|~=${RELEASE_START}(?:\\.[0-9]+)+${SUFFIX}` +
  `|(?:<=|>=|<|>)${RELEASE_START}(?:\\.[0-9]+)*${SUFFIX})`;

const WHOLE = new RegExp(`^${SPECIFIER_PATTERN}$`, "i");

/** Reads `>=1.0, !=1.3.*, <2`. Failure: DXPY_BAD_SPECIFIER, the place marked in `context.detail`. */
export function parseSpecifierSet(text: string): SpecifierSet {
  const set = readSpecifierSet(text);
  if (!("bad" in set)) return set;
  throw new Failure("DXPY_BAD_SPECIFIER", `${quote(set.bad)} is not a version specifier`, {
    context: { detail: caretDetail(text, set.at, set.at + set.bad.length) },
    hint: "Specifiers are written like `>=1.2,<2` (PEP 440).",
    exitCode: 2,
  });
}

/** As `parseSpecifierSet`, with `undefined` for what is not a set of specifiers. */
export function tryParseSpecifierSet(text: string): SpecifierSet | undefined {
  const set = readSpecifierSet(text);
  return "bad" in set ? undefined : set;
}

/** Longer texts are refused before they are read. */
const MAX_LENGTH = 65_536;

function readSpecifierSet(text: string): SpecifierSet | { bad: string; at: number } {
  if (text.length > MAX_LENGTH) return { bad: text.slice(0, 20), at: 0 };
  const specifiers: Specifier[] = [];
  for (let start = 0; start <= text.length; ) {
    const comma = text.indexOf(",", start);
    const end = comma === -1 ? text.length : comma;
    const part = stripPythonSpace(text.slice(start, end));
    if (part !== "") {
      const specifier = readSpecifier(part);
      if (specifier === undefined) return { bad: part, at: text.indexOf(part, start) };
      specifiers.push(specifier);
    }
    start = end + 1;
  }
  return { specifiers, text: stripPythonSpace(text) };
}

/** One specifier without surrounding white space; `undefined` when it is none. */
export function readSpecifier(text: string): Specifier | undefined {
  if (!WHOLE.test(text)) return undefined;
  const length = text.startsWith("===") ? 3 : text.charCodeAt(1) === 0x3d ? 2 : 1;
  const operator = text.slice(0, length) as SpecifierOperator;
  const version = stripPythonSpace(text.slice(length));
  const wildcard = operator !== "===" && version.endsWith(".*");
  const parsed = tryParseVersion(wildcard ? version.slice(0, -2) : version);
  if (parsed === undefined && operator !== "===") return undefined;
  return { operator, version, wildcard, parsed, bound: strictBound(operator, parsed) };
}

/**
 * `<V` leaves out the pre-releases of V, and `>V` leaves out its post-releases and local versions (PEP 440,
 * "Exclusive ordered comparison"): `<V` means below `V.dev0` unless V is itself a pre-release; `>V.dev1` means
 * `V.dev2` and above; `>V.post1` means `V.post2.dev0` and above; for any other `>V` there is no such version.
 */
function strictBound(operator: SpecifierOperator, v: Version | undefined): Version | undefined {
  if (v === undefined) return undefined;
  const parts: VersionParts<number | bigint> = v.exact ?? v;
  if (operator === "<") return isPrerelease(v) ? v : versionFromParts({ ...parts, dev: 0, local: undefined });
  if (operator !== ">") return undefined;
  if (parts.dev !== undefined)
    return versionFromParts({ ...parts, dev: nextNumber(parts.dev), local: undefined });
  if (parts.post !== undefined) {
    return versionFromParts({ ...parts, post: nextNumber(parts.post), dev: 0, local: undefined });
  }
  return undefined;
}

/**
 * Whether the specifier admits the version, pre-releases included. `===` compares text without regard to case: with the
 * normal form of a `Version`, or with a string as it is; other operators refuse a string that is not a version.
 */
export function specifierContains(specifier: Specifier, version: Version | string): boolean {
  if (specifier.operator === "===") {
    const text = typeof version === "string" ? version : version.text;
    return text.toLowerCase() === specifier.version.toLowerCase();
  }
  const v = typeof version === "string" ? tryParseVersion(version) : version;
  const spec = specifier.parsed;
  if (v === undefined || spec === undefined) return false;
  switch (specifier.operator) {
    case ">=":
      return compareVersions(v, spec) >= 0;
    case "<=":
      return comparePublic(v, spec) <= 0;
    case "==":
      return isEqual(specifier, spec, v);
    case "!=":
      return !isEqual(specifier, spec, v);
    case "<":
      return compareVersions(v, specifier.bound!) < 0;
    case ">":
      if (specifier.bound !== undefined) return compareVersions(v, specifier.bound) >= 0;
      return compareVersions(v, spec) > 0 && !isPostOrLocalOf(v, spec);
    case "~=":
      return compareVersions(v, spec) >= 0 && hasReleasePrefix(v, spec, spec.release.length - 1);
  }
}

function isEqual(specifier: Specifier, spec: Version, v: Version): boolean {
  if (specifier.wildcard) return hasReleasePrefix(v, spec, spec.release.length);
  return spec.local === undefined ? comparePublic(v, spec) === 0 : compareVersions(v, spec) === 0;
}

/** `v`, known to be above `spec`, has its release and pre-release segments. */
function isPostOrLocalOf(v: Version, spec: Version): boolean {
  const a: VersionParts<number | bigint> = v.exact ?? v;
  const b: VersionParts<number | bigint> = spec.exact ?? spec;
  return a.pre?.[0] === b.pre?.[0] && a.pre?.[1] === b.pre?.[1] && compareRelease(v, spec) === 0;
}

/**
 * Whether every specifier admits the version. `prereleases: false` refuses pre-releases whatever the specifiers say;
 * otherwise one is admitted, as `packaging` does for a single version: there is no final release to prefer to it.
 */
export function setContains(
  set: SpecifierSet,
  version: Version | string,
  options: { prereleases?: boolean } = {},
): boolean {
  if (options.prereleases === false) {
    const v = typeof version === "string" ? tryParseVersion(version) : version;
    if (v !== undefined && isPrerelease(v)) return false;
  }
  for (const specifier of set.specifiers) if (!specifierContains(specifier, version)) return false;
  return true;
}

/** Whether a specifier names a pre-release and so asks for them: any operator but `!=`. */
export function setAdmitsPrereleases(set: SpecifierSet): boolean {
  return set.specifiers.some(
    ({ operator, parsed }) => operator !== "!=" && parsed !== undefined && isPrerelease(parsed),
  );
}

export function formatSpecifier(specifier: Specifier): string {
  return specifier.operator + specifier.version;
}

/** The specifiers without white space, sorted by text, each once: `!=1.3.*,<2,>=1.0`. */
export function formatSpecifierSet(set: SpecifierSet): string {
  if (set.specifiers.length === 1) return formatSpecifier(set.specifiers[0]!);
  return [...new Set(set.specifiers.map(formatSpecifier))].sort().join(",");
}
