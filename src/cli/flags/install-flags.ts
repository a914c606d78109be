/** Flags of `install` and `run`, as parsed. */
import type { CommonFlags } from "../common-flags.ts";

/** What of the lock is to be installed. */
export interface SelectionFlags {
  group: string[];
  noGroup: string[];
  onlyGroup: string[];
  allGroups?: boolean;
  noDev?: boolean;
  onlyDev?: boolean;
  dev?: boolean;
  noDefaultGroups?: boolean;
  extra: string[];
  allExtras?: boolean;
  noExtra: string[];
  allPackages?: boolean;
  package: string[];
  noInstallProject?: boolean;
}

export interface InstallFlags extends CommonFlags, SelectionFlags {
  frozen?: boolean;
  locked?: boolean;
  compileBytecode?: boolean;
  detach?: boolean;
  upgrade?: boolean;
  upgradePackage: string[];
}

export interface RunFlags extends CommonFlags, SelectionFlags {
  frozen?: boolean;
  locked?: boolean;
  noSync?: boolean;
  packed?: boolean;
  packedData?: boolean;
}
