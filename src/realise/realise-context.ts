/** Everything that realising needs to know beyond the derivation: stores, index, interpreter, and two ways up. */
import type { Interpreter } from "../interpreters/interpreter.ts";
import type { PackageIndex } from "../package-index/client.ts";
import type { Home } from "../platform/home.ts";
import type { Requirement } from "../standards/requirements.ts";
import type { Store } from "../store/store.ts";
import type { ConfigSettings } from "./derivation.ts";
import type { SubstituterChain } from "./substituters.ts";
import type { RealisedPackage, WantedPackage } from "./wanted-package.ts";

export interface RealiseContext {
  home: Home;
  store: Store;
  /** Absolute: relative paths of the lock start here. */
  projectDir: string;
  interpreter: Interpreter;
  /** The caller's environment. */
  env: Readonly<Record<string, string | undefined>>;
  /** Asked only when something must be fetched. */
  index: () => PackageIndex | Promise<PackageIndex>;
  offline?: boolean;
  /** URLs of repositories with a login that the project states, by the URL without it. */
  gitLogins?: () => ReadonlyMap<string, string>;
  substituters?: SubstituterChain;
  /** Told of each object that only the system's store has: takes it into the user's, or notes that it is used there. */
  shareFromSystem?: (outputHash: string, buildHash: string) => void;
  onProgress?: (event: RealiseEvent) => void;
  /** Bytes of wheels that may be in memory at once. Default 256 MB; one larger wheel goes alone. */
  memoryLimit?: number;
  /** Downloads at once. Default 16. */
  connections?: number;
  /** Threads that unpack. Default: what the wheel pipeline finds right. */
  workers?: number;
  /** Chooses the packages of a build environment. Absent: nothing can be built (DXPY_CANNOT_BUILD). */
  resolveBuildRequires?: (requirements: Requirement[]) => Promise<WantedPackage[]>;
  /** Makes the layout of a build environment; `prefix` holds `bin/python`. */
  makeBuildEnvironment?: (
    packages: RealisedPackage[],
    interpreter: Interpreter,
  ) => Promise<{ prefix: string }>;
  /**
   * The Python of an environment that holds what a package is installed with, for a build without isolation that needs these
   * requirements: while a lock is being made. `undefined`: there is nothing else.
   */
  environmentOfOthers?: (requires: readonly Requirement[]) => Promise<string | undefined>;
  build?: BuildSettings;
  /** Aborted: nothing more is begun, builds are ended, and its reason is thrown. */
  signal?: AbortSignal;
  /** Set by realise itself: the build hash of the build that needs these packages, to find one that needs itself. */
  neededBy?: string;
}

/** `realisePackages`, handed to what builds: a build realises what it needs by the function that called it. */
export type Realise = (
  wanted: readonly WantedPackage[],
  context: RealiseContext,
) => Promise<RealisedPackage[]>;

/** What the settings say about builds. Names are normalised. */
export interface BuildSettings {
  /** For every package, and added for single ones. */
  configSettings?: ConfigSettings;
  configSettingsPackage?: Readonly<Record<string, ConfigSettings>>;
  /** Requirements that the build of a package needs and does not state. */
  extraRequires?: Readonly<Record<string, readonly string[]>>;
  /** Constraints on every build requirement (`build-constraints`); part of what a build is asked for. */
  constraints?: readonly string[];
  /** Built without an environment of their own, in that of `pythonWithoutIsolation`. */
  noIsolation?: "all" | readonly string[];
  /** Default: the interpreter. */
  pythonWithoutIsolation?: string;
  /** Never built. */
  noBuild?: "all" | readonly string[];
  /** Never installed from wheels, and so built even where `noBuild` is for all. */
  noBinary?: "all" | readonly string[];
  /** Builds run without a network and see all but their own folders read-only (`build/sandbox.ts`). Default false. */
  sandbox?: boolean;
  /** Variables set for every build, beside those that a compiler reads, and for single packages. */
  environment?: Readonly<Record<string, string>>;
  environmentPackage?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export type RealiseEvent =
  /** Once at the start: what was not in the stores, with the bytes that are known. */
  | { kind: "plan"; packages: number; missing: number; bytes: number }
  | { kind: "download"; name: string; filename: string; bytes?: number }
  /** Since the last event of this file; negative when an attempt starts over. */
  | { kind: "bytes"; name: string; filename: string; count: number }
  | { kind: "build"; name: string; hook: string; log: string }
  | { kind: "realised"; package: RealisedPackage }
  | { kind: "warning"; message: string };
