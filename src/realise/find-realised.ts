/**
 * Looking up what is realised already: `drv-out` of the user store, then of the system store, and the object that it
 * names in any of them. An entry whose object is missing or damaged is as good as none (it is realised again).
 */
import { existsSync, rmSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import { readDrvOut } from "../store/drv-out.ts";
import type { PackageObject } from "../store/package-object.ts";
import type { Store } from "../store/store.ts";
import { indexPath, readLevelObject, treePath } from "../store/store-level.ts";

export interface FoundObject {
  outputHash: string;
  object: PackageObject;
  how: "store" | "system";
}

/** Two small reads for each package when all is well. */
export function findRealised(buildHash: string, store: Store): FoundObject | undefined {
  for (const level of store.levels) {
    const outputHash = readDrvOut(level, buildHash);
    if (outputHash === undefined) continue;
    const found = findObject(outputHash, store);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A broken object of the user's own store is made to be as missing as it is, so that realising makes it again. */
export function findObject(outputHash: string, store: Store): FoundObject | undefined {
  for (const level of store.levels) {
    try {
      const found = readLevelObject(level, outputHash);
      if (found === undefined) continue;
      // Every tree has it: the `.dist-info` is in it.
      if (existsSync(`${treePath(level, outputHash)}/lib`)) {
        return { outputHash, object: found.object, how: level === store.root ? "store" : "system" };
      }
      if (found.header.packed) continue;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
    if (level === store.root) forget(level, outputHash);
  }
  return undefined;
}

/** The index of an object goes when its tree is gone or it cannot be read: with it, the object would count as there. */
function forget(level: string, outputHash: string): void {
  rmSync(indexPath(level, outputHash), { force: true });
}
