/** An entry of `[[tool.dx-py.cache]]` and the table `[tool.dx-py.store]`, as written. */
import {
  boolean,
  type Check,
  integer,
  listOf,
  oneOf,
  SettingFailure,
  string,
  tableOf,
} from "./setting-checks.ts";

export interface CacheEntry {
  name?: string;
  /** A folder, a web server or a bucket. */
  url: string;
  /** The lowest is asked first. Default 50. */
  priority?: number;
  /** Public keys, `name:base64`. */
  "trusted-keys"?: string[];
  /** What is built here is pushed there. */
  push?: boolean;
  /** The key that signs what is pushed. */
  "secret-key-file"?: string;
}

export const SHARE = ["auto", "hardlink", "reflink", "reference", "copy", "off"] as const;

export interface StoreEntry {
  /** How objects of the system store enter the user's. */
  share?: (typeof SHARE)[number];
  /** Files that are the same in several packages are linked as they come in. */
  optimise?: boolean;
}

export const cacheEntry: Check<CacheEntry> = (value, at) => {
  const entry = tableOf<Required<CacheEntry>>({
    name: string,
    url: string,
    priority: integer,
    "trusted-keys": listOf(string),
    push: boolean,
    "secret-key-file": string,
  })(value, at);
  if (entry.url === undefined) throw new SettingFailure(at, "must have a `url`");
  return { ...entry, url: entry.url };
};

export const storeEntry: Check<StoreEntry> = tableOf<Required<StoreEntry>>({
  share: oneOf(...SHARE),
  optimise: boolean,
});
