/** What installing an environment is told, and what it tells. */
import type { Interpreter } from "../interpreters/interpreter.ts";
import type { LinkMode } from "../layout/layout-plan.ts";
import type { Collision } from "../layout/prefix-tree.ts";
import type { Dpl } from "../lock/dpl-reader.ts";
import type { Home } from "../platform/home.ts";
import type { RealisedPackage, WantedPackage } from "../realise/wanted-package.ts";
import type { Store } from "../store/store.ts";
import type { AliasFacts } from "./alias-key.ts";
import type { Selection, SelectOptions } from "./select.ts";

export interface InstallOptions {
  /** Absolute. */
  projectDir: string;
  /** Absolute path of the environment. Default `<projectDir>/.venv`. */
  link?: string;
  dpl: Dpl;
  interpreter: Interpreter;
  selection: Selection;
  selectOptions?: SelectOptions;
  home: Home;
  /** The home's store, with the system's below it. */
  store: Store;
  /** Realises into the given home and store: the usual ones, or temporary ones when those cannot be written to. */
  realise: (
    wanted: readonly WantedPackage[],
    into: { home: Home; store: Store },
  ) => Promise<readonly RealisedPackage[]>;
  /** How a layout is put together; for environments of the projects' own see `own`. */
  linkMode?: LinkMode;
  /** Not a shared layout, but an environment of the project's own, with its files placed so. */
  own?: LinkMode;
  /** Normalised names. */
  realPaths?: readonly string[];
  prompt?: string;
  /** What the warm path will know next time. Absent: no alias is written. */
  alias?: Pick<AliasFacts, "python" | "selection" | "settings" | "env"> & {
    /** Also other checkouts of the project will know: nothing more is done for an environment than to make and attach its layout. */
    forCheckouts?: boolean;
  };
  /** Only make the layout; no link, no root. */
  noAttach?: boolean;
  onWarning?: (message: string) => void;
}

export interface InstallOutcome {
  /** The prefix: a layout, or the private environment itself. */
  layoutPath: string;
  projectHash: string;
  /** `alias` comes from the warm path only. `private`: a folder of the project's own. */
  hit: "hit" | "alias" | "miss" | "healed" | "private";
  /** The environment is another than before the command. */
  changed: boolean;
  interpreterPath: string;
  realised: readonly RealisedPackage[];
  stats: {
    packages: number;
    /** Links and files that were placed; 0 on a hit. */
    links: number;
    /** How many packages came from where. */
    from: Record<RealisedPackage["how"], number>;
    /** Milliseconds: choosing and realising packages, finding or building the layout, attaching it. */
    realiseMs: number;
    layoutMs: number;
    attachMs: number;
  };
  collisions: readonly Collision[];
  /** Why the environment is private although nobody asked for that. */
  fallback?: string;
}

/** Absolute path of the environment. */
export function linkOf(options: InstallOptions): string {
  return options.link ?? `${options.projectDir}/.venv`;
}
