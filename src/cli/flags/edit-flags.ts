/** Flags of `add` and `remove`, as parsed. */
import type { CommonFlags } from "../common-flags.ts";

export interface AddFlags extends CommonFlags {
  dev?: boolean;
  group?: string;
  optional?: string;
  extra: string[];
  git?: string;
  rev?: string;
  tag?: string;
  branch?: string;
  path?: string;
  editable?: boolean;
  requirements: string[];
  raw?: boolean;
  noInstall?: boolean;
  frozen?: boolean;
}

export interface RemoveFlags extends CommonFlags {
  dev?: boolean;
  group?: string;
  optional?: string;
  noInstall?: boolean;
  frozen?: boolean;
}
