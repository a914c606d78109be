/** Flags of `drv`, `env` and `build`, as parsed. */
import type { CommonFlags, GeneralFlags } from "../common-flags.ts";

export interface DrvTreeFlags extends GeneralFlags {
  depth?: number;
}

export interface DrvRebuildFlags extends CommonFlags {
  check?: boolean;
}

export interface EnvListFlags extends GeneralFlags {
  all?: boolean;
}

export interface BuildFlags extends CommonFlags {
  wheel?: boolean;
  sdist?: boolean;
  outDir?: string;
  package?: string;
}
