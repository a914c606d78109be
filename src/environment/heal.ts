/**
 * Healing: a layout that was changed, lost files, or is not in the index is verified or built again in its place, and
 * the index says so (requirement L7).
 */
import { type BuiltLayout, buildLayout } from "../layout/build-layout.ts";
import { type DxcRecord, type LayoutRecord, UNKNOWN_STAMPS } from "../layout/dxc-format.ts";
import { insertHoldingLock, rebuildIndex, withIndexLock } from "../layout/dxc-writer.ts";
import { readDescription } from "../layout/layout-description.ts";
import type { LayoutPlan } from "../layout/layout-plan.ts";
import { lookupLayout } from "../layout/open-dxc.ts";
import { layoutRecord } from "../layout/settle-layout.ts";
import { verifyLayout } from "../layout/verify-layout.ts";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { moveFolder } from "../platform/move-folder.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import type { Store } from "../store/store.ts";
import { indexPath } from "../store/store-level.ts";
import { looksHealthy } from "./layout-health.ts";

/** The record of a layout. An index that cannot be read is rebuilt from the layouts, and asked again. */
export async function findLayout(home: Home, key: Uint8Array): Promise<LayoutRecord | undefined> {
  try {
    return lookupLayout(home.layoutsIndex, key);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await rebuildIndex(home);
    return lookupLayout(home.layoutsIndex, key);
  }
}

export interface Healed {
  record: LayoutRecord;
  /** Absent: the layout was found to be whole, or another process healed it meanwhile. */
  built?: BuiltLayout;
}

/**
 * Makes the layout of a plan right, whatever is in its place: one process at a time, so that nobody takes away what
 * another has just healed.
 */
export async function healLayout(home: Home, plan: LayoutPlan, hash: string): Promise<Healed> {
  return await withIndexLock(home, () => {
    const key = Uint8Array.fromHex(hash);
    const known = readRecord(home, key);
    if (known !== undefined && looksHealthy(home, known)) return { record: known };
    const path = `${home.layouts}/${hash}`;
    const unknown = known === undefined || known.stamps.siteMtime === UNKNOWN_STAMPS.siteMtime;
    // Not in the index, or in a rebuilt one: nothing says that it was changed, so it is looked at first.
    if (unknown) {
      const record = recordIfWhole(plan, path, hash);
      if (record !== undefined) {
        insertHoldingLock(home, [record]);
        return { record };
      }
    }
    const built = buildLayout(plan, home, { replace: true, hash });
    insertHoldingLock(home, [built.record]);
    return { record: built.record, built };
  });
}

function readRecord(home: Home, key: Uint8Array): LayoutRecord | undefined {
  try {
    return lookupLayout(home.layoutsIndex, key);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function recordIfWhole(plan: LayoutPlan, path: string, hash: string): LayoutRecord | undefined {
  const description = readDescription(path);
  if (description?.projectHash !== hash) return undefined;
  try {
    if (verifyLayout(plan, path, 1).length > 0) return undefined;
    return layoutRecord(path, description, 0);
  } catch {
    return undefined;
  }
}

/** Adds records to the index. */
export async function rememberRecords(home: Home, records: readonly DxcRecord[]): Promise<void> {
  await withIndexLock(home, () => insertHoldingLock(home, records));
}

/**
 * Verifies packages of the user's store, and takes those that are damaged out of it, so that realising makes them again.
 * Returns their hashes. Reads every file: for when something is known to be wrong.
 */
export async function discardDamaged(home: Home, store: Store, hashes: readonly string[]): Promise<string[]> {
  const damaged: string[] = [];
  for (const hash of new Set(hashes)) {
    const result = await store.verify(hash).catch(() => undefined);
    if (result?.ok || (result !== undefined && onlyModes(result))) continue;
    const staging = createStaging(home);
    try {
      // The index file first: without it the object does not count.
      moveAside(indexPath(store.root, hash), `${staging}/index`);
      const tree = store.objectPath(hash);
      moveAside(tree, `${staging}/tree`, store.root);
    } finally {
      removeTree(staging);
    }
    damaged.push(hash);
  }
  return damaged;
}

function onlyModes(result: { fault?: string; missing: string[]; changed: string[] }): boolean {
  return result.fault === undefined && result.missing.length === 0 && result.changed.length === 0;
}

/** What belongs to another level of the store stays. */
function moveAside(path: string, to: string, root?: string): void {
  if (root !== undefined && !path.startsWith(`${root}/`)) return;
  try {
    moveFolder(path, to);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
}
