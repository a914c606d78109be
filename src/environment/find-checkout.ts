/** Whether another checkout of the project has left word of what its environment consists of. On the warm path. */
import { statSync } from "node:fs";
import { DPL_FILE } from "../lock/dpl-freshness.ts";
import { openDpl } from "../lock/dpl-reader.ts";
import type { Home } from "../platform/home.ts";
import { checkoutKey } from "./alias-key.ts";
import type { WarmRequest } from "./warm.ts";

/** The folder of all records. */
export function checkouts(home: Home): string {
  return `${home.index}/checkouts`;
}

/** @param key of `checkoutKey` */
export function checkoutPath(home: Home, key: string): string {
  return `${checkouts(home)}/${key}.json`;
}

/**
 * Path of the record, where there is one. Not with `--frozen`: what the project's files say is compared with the lock, and has to be the
 * same. The contents are for `realiseCheckout` to judge.
 */
export function findCheckout(request: WarmRequest): string | undefined {
  if (request.frozen || request.dryRun || process.platform === "win32") return undefined;
  try {
    const dpl = openDpl(`${request.projectDir}/${DPL_FILE}`);
    const key = checkoutKey({ ...request, lockDigest: dpl.digest });
    dpl.close();
    const path = checkoutPath(request.home, key);
    return statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : path;
  } catch {
    return undefined;
  }
}
