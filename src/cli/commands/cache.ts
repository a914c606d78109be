/** `dx-py cache dir` and `clean` */
import { existsSync, lstatSync } from "node:fs";
import { cleanHome } from "../../environment/clean.ts";
import { listRoots } from "../../environment/roots.ts";
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
    const layouts = store || flags.layouts === true;
    const index = all || flags.index === true;
    const { removed, inUse } = existsSync(home.root)
      ? await cleanHome({ home, layouts, store, index, interpreters: all })
      : { removed: [], inUse: 0 };
    const names = removed.map((path) => path.slice(home.root.length + 1));
    reporter.note(
      removed.length === 0 ? "There was nothing to remove" : `Removed ${names.join(", ")} from ${home.root}`,
    );
    if (inUse > 0) {
      const what = inUse === 1 ? "environment stays" : "environments stay";
      reporter.note(`${inUse} ${what}: a program is running in ${inUse === 1 ? "it" : "them"}`);
    }
    const attached = layouts
      ? listRoots(home).filter(({ link }) => lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink())
      : [];
    if (attached.length > 0 && removed.length > 0) {
      reporter.note(
        `${count(attached.length, "environment")} will be made again by the next \`dx-py install\` in ${attached.length === 1 ? "its project" : "their projects"}`,
      );
    }
    reporter.json({ removed: names, inUse });
  });
}
