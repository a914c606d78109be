/** `dx-py run` */
import { existsSync } from "node:fs";
import { Failure } from "../../platform/errors.ts";
import { replaceProcess } from "../../platform/process.ts";
import { installProject } from "../../project/install-project.ts";
import type { CliContext } from "../context.ts";
import type { RunFlags } from "../flags/install-flags.ts";
import { sayInstalled } from "../install-words.ts";
import { openProject } from "../open-project.ts";
import { perform } from "../perform.ts";
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
      if (!(error instanceof Failure) || error.code !== "DXPY_CANNOT_START") throw error;
      throw new Failure(
        "DXPY_NO_COMMAND",
        `There is no command \`${argv[0]}\` in the environment or on PATH`,
        {
          hint: "Add the package that brings it with `dx-py add`.",
          cause: error.cause,
        },
      );
    }
  });
}
