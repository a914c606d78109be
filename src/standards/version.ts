/** A version and the total order of versions (PEP 440, "Public version identifiers" and "Local version identifiers"). */
import { Failure } from "../platform/errors.ts";
import { quote } from "./caret.ts";
import { PYTHON_SPACE } from "./python-space.ts";

export type PrereleaseLetter = "a" | "b" | "rc";

/** The segments of a version; `N` is the type of its numbers. */
export interface VersionParts<N> {
  readonly epoch: N;
  /** At least one number, trailing zeros as written. */
  readonly release: readonly N[];
  readonly pre?: readonly [PrereleaseLetter, N] | undefined;
  readonly post?: N | undefined;
  readonly dev?: N | undefined;
  /** Words in lower case, numbers as numbers. */
  readonly local?: readonly (string | N)[] | undefined;
}

export interface Version extends VersionParts<number> {
  /** The normal form, `1!2.0rc1.post2.dev3+local.1`, trailing zeros of the release as written. */
  readonly text: string;
  /** Never decreasing in the order of versions: where two differ, they decide the comparison. */
  readonly order: number;
  /** The exact segments of a version with a number above 2^53 − 1; its own segments hold 2^53 − 1 in that place. */
  readonly exact?: VersionParts<number | bigint> | undefined;
}

/** Longer texts are refused: no file name can carry them, and the cost of big numbers grows with their length. */
const MAX_LENGTH = 1024;

const FULL = new RegExp(
  `^[${PYTHON_SPACE}]*v?(?:([0-9]+)!)?([0-9]+(?:\\.[0-9]+)*)` +
    "(?:[._-]?(alpha|a|beta|b|preview|pre|c|rc)[._-]?([0-9]*))?" +
    "(?:-([0-9]+)|[._-]?(post|rev|r)[._-]?([0-9]*))?" +
    "(?:[._-]?(dev)[._-]?([0-9]*))?" +
    `(?:\\+([a-z0-9]+(?:[._-][a-z0-9]+)*))?[${PYTHON_SPACE}]*$`,
  "i",
);

const LETTERS: Record<string, PrereleaseLetter> = {
  a: "a",
  alpha: "a",
  b: "b",
  beta: "b",
  c: "rc",
  rc: "rc",
  pre: "rc",
  preview: "rc",
};

/** Reads any spelling that PEP 440 normalises. Failure: DXPY_BAD_VERSION. */
export function parseVersion(text: string): Version {
  const version = tryParseVersion(text);
  if (version !== undefined) return version;
  throw new Failure("DXPY_BAD_VERSION", `${quote(text)} is not a version`, {
    hint: "A version is written like `1.2.3`, `2.0rc1` or `1.0.post1` (PEP 440).",
    exitCode: 2,
  });
}

/** As `parseVersion`, with `undefined` for what is not a version. */
export function tryParseVersion(text: string): Version | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  return parsePlainRelease(text) ?? parseAnySpelling(text);
}

/** The common case, digits and dots in normal form, without a regular expression. */
function parsePlainRelease(text: string): Version | undefined {
  const release: number[] = [];
  let value = 0;
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (digits === 0) return undefined;
      release.push(value);
      value = 0;
      digits = 0;
    } else {
      if (code < 0x30 || code > 0x39 || digits === 15) return undefined;
      if (digits === 1 && value === 0) return undefined;
      value = value * 10 + (code - 0x30);
      digits++;
    }
  }
  if (digits === 0) return undefined;
  release.push(value);
  return version(0, release, undefined, undefined, undefined, undefined, text, undefined);
}

function parseAnySpelling(text: string): Version | undefined {
  const match = FULL.exec(text);
  if (match === null) return undefined;
  const letter = match[3];
  const postLetter = match[6];
  const parts: VersionParts<number | bigint> = {
    epoch: readNumber(match[1]),
    release: match[2]!.split(".").map(readNumber),
    pre: letter === undefined ? undefined : [LETTERS[letter.toLowerCase()]!, readNumber(match[4])],
    post:
      match[5] !== undefined
        ? readNumber(match[5])
        : postLetter === undefined
          ? undefined
          : readNumber(match[7]),
    dev: match[8] === undefined ? undefined : readNumber(match[9]),
    local: match[10] === undefined ? undefined : match[10].split(/[._-]/).map(readLocal),
  };
  return versionFromParts(parts);
}

/** A number is a bigint only where a double cannot hold it, so that `===` and `<` work on any two of them. */
function readNumber(digits: string | undefined): number | bigint {
  if (digits === undefined || digits === "") return 0;
  const value = Number(digits);
  return value <= Number.MAX_SAFE_INTEGER ? value : BigInt(digits);
}

function readLocal(part: string): string | number | bigint {
  return /^[0-9]+$/.test(part) ? readNumber(part) : part.toLowerCase();
}

/** The version with these segments. The caller vouches for their ranges: whole, not negative, a release of one or more. */
export function versionFromParts(parts: VersionParts<number | bigint>): Version {
  const { epoch, release, pre, post, dev, local } = parts;
  let text = epoch === 0 ? release.join(".") : `${epoch}!${release.join(".")}`;
  if (pre !== undefined) text += pre[0] + pre[1];
  if (post !== undefined) text += `.post${post}`;
  if (dev !== undefined) text += `.dev${dev}`;
  if (local !== undefined) text += `+${local.join(".")}`;
  const exact = hasBigNumber(parts) ? parts : undefined;
  return version(
    clamp(epoch),
    release.map(clamp),
    pre === undefined ? undefined : [pre[0], clamp(pre[1])],
    post === undefined ? undefined : clamp(post),
    dev === undefined ? undefined : clamp(dev),
    local?.map((part) => (typeof part === "string" ? part : clamp(part))),
    text,
    exact,
  );
}

