import type { ResolvedDependency, ResolvedSource } from "../resolver/resolution.ts";

/**
 * What a lock says, in memory: the shape of `pylock.toml` (PEP 751) with normalised names, whichever of the two files
 * it was read from. Plain data; arrays are sorted as the writers write them.
 */
export interface Lock {
  /** PEP 440 specifier set of the Pythons that the lock admits. */
  requiresPython?: string;
  /** Markers of the environments that the lock was made for; empty: every one that `requiresPython` admits. */
  environments: string[];
  /** Markers of the environments that were resolved apart, in their order, for the next resolution. Absent: none were. */
  forks?: string[];
  extras: string[];
  dependencyGroups: string[];
  /** Groups that are installed when nothing is selected. */
  defaultGroups: string[];
  /** Sorted by name, then version, then marker. */
  packages: LockedPackage[];
  /** Lower-case hex BLAKE3 of what was resolved from (requirements, options): `[tool.dx-py] fingerprint`. */
  fingerprint: string;
  /** Options that a later `lock` must repeat to move nothing, by their setting's name. */
  options: Readonly<Record<string, string>>;
  /**
   * Settings other than the defaults that decide whether the next resolution may go on from this lock, by name: where
   * they are not the same, its versions or forks are no good beginning. Absent: all are the defaults.
   */
  settings?: Readonly<Record<string, string>>;
}

export interface LockedPackage {
  name: string;
  /** Absent for sources whose version is dynamic. */
  version?: string;
  /**
   * When this entry is installed: environment variables, `extras` and `dependency_groups` (PEP 751 marker syntax),
   * simplified against `requiresPython`. Absent: always. Selecting an environment is evaluating this, nothing more.
   */
  marker?: string;
  requiresPython?: string;
  source: LockedSource;
  dependencies: LockedDependency[];
  sdist?: LockedFile;
  /** Sorted by file name. */
  wheels: LockedFile[];
  /**
   * Pinned outputs: what its `package` derivations came to, output hash by build hash, lower-case hex. The lock vouches for them
   * where a binary cache has nobody's signature. Absent: none.
   */
  outputs?: Readonly<Record<string, string>>;
}

/** An edge of the resolution: installers do not need it (PEP 751 `packages.dependencies`). */
export type LockedDependency = ResolvedDependency;

/** Where a package comes from. The `path` of a directory or archive is relative to the lock's folder, with `/`. */
export type LockedSource = ResolvedSource;

export interface LockedFile {
  /** Without `/`, `\\` and NUL: neither format gives out another. */
  name: string;
  /** Where it was when it was locked: a hint, not an identity. Name and hashes identify it. */
  url?: string;
  path?: string;
  size?: number;
  /** Milliseconds since the epoch. */
  uploadTime?: number;
  /** Lower-case hex by algorithm. */
  hashes: Readonly<Record<string, string>>;
}
