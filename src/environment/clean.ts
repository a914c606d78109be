import { rebuildIndex, withIndexLock } from "../layout/dxc-writer.ts";
import { readDescription } from "../layout/layout-description.ts";
import type { Home } from "../platform/home.ts";
import { moveAway } from "../platform/move-folder.ts";
import { namesIn } from "../platform/names-in.ts";
import { createStaging, removeTree, sweepStaging } from "../platform/staging.ts";
import { removeObjectsLocked } from "../store/collect.ts";
import { removeUnusedLinks } from "../store/optimise.ts";
import { listLevel } from "../store/store-level.ts";
import { storeLockPath, whileCollecting } from "../store/store-lock.ts";
import { layoutsOfProcesses, objectsOfProcesses, runsHaveStarted } from "./process-uses.ts";

export interface CleanOptions {
  home: Home;
  layouts: boolean;
  /** With the layouts: they are links into it, and without it would look whole and be broken. */
  store: boolean;
  index: boolean;
  interpreters: boolean;
}

export interface Cleaned {
  /** Parts of the home of which something was there: absolute paths. */
  removed: string[];
  /** Layouts of running programs, which are still there. */
  inUse: number;
}

/** The home is there. Waits for running installs. */
export async function cleanHome(options: CleanOptions): Promise<Cleaned> {
  const { home } = options;
  const cleaned: Cleaned = { removed: [], inUse: 0 };
  sweepStaging(home);
  if (options.layouts || options.store) {
    // Installs that run rely on what would be taken away, and no root says so yet: they end first.
    await whileCollecting(home, () => cleanLayouts(home, options.store, cleaned));
  }
  if (options.index) takeAway(home, home.index, [home.index], cleaned);
  if (options.interpreters) takeAway(home, home.interpreters, [home.interpreters], cleaned);
  return cleaned;
}

async function cleanLayouts(home: Home, store: boolean, cleaned: Cleaned): Promise<void> {
  // Nobody finds a layout from now on; who found one before is waited for, until it can be seen what he uses.
  await withIndexLock(home, () => takeAway(home, home.layoutsIndex, [home.layoutsIndex], cleaned));
  await runsHaveStarted();
  const running = layoutsOfProcesses(home);
  const layouts = namesIn(home.layouts);
  const staying = layouts.filter((name) => running.has(name));
  cleaned.inUse = staying.length;
  await withIndexLock(home, () => {
    if (staying.length === 0) return takeAway(home, home.layouts, [home.layouts], cleaned);
    const going = layouts.filter((name) => !running.has(name)).map((name) => `${home.layouts}/${name}`);
    takeAway(home, home.layouts, going, cleaned);
  });
  const needed = new Set(objectsOfProcesses(home));
  for (const name of staying) {
    const { packages = [] } = readDescription(`${home.layouts}/${name}`) ?? {};
    for (const { outputHash } of packages) needed.add(outputHash);
  }
  if (staying.length > 0) await rebuildIndex(home);
  if (!store) return;
  if (needed.size === 0) {
    takeAway(home, home.store, storeContent(home), cleaned);
    return;
  }
  const going = listLevel(home.store).filter((hash) => !needed.has(hash));
  if (removeObjectsLocked(home, going).objects > 0) cleaned.removed.push(home.store);
  removeUnusedLinks(home);
}

/** All but the lock, which keeps others out meanwhile. */
function storeContent(home: Home): string[] {
  return namesIn(home.store)
    .map((name) => `${home.store}/${name}`)
    .filter((path) => path !== storeLockPath(home));
}

/** Moved away in one step each, then removed: nobody sees a half of it. */
function takeAway(home: Home, part: string, paths: readonly string[], cleaned: Cleaned): void {
  const staging = createStaging(home);
  try {
    const taken = paths.filter((path, i) => moveAway(path, `${staging}/${i}`));
    if (taken.length > 0) cleaned.removed.push(part);
  } finally {
    removeTree(staging);
  }
}
