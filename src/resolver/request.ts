import type { Requirement } from "../standards/requirements.ts";

/** What is to be resolved: plain data that project/ assembles and the resolver only reads. */
export interface ResolveRequest {
  /** `virtual`: a workspace without a project at its root, whose groups are the workspace's. */
  root: { name: string; version?: string; virtual?: boolean };
  /** The other projects of the root's workspace. Absent: none. */
  members?: WorkspaceMember[];
  /** Base dependencies, extras and groups, each with the place of its declaration, for messages. */
  requirements: RootRequirement[];
  /** `requires-python` of the project: a PEP 440 specifier set. Absent: the interpreter's minor version and later. */
  requiresPython: string | undefined;
  /** Normalised names of the root's extras and groups. */
  extras: string[];
  groups: string[];
  /** Specifier sets that narrow the Pythons of single groups, by normalised group name. */
  groupRequiresPython?: Record<string, string>;
  /** Narrow versions of packages that something else requires. */
  constraints: Requirement[];
  /** Replace every requirement on the same name, from whomever. */
  overrides: Requirement[];
  /** Normalised names whose requirements are dropped everywhere. */
  excludes: string[];
  buildConstraints?: Requirement[];
  /** Direct sources and index choices for names, by normalised name. */
  sources: Record<string, PackageSource[]>;
  /** Normalised package name to the name or URL of its index. */
  indexPins: Record<string, string>;
  /** Markers: resolve for these environments only, each one apart. Empty: every environment. */
  environments: string[];
  /** Markers: a version is chosen only when it can be installed on each of these that its use reaches. */
  requiredEnvironments: string[];
  conflicts: ConflictSet[];
  /** Markers that the lock that exists was resolved apart for: start from them, so that little moves. */
  forks?: string[];
  prerelease: PrereleaseMode;
  resolution: ResolutionMode;
  forkStrategy: "requires-python" | "fewest";
  /** Milliseconds since the epoch: files uploaded at or after it do not exist. */
  excludeNewer?: number;
  /** The same for single packages; `false` exempts the package. */
  excludeNewerPackage: Record<string, number | false>;
  noBinary: string[] | "all";
  noBuild: string[] | "all";
  /** Versions to keep where possible, from the lock that exists. */
  preferences: Preference[];
  /** Preferences to ignore: all of them, or these names'. */
  upgrade: true | string[];
}

/** A member of a workspace: a project that groups of the root stand for. */
export interface WorkspaceMember {
  /** Normalised. */
  name: string;
  /** The group of the root that requires the member itself. */
  group: string;
  /** Those that require it with one extra, in the order of the extras. */
  extraGroups: { extra: string; group: string }[];
  /** Those that hold the requirements of its own groups, and how it calls these. */
  ownGroups: { name: string; group: string }[];
}

export type PrereleaseMode = "if-necessary-or-explicit" | "if-necessary" | "explicit" | "allow" | "disallow";
export type ResolutionMode = "highest" | "lowest" | "lowest-direct";

export interface Preference {
  name: string;
  version: string;
  /** The environments in which the lock used this version. Absent: all. */
  marker?: string;
}

export interface RootRequirement {
  requirement: Requirement;
  /** Neither: a base dependency. */
  scope: { extra?: string; group?: string };
  /** Key path as in `project.dependencies[2]`. */
  declaredAt: string;
}

/** Extras and groups that are never installed together (`conflicts` of the settings): each set is one such choice. */
export type ConflictSet = ConflictItem[];
export interface ConflictItem {
  /** Normalised; absent: the root. */
  package?: string;
  extra?: string;
  group?: string;
}

/** Where a name comes from when not from the indexes; `marker`, `extra` and `group` say for which requirements. */
export type PackageSource = (
  | { kind: "git"; url: string; rev?: string; tag?: string; branch?: string; subdirectory?: string }
  | { kind: "url"; url: string; subdirectory?: string }
  | { kind: "path"; path: string; editable: boolean }
  | { kind: "workspace"; path: string; editable: boolean }
  | { kind: "index"; index: string }
) & { marker?: string; extra?: string; group?: string };
