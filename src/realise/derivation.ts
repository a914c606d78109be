/**
 * A derivation is a JSON description of how one object comes to be: `fetch`, `package`, `build`, `layout`, `env`
 * (docs/formats/derivation.md). Its build hash, the BLAKE3 of its canonical JSON, names what was asked for; the output
 * hash, in `drv-out`, names what came out.
 */
import { blake3Hex } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import { canonicalJson } from "./canonical-json.ts";
import { checkDerivation } from "./derivation-shape.ts";

export type Derivation =
  | FetchDerivation
  | PackageDerivation
  | BuildDerivation
  | LayoutDerivation
  | EnvDerivation;

/** Where the bytes of a file came from. Its output is fixed by its own SHA-256, so it has no `drv-out`. */
export interface FetchDerivation {
  format: 1;
  kind: "fetch";
  filename: string;
  /** Lower-case hex. */
  sha256: string;
  /** Without credentials. */
  url: string;
}

/** A package object, asked for by what it is made from: a wheel by name and hash, wherever it lies, or a source to build. */
export type PackageDerivation = WheelPackageDerivation | BuiltPackageDerivation;

export interface WheelPackageDerivation {
  format: 1;
  kind: "package";
  fetch: { filename: string; sha256: string };
}

export interface BuiltPackageDerivation {
  format: 1;
  kind: "package";
  build: BuildRequest;
}

/** All that can be known of a build before the source is opened: enough to find its result without building. */
export interface BuildRequest {
  hook: BuildHook;
  source: BuildSource;
  python: BuildPython;
  /** Platform tag: `manylinux_2_36_x86_64`, `macosx_14_0_arm64`, `win_amd64`. */
  platform: string;
  /** As the front end's caller gave them (PEP 517, "config_settings"). */
  configSettings: ConfigSettings;
  /** Variables of the caller that are handed to the compiler: `CC`, `CFLAGS` … */
  environment: Readonly<Record<string, string>>;
  /** Requirements beyond `build-system.requires`, sorted. */
  extraRequires: readonly string[];
  /** Constraints on the build requirements, sorted. */
  constraints: readonly string[];
  /** False: the backend runs in the interpreter's own environment. */
  isolated: boolean;
}

export type BuildHook = "build_wheel" | "build_editable";
export type ConfigSettings = Readonly<Record<string, string | readonly string[]>>;

export interface BuildPython {
  implementation: string;
  /** `3.12.1`. */
  version: string;
  /** ABI tag: `cp312`, `cp313t`, `pypy310_pp73`. */
  abi: string;
}

export type BuildSource =
  /** An sdist or another archive, by name and hash, wherever it lies. */
  | { kind: "file"; filename: string; sha256: string; subdirectory?: string }
  | { kind: "git"; url: string; commit: string; subdirectory?: string }
  /** `digest`: of the files that the build sees (see `directory-digest.ts`). `path`: for editables, whose result names it. */
  | { kind: "directory"; digest: string; path?: string; subdirectory?: string };

/** One run of a build backend, with everything that it saw. */
export interface BuildDerivation {
  format: 1;
  kind: "build";
  /** Normalised name of the project. */
  name: string;
  version: string;
  hook: BuildHook;
  source: BuildSource;
  /** PEP 517 `build-backend` and `backend-path`. */
  backend: { name: string; path: readonly string[] };
  /** The build environment, sorted by name. */
  requires: readonly PackageReference[];
  python: BuildPython;
  platform: string;
  configSettings: ConfigSettings;
  /** Every variable that the backend saw; folders that differ between machines as `<environment>`, `<staging>`, `<home>`. */
  environment: Readonly<Record<string, string>>;
  isolated: boolean;
  /** It had no network and saw all but its own folders read-only. */
  sandbox?: true;
  /** Build hash of the build of another checkout whose output this is, with the path of the folder exchanged: the backend did not run. */
  movedFrom?: string;
}

export interface PackageReference {
  /** Normalised. */
  name: string;
  version: string;
  /** Output hash. */
  output: string;
  /** Build hash of the `package` derivation that it came from, where that is known. */
  derivation?: string;
}

/**
 * An environment prefix made of package objects, written by `layout/layout-plan.ts`: its build hash is the project hash
 * that names the layout, and the layout is its output.
 */
export interface LayoutDerivation {
  format: 1;
  kind: "layout";
  /** The interpreter's fingerprint, 64 hex digits. */
  interpreter: string;
  linkMode: "symlink" | "hardlink" | "clone" | "copy";
  /** Output hashes, sorted; with the text of `direct_url.json` (PEP 610) where the source was direct. */
  packages: readonly (string | { output: string; directUrl: string })[];
  editables: readonly { output: string; path: string; directUrl: string }[];
  prompt?: string;
  /** Normalised names that are laid out with real directories by setting. */
  realPaths: readonly string[];
}

/** A layout attached to a project: one generation of an environment. It makes no object of its own. */
export interface EnvDerivation {
  format: 1;
  kind: "env";
  /** Build hash of the `layout` derivation, which is the project hash. */
  layout: string;
  /** Lower-case hex digest of the lock's content. */
  lock: string;
  /** Absolute path of the project's folder. */
  project: string;
  selection: { extras: readonly string[]; groups: readonly string[] };
}

/** The most that a `.drv` may hold, in bytes: far above an environment of ten thousand packages. */
export const derivationLimit = 16 * 1024 * 1024;

/** RFC 8785 text of a derivation: the content of its `.drv`. */
export function derivationText(derivation: Derivation): string {
  return canonicalJson(derivation);
}

/** BLAKE3 of the canonical text, 64 lower-case hex digits. */
export function buildHash(derivation: Derivation): string {
  return textHash(derivationText(derivation));
}

export function textHash(text: string): string {
  return blake3Hex(new TextEncoder().encode(text));
}

/**
 * Reads the text of a `.drv`, which may be anything: it must be canonical and of a known kind and format, with no key
 * too many. Failure DXPY_BAD_DERIVATION names the key.
 */
export function parseDerivation(text: string, path: string): Derivation {
  if (text.length > derivationLimit) throw badDerivation(path, `it is larger than ${derivationLimit} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badDerivation(path, "it is not JSON", cause);
  }
  const problem = checkDerivation(value);
  if (problem !== undefined) throw badDerivation(path, problem);
  let canonical: string;
  try {
    canonical = canonicalJson(value);
  } catch (cause) {
    throw badDerivation(path, "it holds text that JSON cannot say", cause);
  }
  if (canonical !== text) throw badDerivation(path, "it is not in canonical form (RFC 8785)");
  return value as Derivation;
}

function badDerivation(path: string, problem: string, cause?: unknown): Failure {
  return new Failure("DXPY_BAD_DERIVATION", `This is not a derivation: ${problem}`, {
    context: { path },
    hint: "It is written again when its object is next realised; remove the file.",
    ...(cause === undefined ? {} : { cause }),
  });
}
