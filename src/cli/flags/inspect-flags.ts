/** Flags of the commands that show what is in locks, the store and layouts, as parsed. */
import type { CommonFlags, GeneralFlags } from "../common-flags.ts";

export interface LockShowFlags extends GeneralFlags {
  file?: string;
}

export interface StoreVerifyFlags extends CommonFlags {
  repair?: boolean;
}

export interface LayoutVerifyFlags extends GeneralFlags {
  all?: boolean;
  repair?: boolean;
}
