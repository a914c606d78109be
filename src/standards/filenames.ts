/** The file names of wheels and sdists (PEP 427, PEP 491; PEP 625 and the spellings from before it). */
import { Failure } from "../platform/errors.ts";
import { quote } from "./caret.ts";
import { normalizeName } from "./names.ts";
import { tryExpandTagSet } from "./tags.ts";
import { tryParseVersion, type Version } from "./version.ts";

export interface WheelFilename {
  /** Normalised. */
  readonly name: string;
  readonly version: Version;
  /** The build number (2^53 − 1 at most) and what follows it; of two wheels alike in all else, the higher is preferred. */
  readonly build?: readonly [number, string];
  /** Expanded: every combination of `python`, `abi` and `platform`. */
  readonly tags: readonly string[];
  readonly python: readonly string[];
  readonly abi: readonly string[];
  readonly platform: readonly string[];
}

export interface SdistFilename {
  /** Normalised. */
  readonly name: string;
  readonly version: Version;
  /** With its dot. */
  readonly extension: string;
}

const MAX_LENGTH = 1024;
const PLAIN_NAME = /^[A-Za-z0-9_.]+$/;
const BUILD = /^([0-9]+)(.*)$/;
const CONTROL = /[\x00-\x1f\x7f]/;

/** Unicode's tables take half a millisecond to build: only for what is beyond ASCII. */
let wideName: RegExp | undefined;

function isWheelName(text: string): boolean {
  if (PLAIN_NAME.test(text)) return true;
  wideName ??= /^[\p{L}\p{N}_.]+$/u;
  return wideName.test(text);
}

/** Failure: DXPY_BAD_FILENAME. */
export function parseWheelFilename(filename: string): WheelFilename {
  const parsed = readWheelFilename(filename);
  if (typeof parsed !== "string") return parsed;
  throw badFilename(
    "wheel",
    filename,
    parsed,
    "A wheel is named like `name-1.0-py3-none-any.whl` (PEP 427).",
  );
}

/** As `parseWheelFilename`, with `undefined` for any other name. */
export function tryParseWheelFilename(filename: string): WheelFilename | undefined {
  const parsed = readWheelFilename(filename);
  return typeof parsed === "string" ? undefined : parsed;
}

/** The parsed name, or what is wrong with it. */
function readWheelFilename(filename: string): WheelFilename | string {
  if (filename.length > MAX_LENGTH) return "it is too long";
  if (CONTROL.test(filename)) return "it has a control character";
  if (!filename.endsWith(".whl")) return "it does not end with `.whl`";
  const parts = filename.slice(0, -4).split("-");
  if (parts.length !== 5 && parts.length !== 6) return "it has not five or six parts between dashes";
  const name = parts[0]!;
  if (name.includes("__") || !isWheelName(name)) return "its first part is not the name of a project";
  const version = tryParseVersion(parts[1]!);
  if (version === undefined) return `${quote(parts[1]!)} is not a version`;
  const [python, abi, platform] = parts.slice(-3) as [string, string, string];
  const tags = tryExpandTagSet(`${python}-${abi}-${platform}`);
  if (tags === undefined) return "its last three parts are not a compatibility tag";
  const base = {
    name: normalizeName(name),
    version,
    tags,
    python: python.toLowerCase().split("."),
    abi: abi.toLowerCase().split("."),
    platform: platform.toLowerCase().split("."),
  };
  if (parts.length === 5) return base;
  const build = BUILD.exec(parts[2]!);
  if (build === null) return `its build number ${quote(parts[2]!)} does not start with a digit`;
  return { ...base, build: [Math.min(Number(build[1]), Number.MAX_SAFE_INTEGER), build[2]!] };
}

/** PEP 625 knows `.tar.gz` only; the others are what indexes have served. */
const SDIST_EXTENSIONS = [".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz"];

/**
 * Reads the name of an sdist. Names and versions from before PEP 625 may hold dashes: with `expectedName`, the name of the
 * project on whose page the file is, the dash is found that ends this name. Failure: DXPY_BAD_FILENAME.
 */
export function parseSdistFilename(filename: string, expectedName?: string): SdistFilename {
  const parsed = readSdistFilename(filename, expectedName);
  if (typeof parsed !== "string") return parsed;
  throw badFilename("sdist", filename, parsed, "An sdist is named like `name-1.0.tar.gz` (PEP 625).");
}

/** As `parseSdistFilename`, with `undefined` for any other name. */
export function tryParseSdistFilename(filename: string, expectedName?: string): SdistFilename | undefined {
  const parsed = readSdistFilename(filename, expectedName);
  return typeof parsed === "string" ? undefined : parsed;
}

function readSdistFilename(filename: string, expectedName: string | undefined): SdistFilename | string {
  if (filename.length > MAX_LENGTH) return "it is too long";
  if (CONTROL.test(filename)) return "it has a control character";
  const extension = SDIST_EXTENSIONS.find((one) => filename.endsWith(one));
  if (extension === undefined) return "it does not end like an sdist";
  const stem = filename.slice(0, -extension.length);
  if (expectedName !== undefined) {
    const expected = normalizeName(expectedName);
    for (let dash = stem.indexOf("-"); dash !== -1; dash = stem.indexOf("-", dash + 1)) {
      if (normalizeName(stem.slice(0, dash)) !== expected) continue;
      const version = tryParseVersion(stem.slice(dash + 1));
      if (version !== undefined) return { name: expected, version, extension };
    }
    return `it is not ${quote(expectedName)} followed by a dash and a version`;
  }
  const dash = stem.lastIndexOf("-");
  if (dash <= 0) return "no dash separates name and version";
  const version = tryParseVersion(stem.slice(dash + 1));
  if (version === undefined) return `${quote(stem.slice(dash + 1))} is not a version`;
  return { name: normalizeName(stem.slice(0, dash)), version, extension };
}

function badFilename(kind: string, filename: string, reason: string, hint: string): Failure {
  return new Failure("DXPY_BAD_FILENAME", `${quote(filename)} is not the name of a ${kind}: ${reason}`, {
    context: { file: filename },
    hint,
    exitCode: 2,
  });
}
