import { Failure } from "../platform/errors.ts";
import { parseSpecifierSet, type SpecifierSet, setContains } from "../standards/specifiers.ts";
import { tryParseVersion } from "../standards/version.ts";
import type { Interpreter } from "./interpreter.ts";

/** What was asked for by `--python`, a variable or `.python-version`, understood. */
export type PythonRequest =
  | { kind: "any" }
  /** An executable, a folder that is a virtual environment or a prefix. */
  | { kind: "path"; path: string }
  | {
      kind: "version";
      /** `[3]`, `[3, 12]` or `[3, 12, 1]`; empty when only the implementation was named. */
      release: readonly number[];
      /** The whole version, where it names a pre-release: `3.14.0rc1`. */
      exact?: string;
      freeThreaded: boolean;
      debug: boolean;
    }
  | { kind: "range"; specifiers: SpecifierSet }
  /** An executable to look for on PATH. */
  | { kind: "name"; name: string };

const VERSION_REQUEST =
  /^(cpython|python|cp|py|pypy|pp|graalpy|gp|pyodide)?[-@]?(\d+(?:\.\d+){0,2})?((?:a|b|rc)\d+)?(\+?(?:freethreaded|debug|t|d|td))?$/i;
const IMPLEMENTATIONS = /^(pypy|pp|graalpy|gp|pyodide|jython|ironpython)/i;

/** Errors: DXPY_UNSUPPORTED_PYTHON for other implementations and for versions before 3.8, DXPY_BAD_SPECIFIER for a broken range. */
export function parsePythonRequest(text: string): PythonRequest {
  const request = text.trim();
  if (request === "" || request === "any" || request === "default") return { kind: "any" };
  if (/[/\\]/.test(request) || request === "." || request === ".." || request.startsWith("~/")) {
    return { kind: "path", path: request };
  }
  if (IMPLEMENTATIONS.test(request)) throw unsupportedImplementation(request);
  if (/^[<>=!~]/.test(request)) return { kind: "range", specifiers: parseSpecifierSet(request) };
  const match = VERSION_REQUEST.exec(request);
  if (match === null) return { kind: "name", name: request };
  const [, , digits, pre, build = ""] = match;
  if (digits === undefined) {
    return pre || build
      ? { kind: "name", name: request }
      : { kind: "version", release: [], freeThreaded: false, debug: false };
  }
  const release = releaseOf(digits);
  if (release[0] !== 3 || (release[1] !== undefined && release[1] < 8)) {
    throw new Failure(
      "DXPY_UNSUPPORTED_PYTHON",
      `Python ${release.join(".")} is too old; dx-py needs 3.8 or later`,
      {
        exitCode: 2,
      },
    );
  }
  const flags = build.toLowerCase().replace("+", "");
  return {
    kind: "version",
    release,
    ...(pre === undefined ? {} : { exact: `${release.join(".")}${pre.toLowerCase()}` }),
    freeThreaded: flags === "freethreaded" || flags === "t" || flags === "td",
    debug: flags === "debug" || flags === "d" || flags === "td",
  };
}

/** `312` is 3.12, as in tags. */
function releaseOf(digits: string): number[] {
  const packed = /^([23])(\d{1,2})$/.exec(digits);
  if (packed !== null) return [Number(packed[1]), Number(packed[2])];
  return digits.split(".").map(Number);
}

export function unsupportedImplementation(what: string): Failure {
  return new Failure(
    "DXPY_UNSUPPORTED_PYTHON",
    `${what} is not CPython, the one implementation that dx-py supports`,
    {
      hint: "Ask for a CPython, as in `--python 3.12`.",
      exitCode: 2,
    },
  );
}

/** Whether an interpreter answers the request. Paths and names are found, not matched, and always do. */
export function satisfiesRequest(interpreter: Interpreter, request: PythonRequest): boolean {
  switch (request.kind) {
    case "any":
      return isOrdinary(interpreter);
    case "path":
    case "name":
      return true;
    case "range":
      return isOrdinary(interpreter) && inRange(interpreter, request.specifiers);
    case "version":
      if (interpreter.freeThreaded !== request.freeThreaded || interpreter.debug !== request.debug)
        return false;
      if (request.exact !== undefined) return interpreter.version === request.exact;
      return startsWith(releaseParts(interpreter.version), request.release);
  }
}

/** A pre-release counts by its release, as installers do: 3.14.0rc1 is what `>=3.14` gets while there is no other. */
export function inRange(interpreter: Pick<Interpreter, "version">, specifiers: SpecifierSet): boolean {
  const version = tryParseVersion(releaseParts(interpreter.version).join("."));
  return version !== undefined && setContains(specifiers, version, { prereleases: true });
}

/** Debug and free-threaded builds are taken only by those who ask for them. */
function isOrdinary(interpreter: Interpreter): boolean {
  return !interpreter.debug && !interpreter.freeThreaded;
}

export function isPrereleasePython(interpreter: Pick<Interpreter, "version">): boolean {
  return /[a-z]/.test(interpreter.version);
}

/** `3.14.0rc1` → [3, 14, 0]. */
export function releaseParts(version: string): number[] {
  return (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? "0").split(".").map(Number);
}

function startsWith(whole: readonly number[], part: readonly number[]): boolean {
  return part.every((number, i) => whole[i] === number);
}

/**
 * Whether a release that a name or a folder tells (`python3.11`, `3.12.1`) may answer the request: candidates that
 * cannot are not started.
 */
export function mayAnswer(
  release: readonly number[] | undefined,
  request: PythonRequest,
  requires: SpecifierSet | undefined,
): boolean {
  if (release === undefined || release.length < 2) return true;
  if (release[0] !== 3 || release[1]! < 8) return false;
  if (request.kind === "version") {
    const known = request.release.slice(0, release.length);
    if (!startsWith(release, known)) return false;
  }
  if (release.length < 3) return true;
  const version = tryParseVersion(release.join("."));
  if (version === undefined) return true;
  if (request.kind === "range" && !setContains(request.specifiers, version, { prereleases: true }))
    return false;
  return requires === undefined || setContains(requires, version, { prereleases: true });
}
