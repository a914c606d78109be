/** What a wanted package comes down to: a wheel to unpack or a source to build, and the build hash of its derivation. */
import type { LockedFile } from "../lock/lock-model.ts";
import { packageBuildHash } from "../lock/package-identity.ts";
import { Failure } from "../platform/errors.ts";
import { withoutCredentials } from "../standards/url-credentials.ts";
import { buildRequest } from "./build/build-request.ts";
import { type BuildSource, type BuiltPackageDerivation, buildHash } from "./derivation.ts";
import { absolutePath } from "./fetch-file.ts";
import type { RealiseContext } from "./realise-context.ts";
import { directoryDigest, editableDigest } from "./source/directory-digest.ts";
import type { WantedPackage } from "./wanted-package.ts";

export type AskedPackage = AskedWheel | AskedBuild;

export interface AskedWheel {
  kind: "wheel";
  name: string;
  version?: string;
  file: LockedFile;
  /** Build hash of the `package` derivation; empty where the lock has no SHA-256. */
  hash: string;
  /** The output hash that the lock pins. */
  pinned?: string;
}

export interface AskedBuild {
  kind: "build";
  name: string;
  version?: string;
  source: SourceToBuild;
  /** Absent where the file's SHA-256 is not known before it is fetched. */
  request?: BuiltPackageDerivation;
  hash: string;
  /** The output hash that the lock pins. */
  pinned?: string;
}

/** A source with the way to it, where a `BuildSource` of a derivation has its identity only. */
export type SourceToBuild =
  | { kind: "file"; file: LockedFile; subdirectory?: string }
  | { kind: "git"; url: string; commit: string; subdirectory?: string }
  /** `path` is absolute. */
  | { kind: "directory"; path: string; editable: boolean; subdirectory?: string };

/** Failure DXPY_NO_FILE where there is neither a wheel nor a source. */
export function askFor(wanted: WantedPackage, context: RealiseContext): AskedPackage {
  const asked = askForSource(wanted, context);
  const pinned = wanted.outputs?.[asked.hash];
  return pinned === undefined ? asked : { ...asked, pinned };
}

function askForSource(wanted: WantedPackage, context: RealiseContext): AskedPackage {
  const { name } = wanted;
  const version = wanted.version === undefined ? {} : { version: wanted.version };
  if (wanted.wheel !== undefined) {
    return {
      kind: "wheel",
      name,
      ...version,
      file: wanted.wheel,
      hash: wanted.wheel.buildHash || wheelHash(wanted.wheel),
    };
  }
  const { source } = wanted;
  if (source.kind === "archive" && archiveFile(source).name.endsWith(".whl")) {
    const file = archiveFile(source);
    return { kind: "wheel", name, ...version, file, hash: wheelHash(file) };
  }
  // A folder has the version that it states now: a tag may have been set since it was locked.
  const stated = source.kind === "directory" ? undefined : wanted.version;
  return askForBuild(name, stated, sourceToBuild(wanted, context), context);
}

export function askForBuild(
  name: string,
  version: string | undefined,
  source: SourceToBuild,
  context: RealiseContext,
): AskedBuild {
  const asked = { kind: "build" as const, name, ...(version === undefined ? {} : { version }), source };
  const identity = sourceIdentity(source, context);
  if (identity === undefined) return { ...asked, hash: "" };
  const hook = source.kind === "directory" && source.editable ? "build_editable" : "build_wheel";
  const request = buildRequest(name, identity, hook, context);
  return { ...asked, request, hash: buildHash(request) };
}

function sourceToBuild(wanted: WantedPackage, context: RealiseContext): SourceToBuild {
  const { source, sdist, name } = wanted;
  const below =
    "subdirectory" in source && source.subdirectory !== undefined
      ? { subdirectory: source.subdirectory }
      : {};
  switch (source.kind) {
    case "git":
      return { kind: "git", url: source.url, commit: source.commitId, ...below };
    case "directory": {
      const path = absolutePath(source.path, context.projectDir);
      return { kind: "directory", path, editable: source.editable, ...below };
    }
    case "archive":
      return { kind: "file", file: archiveFile(source), ...below };
    case "index":
      if (sdist !== undefined) return { kind: "file", file: sdist };
      throw new Failure("DXPY_NO_FILE", `The lock has no file of ${name} that this interpreter can use`, {
        context: { package: name },
        hint: "Lock again for this platform and Python.",
      });
  }
}

/** The file that an archive source is, with a name: the last part of its path or URL. */
function archiveFile(source: {
  url?: string;
  path?: string;
  size?: number;
  hashes: LockedFile["hashes"];
}): LockedFile {
  const place = source.path ?? source.url ?? "";
  return {
    name: lastPart(place),
    hashes: source.hashes,
    ...(source.url === undefined ? {} : { url: source.url }),
    ...(source.path === undefined ? {} : { path: source.path }),
    ...(source.size === undefined ? {} : { size: source.size }),
  };
}

/** The file name at the end of a path or URL. */
export function lastPart(place: string): string {
  const path = place.replace(/[?#].*$/, "");
  const text = path.slice(path.lastIndexOf("/") + 1);
  try {
    const name = decodeURIComponent(text);
    return /[/\\\0]/.test(name) ? text : name;
  } catch {
    return text;
  }
}

function wheelHash(file: LockedFile): string {
  const sha256 = file.hashes["sha256"];
  return sha256 === undefined ? "" : packageBuildHash(file.name, sha256);
}

/** What a derivation says of the source; `undefined` for a file whose SHA-256 is not known yet. */
function sourceIdentity(source: SourceToBuild, context: RealiseContext): BuildSource | undefined {
  const below = source.subdirectory === undefined ? {} : { subdirectory: source.subdirectory };
  switch (source.kind) {
    case "file": {
      const sha256 = source.file.hashes["sha256"];
      return sha256 === undefined
        ? undefined
        : { kind: "file", filename: source.file.name, sha256, ...below };
    }
    case "git":
      return { kind: "git", url: withoutCredentials(source.url), commit: source.commit, ...below };
    case "directory":
      return source.editable
        ? { kind: "directory", digest: editableDigest(joined(source)), path: source.path, ...below }
        : { kind: "directory", digest: directoryDigest(source.path, context.home), ...below };
  }
}

function joined(source: { path: string; subdirectory?: string }): string {
  return source.subdirectory === undefined ? source.path : `${source.path}/${source.subdirectory}`;
}
