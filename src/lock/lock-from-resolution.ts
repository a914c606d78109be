import type { DistributionFile } from "../package-index/distribution.ts";
import type { Resolution, ResolvedPackage } from "../resolver/resolution.ts";
import { withoutCredentials } from "../standards/url-credentials.ts";
import type { Lock, LockedFile, LockedPackage, LockedSource } from "./lock-model.ts";
import { canonicalLock } from "./lock-order.ts";

/** What a resolution does not say about the lock that is made of it. */
export interface LockFrame {
  requiresPython?: string;
  /** Extras and groups of the project that the lock covers, normalised. */
  extras: readonly string[];
  dependencyGroups: readonly string[];
  defaultGroups: readonly string[];
  fingerprint: string;
  options: Readonly<Record<string, string>>;
  /** See `Lock.settings`. */
  settings?: Readonly<Record<string, string>>;
}

/** The lock of a resolution: every file that an admitted environment can use, with where it was found. */
export function lockFromResolution(resolution: Resolution, frame: LockFrame): Lock {
  return canonicalLock({
    ...(frame.requiresPython === undefined ? {} : { requiresPython: frame.requiresPython }),
    environments: [...resolution.environments],
    ...(resolution.forks.length === 0 ? {} : { forks: [...resolution.forks] }),
    extras: [...frame.extras],
    dependencyGroups: [...frame.dependencyGroups],
    defaultGroups: [...frame.defaultGroups],
    packages: resolution.packages.map(lockedPackage),
    fingerprint: frame.fingerprint,
    options: frame.options,
    ...(Object.keys(frame.settings ?? {}).length === 0 ? {} : { settings: frame.settings! }),
  });
}

function lockedPackage(resolved: ResolvedPackage): LockedPackage {
  const { name, marker, requiresPython } = resolved;
  const source = lockedSource(resolved);
  // Files belong to an index; the other sources are files, or directories, themselves (PEP 751: mutually exclusive).
  const files = source.kind === "index" ? resolved.files : [];
  const sdist = files.filter((file) => file.kind === "sdist").sort(preferredSdist)[0];
  const version = source.kind === "directory" && resolved.version === "" ? undefined : resolved.version;
  return {
    name,
    ...(version === undefined ? {} : { version }),
    ...(marker === undefined ? {} : { marker }),
    ...(requiresPython === undefined ? {} : { requiresPython }),
    source,
    dependencies: resolved.dependencies.map((edge) => ({ ...edge })),
    ...(sdist === undefined ? {} : { sdist: lockedFile(sdist) }),
    wheels: files.filter((file) => file.kind === "wheel").map(lockedFile),
  };
}

function lockedSource({ source, index }: ResolvedPackage): LockedSource {
  if (source.kind === "directory") return source;
  const url = source.kind === "index" ? (source.url ?? index) : source.url;
  return url === undefined ? source : { ...source, url: withoutCredentials(url) };
}

/** Old releases have several sdists; a lock has room for one: `.tar.gz` (PEP 625), then `.zip`. */
function preferredSdist(a: DistributionFile, b: DistributionFile): number {
  const rank = ({ filename }: DistributionFile) =>
    filename.endsWith(".tar.gz") ? 0 : filename.endsWith(".zip") ? 1 : 2;
  return rank(a) - rank(b) || (a.filename < b.filename ? -1 : 1);
}

function lockedFile(file: DistributionFile): LockedFile {
  return {
    name: file.filename,
    url: withoutCredentials(file.url),
    ...(file.size === undefined ? {} : { size: file.size }),
    ...(file.uploadTime === undefined ? {} : { uploadTime: file.uploadTime }),
    hashes: file.hashes,
  };
}
