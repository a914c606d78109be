import { lstatSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from "node:fs";
import type { Home } from "../platform/home.ts";
import { moveAway } from "../platform/move-folder.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { checkHash, indexPath, names, treePath } from "./store-level.ts";
import { whileCollecting } from "./store-lock.ts";

/** Removes package objects from the user's store. What is removed is not there any more at once; its disk space comes back after. */
export interface Removed {
  /** Package objects. */
  objects: number;
  /** Bytes on disk, as far as they are not shared by hardlinks with layouts that stay. */
  bytes: number;
}

/**
 * Removes these objects and the `drv-out` entries that lead to them. Waits for running installs; the caller knows that no
 * root needs the objects (and must find that out under the same lock: see `whileCollecting`).
 */
export async function removeObjects(home: Home, hashes: Iterable<string>): Promise<Removed> {
  return await whileCollecting(home, () => removeObjectsLocked(home, hashes));
}

/** The same for a caller that has the lock. */
export function removeObjectsLocked(home: Home, hashes: Iterable<string>): Removed {
  const doomed = new Set([...hashes].map(checkHash));
  const trash = createStaging(home);
  let objects = 0;
  try {
    for (const hash of doomed) {
      // First what makes it count, then the files: whoever is killed in between leaves a tree that means nothing.
      if (moveAway(indexPath(home.store, hash), `${trash}/${hash}.dxpkg`)) objects += 1;
      moveAway(treePath(home.store, hash), `${trash}/${hash}`);
    }
    for (const name of names(`${home.store}/packed`)) {
      // What `run --packed` made of an object: its packed form, and bytecode for each Python.
      if (doomed.has(name.slice(0, 64))) moveAway(`${home.store}/packed/${name}`, `${trash}/${name}.packed`);
    }
    removeOutputs(home, doomed);
    const bytes = names(trash).reduce((sum, name) => sum + sizeOf(`${trash}/${name}`), 0);
    return { objects, bytes };
  } finally {
    removeTree(trash);
    for (const hash of doomed) removeEmptyFolders(home.store, hash);
  }
}

/** Empties the store: objects, derivations, outputs and logs. Waits for running installs. */
export async function cleanStore(home: Home): Promise<Removed> {
  return await whileCollecting(home, () => cleanStoreLocked(home));
}

/** The same for a caller that has the lock, because it removes layouts too. */
export function cleanStoreLocked(home: Home): Removed {
  const trash = createStaging(home);
  try {
    for (const name of names(home.store)) {
      // The lock is what keeps others out: it stays.
      if (name !== "lock") moveAway(`${home.store}/${name}`, `${trash}/${name}`);
    }
    const removed = { objects: 0, bytes: 0 };
    for (const name of names(trash)) {
      removed.objects += countObjects(`${trash}/${name}`);
      removed.bytes += sizeOf(`${trash}/${name}`);
    }
    return removed;
  } finally {
    removeTree(trash);
  }
}

/** Trees of the store whose `.dxpkg` is missing, left by killed processes: removed under the lock, when nobody can be about to finish one. */
export function removeUnfinishedLocked(home: Home): number {
  const trash = createStaging(home);
  let removed = 0;
  for (const first of names(home.store).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    for (const second of names(`${home.store}/${first}`)) {
      const folder = `${home.store}/${first}/${second}`;
      const inFolder = new Set(names(folder));
      for (const name of inFolder) {
        // Beside the tree there may be what another version of dx-py keeps of a package.
        if (!/^[0-9a-f]{64}(\.[a-z-]+)?$/.test(name) || inFolder.has(`${name.slice(0, 64)}.dxpkg`)) continue;
        if (moveAway(`${folder}/${name}`, `${trash}/${name}`) && name.length === 64) removed += 1;
      }
    }
  }
  removeTree(trash);
  return removed;
}

/** `drv-out` entries whose output is gone would only send the next search to nothing. */
function removeOutputs(home: Home, doomed: ReadonlySet<string>): void {
  const folder = `${home.store}/drv-out`;
  for (const name of names(folder)) {
    const path = `${folder}/${name}`;
    try {
      if (doomed.has(readFileSync(path, "latin1").slice(0, 64))) unlinkSync(path);
    } catch {
      // Gone meanwhile, or not a file of ours.
    }
  }
}

function removeEmptyFolders(root: string, hash: string): void {
  try {
    rmdirSync(`${root}/${hash.slice(0, 2)}/${hash.slice(2, 4)}`);
    rmdirSync(`${root}/${hash.slice(0, 2)}`);
  } catch {
    // Others are in it.
  }
}

function countObjects(path: string): number {
  if (path.endsWith(".dxpkg")) return 1;
  if (!/^([0-9a-f]{2})$/.test(path.slice(path.lastIndexOf("/") + 1))) return 0;
  return names(path).reduce((sum, name) => sum + countObjects(`${path}/${name}`), 0);
}

/** Bytes that go away with this path: a file that has other hardlinks stays on the disk. */
function sizeOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.nlink > 1 ? 0 : stats.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(`${path}/${name}`), 0);
}
