/** `dx-py run` */
import { existsSync } from "node:fs";
import { Failure } from "../../platform/errors.ts";
import { replaceProcess } from "../../platform/replace-process.ts";
import { openStores } from "../../project/build-hooks.ts";
import { type InstalledProject, installProject } from "../../project/install-project.ts";
import type { CliContext } from "../context.ts";
import type { RunFlags } from "../flags/install-flags.ts";
import { sayInstalled } from "../install-words.ts";
import { missingCommand } from "../missing-command.ts";
import { type OpenedProject, openProject } from "../open-project.ts";
import { perform, type Session } from "../perform.ts";
import { runEnvironment } from "../run-environment.ts";
import { selectionOf } from "../selection-flags.ts";

export async function runCommand(this: CliContext, flags: RunFlags, ...argv: string[]): Promise<void> {
  await perform(this, flags, async (session) => {
    if (argv.length === 0) {
      throw new Failure("DXPY_USAGE", "`dx-py run` wants a command", {
        hint: "For instance: dx-py run python script.py",
        exitCode: 2,
      });
    }
    const opened = await openProject(session, flags);
    const { root } = opened.project;
    let bin = `${root}/.venv/${process.platform === "win32" ? "Scripts" : "bin"}`;
    if (flags.noSync !== true) {
      const installed = await installProject({
        ...opened,
        selection: selectionOf(flags),
        lockMode: flags.frozen === true ? "frozen" : flags.locked === true ? "locked" : "write",
        upgrade: [],
      });
      bin = `${installed.environment.layoutPath}/${installed.interpreter.paths.scripts}`;
      if (flags.packed === true || flags.packedData === true)
        bin = await packedScripts(session, opened, flags, installed);
      session.reporter.settle();
      // The command's own output is what was asked for: a word only where something had to be done.
      if (installed.environment.changed || session.reporter.options.verbose)
        sayInstalled(session.reporter, installed);
    } else if (!existsSync(bin)) {
      throw new Failure("DXPY_NO_ENVIRONMENT", `There is no environment in ${root}`, {
        hint: "Run `dx-py install`.",
      });
    }
    // What this process keeps to its end (staging folders, a temporary home) ends here: it becomes another.
    process.emit("exit", 0);
    try {
      replaceProcess(...runEnvironment(argv, bin, `${root}/.venv`, session.context.env));
    } catch (error) {
      throw missingCommand(error, argv[0] as string, bin);
    }
  });
}

/** The scripts folder of the same environment with its pure packages packed. */
async function packedScripts(
  { reporter }: Session,
  { context }: OpenedProject,
  flags: RunFlags,
  { environment, interpreter }: InstalledProject,
): Promise<string> {
  const { packedEnvironment } = await import("../../environment/packed/packed-environment.ts");
  const { prefix, packed, unpacked } = await packedEnvironment({
    home: context.home,
    store: openStores(context),
    interpreter,
    packages: environment.realised,
    withData: flags.packedData === true,
  });
  reporter.detail(`packed: ${packed.join(", ") || "none"}`);
  reporter.detail(`with a tree: ${unpacked.join(", ") || "none"}`);
  return `${prefix}/${interpreter.paths.scripts}`;
}
