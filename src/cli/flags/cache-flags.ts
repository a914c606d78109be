/** Flags of the commands of `cache` about binary caches and collection, as parsed. */
import type { CommonFlags, GeneralFlags } from "../common-flags.ts";
import type { SelectionFlags } from "./install-flags.ts";

export interface KeygenFlags extends GeneralFlags {
  output?: string;
}

export interface PushFlags extends CommonFlags, SelectionFlags {
  to?: string;
  all?: boolean;
  keyFile?: string;
}

export interface PullFlags extends CommonFlags, SelectionFlags {
  from?: string;
}

export interface VerifyFlags extends CommonFlags, SelectionFlags {
  here?: boolean;
}

export interface ServeFlags extends GeneralFlags {
  host?: string;
  port?: number;
  folder?: string;
  keyFile?: string;
  trustedKey: string[];
  uploadTokenFile?: string;
  readTokenFile?: string;
}

export interface PruneFlags extends GeneralFlags {
  keepDays?: number;
  maxSize?: string;
  dryRun?: boolean;
}
