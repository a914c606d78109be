/** Flags of `init`, `lock` and `tree`, as parsed. */
import type { CommonFlags } from "../common-flags.ts";

export interface InitFlags extends CommonFlags {
  name?: string;
  lib?: boolean;
  app?: boolean;
  description?: string;
}

export interface LockFlags extends CommonFlags {
  check?: boolean;
  upgrade?: boolean;
  upgradePackage: string[];
  dryRun?: boolean;
  pinOutputs?: boolean;
}

export interface TreeFlags extends CommonFlags {
  invert?: boolean;
  depth?: number;
  pythonPlatform?: string;
  pythonVersion?: string;
  package: string[];
  universal?: boolean;
  frozen?: boolean;
}
