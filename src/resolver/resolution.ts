import type { DistributionFile } from "../package-index/distribution.ts";

/** What a resolution found: for every name the versions, and where each one applies. */
export interface Resolution {
  /** Sorted by name, then version. */
  packages: ResolvedPackage[];
  /** Markers of the environments that were resolved for; empty: all that `requires-python` admits. */
  environments: string[];
  /** Markers of the environments that were resolved apart, in their order; empty where one solution serves all. */
  forks: string[];
  /** Extras that the project asks for in vain. */
  unknownExtras?: UnknownExtra[];
  stats: ResolutionStats;
}

export interface ResolutionStats {
  forks: number;
  /** Versions that were decided on, taken back ones included. */
  decisions: number;
  conflicts: number;
  /** Forks that came to what others had come to, and were not solved. */
  followed: number;
  pages: number;
  metadata: number;
  milliseconds: number;
}

/** An extra that a version does not have: nothing is installed for it. */
export interface UnknownExtra {
  name: string;
  version: string;
  extra: string;
  /** What the version has, sorted. */
  known: string[];
}

export interface ResolvedPackage {
  /** Normalised. */
  name: string;
  version: string;
  source: ResolvedSource;
  /** URL of the index that served it, without credentials. */
  index?: string;
  /** Environment variables, `extras` and `dependency_groups` (PEP 751), simplified against `requires-python`. Absent: always. */
  marker?: string;
  dependencies: ResolvedDependency[];
  /** Every file of the version that an admitted environment can use, sorted by file name. */
  files: DistributionFile[];
  requiresPython?: string;
}

/** An edge, for people and for `tree`. */
export interface ResolvedDependency {
  name: string;
  /** Given where the resolution holds several versions of the name. */
  version?: string;
  /** Extras of the dependency that this edge asks for. */
  extras?: string[];
  /** Absent: always. May name `extra` of the package that depends. */
  marker?: string;
}

/** `path` is relative to the project's folder, with `/`. `virtual`: its dependencies only, never installed. */
export type ResolvedSource =
  | { kind: "index"; url?: string }
  | { kind: "git"; url: string; requestedRevision?: string; commitId: string; subdirectory?: string }
  | { kind: "directory"; path: string; editable: boolean; virtual?: boolean; subdirectory?: string }
  | {
      kind: "archive";
      url?: string;
      path?: string;
      size?: number;
      hashes: Readonly<Record<string, string>>;
      subdirectory?: string;
    };
