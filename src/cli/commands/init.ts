/** `dx-py init` */
import { findInterpreter } from "../../interpreters/find.ts";
import { Failure } from "../../platform/errors.ts";
import { initProject } from "../../project/init-project.ts";
import { tidy } from "../../project/workspace.ts";
import type { CliContext } from "../context.ts";
import type { InitFlags } from "../flags/lock-flags.ts";
import { perform } from "../perform.ts";

export async function init(this: CliContext, flags: InitFlags, folder?: string): Promise<void> {
  await perform(this, flags, async ({ reporter, start }) => {
    if (flags.lib === true && flags.app === true) {
      throw new Failure("DXPY_USAGE", "`--lib` and `--app` exclude each other", { exitCode: 2 });
    }
    const dir = folder === undefined ? start : tidy(folder.startsWith("/") ? folder : `${start}/${folder}`);
    const interpreter = await findInterpreter(
      { ...(flags.python === undefined ? {} : { python: flags.python }), projectDir: start },
      { home: this.home, env: this.env },
    );
    const made = await initProject({
      dir,
      kind: flags.lib === true ? "lib" : "app",
      interpreter,
      ...(flags.name === undefined ? {} : { name: flags.name }),
      ...(flags.description === undefined ? {} : { description: flags.description }),
    });
    reporter.note(
      `${reporter.paintNote.green("Made")} the project \`${made.name}\`: ${made.files.join(", ")}`,
    );
    for (const warning of made.warnings) reporter.warn(warning);
    reporter.json({ name: made.name, path: dir, files: made.files });
  });
}