/** The one place that makes the object, so that every version has the same shape. */
function version(
  epoch: number,
  release: readonly number[],
  pre: readonly [PrereleaseLetter, number] | undefined,
  post: number | undefined,
  dev: number | undefined,
  local: readonly (string | number)[] | undefined,
  text: string,
  exact: VersionParts<number | bigint> | undefined,
): Version {
  return { epoch, release, pre, post, dev, local, text, order: orderOf(epoch, release), exact };
}

function hasBigNumber(parts: VersionParts<number | bigint>): boolean {
  const big = (value: unknown) => typeof value === "bigint";
  return (
    big(parts.epoch) ||
    parts.release.some(big) ||
    big(parts.pre?.[1]) ||
    big(parts.post) ||
    big(parts.dev) ||
    (parts.local?.some(big) ?? false)
  );
}

function clamp(value: number | bigint): number {
  return typeof value === "bigint" ? Number.MAX_SAFE_INTEGER : value;
}

/** Three 16-bit fields, each saturating together with those after it, which keeps the function from ever decreasing. */
function orderOf(epoch: number, release: readonly number[]): number {
  if (epoch !== 0) return 2 ** 48;
  const major = release[0]!;
  if (major >= 0xffff) return 2 ** 48 - 1;
  const minor = release.length > 1 ? release[1]! : 0;
  if (minor >= 0xffff) return (major + 1) * 2 ** 32 - 1;
  const patch = release.length > 2 ? release[2]! : 0;
  return major * 2 ** 32 + minor * 2 ** 16 + (patch >= 0xffff ? 0xffff : patch);
}

/** Negative, zero or positive, in PEP 440's order; `1.0` and `1` are equal. Allocates nothing. */
export function compareVersions(a: Version, b: Version): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  return comparePublicParts(a, b) || compareLocal((a.exact ?? a).local, (b.exact ?? b).local);
}

/** As `compareVersions`, with the local segments of both set aside. */
export function comparePublic(a: Version, b: Version): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  return comparePublicParts(a, b);
}

/** Compares epoch and release only, missing numbers counting as zero. */
export function compareRelease(a: Version, b: Version): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  return compareReleaseParts(a.exact ?? a, b.exact ?? b);
}

function compareReleaseParts(a: VersionParts<number | bigint>, b: VersionParts<number | bigint>): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  const longest = a.release.length > b.release.length ? a.release.length : b.release.length;
  for (let i = 0; i < longest; i++) {
    const x = i < a.release.length ? a.release[i]! : 0;
    const y = i < b.release.length ? b.release[i]! : 0;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

function comparePublicParts(left: Version, right: Version): number {
  const a: VersionParts<number | bigint> = left.exact ?? left;
  const b: VersionParts<number | bigint> = right.exact ?? right;
  const release = compareReleaseParts(a, b);
  if (release !== 0) return release;
  const rank = preRank(a) - preRank(b);
  if (rank !== 0) return rank;
  return (
    compareNumber(a.pre?.[1] ?? 0, b.pre?.[1] ?? 0) ||
    // Without a post segment sorts before post 0, without a dev segment after every dev.
    compareNumber(a.post ?? -1, b.post ?? -1) ||
    compareNumber(a.dev ?? Infinity, b.dev ?? Infinity)
  );
}

/** `1.0.dev1` sorts before `1.0a1`, which sorts before `1.0`. */
function preRank(parts: VersionParts<number | bigint>): number {
  if (parts.pre !== undefined) return parts.pre[0] === "a" ? 0 : parts.pre[0] === "b" ? 1 : 2;
  return parts.dev !== undefined && parts.post === undefined ? -1 : 3;
}

function compareNumber(a: number | bigint, b: number | bigint): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** No local segment sorts before any; words before numbers; the shorter of two with a common start first. */
function compareLocal(
  a: readonly (string | number | bigint)[] | undefined,
  b: readonly (string | number | bigint)[] | undefined,
): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  for (let i = 0; i < a.length && i < b.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x === y) continue;
    if (typeof x === "string") return typeof y !== "string" || x < y ? -1 : 1;
    return typeof y === "string" || x > y ? 1 : -1;
  }
  return a.length - b.length;
}

/** PEP 440, "Pre-releases": with an a, b, rc or dev segment. */
export function isPrerelease(v: Version): boolean {
  return v.pre !== undefined || v.dev !== undefined;
}

/** The version without its local segment. */
export function publicVersion(v: Version): Version {
  return v.local === undefined ? v : versionFromParts({ ...(v.exact ?? v), local: undefined });
}

/** The normal form (PEP 440, "Normalization"). */
export function formatVersion(v: Version): string {
  return v.text;
}

/** The release has these numbers at its start, missing ones counting as zero, and the epoch is the same. */
export function hasReleasePrefix(v: Version, prefix: Version, length: number): boolean {
  const a: VersionParts<number | bigint> = v.exact ?? v;
  const b: VersionParts<number | bigint> = prefix.exact ?? prefix;
  if (a.epoch !== b.epoch) return false;
  for (let i = 0; i < length; i++) {
    const x = i < a.release.length ? a.release[i]! : 0;
    if (x !== b.release[i]!) return false;
  }
  return true;
}

/** One more, exact beyond 2^53. */
export function nextNumber(value: number | bigint): number | bigint {
  return value === Number.MAX_SAFE_INTEGER || typeof value === "bigint" ? BigInt(value) + 1n : value + 1;
}
