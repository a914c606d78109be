/** `dx-py lock` */
import { lockProject } from "../../project/lock-project.ts";
import { interpreterFor } from "../../project/project-interpreter.ts";
import type { ToolSettings } from "../../project/tool-settings.ts";
import type { CliContext } from "../context.ts";
import type { LockFlags } from "../flags/lock-flags.ts";
import { lockJson, sayLock } from "../lock-words.ts";
import { openProject } from "../open-project.ts";
import { perform } from "../perform.ts";

export async function lock(this: CliContext, flags: LockFlags): Promise<void> {
  await perform(this, flags, async (session) => {
    const opened = await openProject(session, flags);
    // Said even where nothing has to be resolved: a Python that is not there must not pass unnoticed.
    if (flags.python !== undefined) await interpreterFor(opened.project, opened.flags, opened.context);
    const outcome = await lockProject({
      ...opened,
      upgrade: upgradesOf(flags, opened.project.main.settings),
      options: flags.check === true ? "keep" : "own",
      mode: flags.check === true ? "check" : flags.dryRun === true ? "dry-run" : "write",
    });
    session.reporter.settle();
    sayLock(session.reporter, outcome, flags.dryRun);
    session.reporter.json(lockJson(outcome));
  });
}

function upgradesOf(flags: LockFlags, settings: ToolSettings): true | string[] {
  if (flags.upgrade === true || settings.upgrade === true) return true;
  return [...(settings["upgrade-package"] ?? []), ...flags.upgradePackage];
}
