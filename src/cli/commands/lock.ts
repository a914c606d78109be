/** `dx-py lock` */
import { Failure } from "../../platform/errors.ts";
import { WHOLE_DEFAULT } from "../../project/environment-question.ts";
import { type LockOutcome, lockProject } from "../../project/lock-project.ts";
import type { PinOutcome } from "../../project/pin-outputs.ts";
import { askProjectsInterpreter } from "../../project/project-interpreter.ts";
import type { ToolSettings } from "../../project/tool-settings.ts";
import type { CliContext } from "../context.ts";
import type { LockFlags } from "../flags/lock-flags.ts";
import { lockJson, sayLock, sayPins } from "../lock-words.ts";
import { type OpenedProject, openProject } from "../open-project.ts";
import { perform } from "../perform.ts";

export async function lock(this: CliContext, flags: LockFlags): Promise<void> {
  await perform(this, flags, async (session) => {
    if (flags.pinOutputs === true && flags.check === true) {
      throw new Failure("DXPY_USAGE", "`--check` changes nothing, and `--pin-outputs` would", {
        exitCode: 2,
      });
    }
    const opened = await openProject(session, flags);
    const outcome = await lockProject({
      ...opened,
      // Even where nothing has to be resolved: a Python that is not there must not pass unnoticed.
      ...(flags.python === undefined
        ? {}
        : { asked: askProjectsInterpreter(opened.project, opened.flags, opened.context) }),
      upgrade: upgradesOf(flags, opened.project.main.settings),
      options: flags.check === true ? "keep" : "own",
      mode: flags.check === true ? "check" : flags.dryRun === true ? "dry-run" : "write",
    });
    session.reporter.settle();
    sayLock(session.reporter, outcome, flags.dryRun);
    // What was not written cannot be pinned.
    const asIs = flags.dryRun !== true || outcome.status === "fresh" || outcome.status === "confirmed";
    const pins =
      flags.pinOutputs === true && asIs ? await pin(opened, outcome, flags.dryRun !== true) : undefined;
    if (pins !== undefined) sayPins(session.reporter, pins);
    // Made only where it is wanted: it takes the whole lock apart.
    if (flags.json === true)
      session.reporter.json({ ...lockJson(outcome), ...(pins === undefined ? {} : { pins }) });
  });
}

async function pin(opened: OpenedProject, outcome: LockOutcome, write: boolean): Promise<PinOutcome> {
  outcome.read?.dpl.close();
  const { pinOutputs } = await import("../../project/pin-outputs.ts");
  return await pinOutputs({ ...opened, selection: WHOLE_DEFAULT }, write);
}

function upgradesOf(flags: LockFlags, settings: ToolSettings): true | string[] {
  if (flags.upgrade === true || settings.upgrade === true) return true;
  return [...(settings["upgrade-package"] ?? []), ...flags.upgradePackage];
}
