/** Flags of `cache clean`, as parsed. */
import type { GeneralFlags } from "../common-flags.ts";

export interface CleanFlags extends GeneralFlags {
  layouts?: boolean;
  store?: boolean;
  index?: boolean;
  all?: boolean;
}
