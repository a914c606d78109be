/** `dx-py cache dir` and `clean` */
import { existsSync, lstatSync, readdirSync, renameSync, rmSync } from "node:fs";
import { listRoots } from "../../environment/roots.ts";
import { withIndexLock } from "../../layout/dxc-writer.ts";
import type { Home } from "../../platform/home.ts";
import { createStaging, removeTree, sweepStaging } from "../../platform/staging.ts";
import { storeLockPath, whileCollecting } from "../../store/store-lock.ts";
import { isSystemHome } from "../../store/system-store.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import type { CleanFlags } from "../flags/machine-flags.ts";
import { perform } from "../perform.ts";
import { count } from "../reporter/amounts.ts";

export async function cacheDir(this: CliContext, flags: GeneralFlags): Promise<void> {
  await perform(this, flags, async ({ reporter }) => {
    reporter.result(this.home.root);
    reporter.json({ dir: this.home.root });
  });
}

export async function cacheClean(this: CliContext, flags: CleanFlags): Promise<void> {
  await perform(this, flags, async ({ reporter }) => {
    const { home } = this;
    if (isSystemHome(home, this.env)) {
      // Other users have parts of it in use where they lie: those stay.
      const { pruneHome } = await import("../../environment/prune.ts");
      const { sayPruned } = await import("./cache-prune.ts");
      sayPruned(reporter, await pruneHome({ home, keepDays: 0 }), false);
      return;
    }
    const chosen = flags.layouts === true || flags.store === true || flags.index === true;
    const all = flags.all === true || !chosen;
    const store = all || flags.store === true;
    // A layout is links into the store: without it, it would look whole and be broken.
    const layouts = store || flags.layouts === true;
    const index = all || flags.index === true;
    const removed: string[] = [];
    if (existsSync(home.root)) {
      sweepStaging(home);
      if (layouts) {
        // Installs that run rely on what would be taken away, and no root says so yet: they end first.
        await whileCollecting(home, async () => {
          await withIndexLock(home, () => takeAway(home, [home.layoutsIndex, home.layouts], removed));
          if (store && takeAway(home, storeContent(home), []) > 0) removed.push(home.store);
        });
      }
      if (index) takeAway(home, [home.index], removed);
      if (all) takeAway(home, [home.interpreters], removed);
    }
    const names = removed.map((path) => path.slice(home.root.length + 1));
    reporter.note(
      removed.length === 0 ? "There was nothing to remove" : `Removed ${names.join(", ")} from ${home.root}`,
    );
    const attached = layouts
      ? listRoots(home).filter(({ link }) => lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink())
      : [];
    if (attached.length > 0 && removed.length > 0) {
      reporter.note(
        `${count(attached.length, "environment")} will be made again by the next \`dx-py install\` in ${attached.length === 1 ? "its project" : "their projects"}`,
      );
    }
    reporter.json({ removed: names });
  });
}

/** All but the lock, which keeps others out meanwhile. */
function storeContent(home: Home): string[] {
  return readdirSync(home.store)
    .map((name) => `${home.store}/${name}`)
    .filter((path) => path !== storeLockPath(home));
}

/** Moved away in one step each, then removed: nobody sees a half of it. Returns how many there were. */
function takeAway(home: Home, paths: readonly string[], removed: string[]): number {
  const staging = createStaging(home);
  let taken = 0;
  try {
    for (const [i, path] of paths.entries()) {
      if (!moveAside(path, `${staging}/${i}`)) continue;
      removed.push(path);
      taken += 1;
    }
    return taken;
  } finally {
    removeTree(staging);
    rmSync(staging, { force: true, recursive: true });
  }
}

/** False where there is nothing: nothing was, or another one that cleans was faster. */
function moveAside(path: string, to: string): boolean {
  try {
    renameSync(path, to);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return false;
    throw error;
  }
}
