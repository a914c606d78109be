/** `dx-py cache pull` */
import { pull } from "../../project/cache-acts.ts";
import type { CliContext } from "../context.ts";
import type { PullFlags } from "../flags/cache-flags.ts";
import { openProject } from "../open-project.ts";
import { perform } from "../perform.ts";
import { count, formatDuration } from "../reporter/amounts.ts";
import { selectionOf } from "../selection-flags.ts";
import { absolute } from "./cache-push.ts";

export async function cachePull(this: CliContext, flags: PullFlags, folder?: string): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const started = performance.now();
    const start = folder === undefined ? session.start : absolute(folder, this.cwd);
    const opened = await openProject({ ...session, start }, flags);
    const outcome = await pull({ ...opened, selection: selectionOf(flags) }, flags.from);
    reporter.settle();
    const { pulled, present, missing } = outcome;
    reporter.note(
      `Pulled ${count(pulled.length, "package")} in ${formatDuration(performance.now() - started)}; ${present.length} were in the store`,
    );
    if (missing.length > 0) {
      const named = missing.slice(0, 10).join(", ");
      reporter.warn(
        `No cache has ${count(missing.length, "package")}: ${named}${missing.length > 10 ? ", …" : ""}; \`dx-py install\` fetches or builds them`,
      );
    }
    reporter.json(outcome);
    return missing.length === 0 ? 0 : 1;
  });
}
