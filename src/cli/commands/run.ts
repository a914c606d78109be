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
import { isGone } from "../warm-words.ts";

export async function runCommand(this: CliContext, flags: RunFlags, ...argv: string[]): Promise<void> {
  await perform(this, flags, async (session) => {
    if (argv.length === 0) {
      throw new Failure("DXPY_USAGE", "`dx-py run` wants a command", {
        hint: "For instance: dx-py run python script.py",
        exitCode: 2,
      });
    }
    for (let attempt = 1; ; attempt += 1) {
      const bin = await scriptsFolder(session, flags);
      // What this process keeps to its end (staging folders, a temporary home) ends here: it becomes another.
      process.emit("exit", 0);
      try {
        const [words, variables] = runEnvironment(argv, bin.path, bin.link, session.context.env);
        if (words[0]?.startsWith(`${bin.path}/`) || !isGone(bin.path)) replaceProcess(words, variables);
      } catch (error) {
        if (!isGone(bin.path)) throw missingCommand(error, argv[0] as string, bin.path);
      }
      // Taken away between the installing and the start (`cache clean`).
      if (attempt === ATTEMPTS || flags.noSync === true) throw gone(bin.link);
    }
  });
}

const ATTEMPTS = 3;

function gone(link: string): Failure {
  return new Failure("DXPY_NO_ENVIRONMENT", "The environment was taken away while the command was started", {
    context: { path: link },
    hint: "Is `dx-py cache clean` running, again and again? Run the command once more.",
  });
}

/** The scripts folder to start from, by its own path, and the project's link; installs what is missing, unless it must not. */
async function scriptsFolder(session: Session, flags: RunFlags): Promise<{ path: string; link: string }> {
  const opened = await openProject(session, flags);
  const { root } = opened.project;
  const link = `${root}/.venv`;
  if (flags.noSync === true) {
    const path = `${link}/${process.platform === "win32" ? "Scripts" : "bin"}`;
    if (existsSync(path)) return { path, link };
    throw new Failure("DXPY_NO_ENVIRONMENT", `There is no environment in ${root}`, {
      hint: "Run `dx-py install`.",
    });
  }
  const installed = await installProject({
    ...opened,
    selection: selectionOf(flags),
    lockMode: flags.frozen === true ? "frozen" : flags.locked === true ? "locked" : "write",
    upgrade: [],
  });
  const path =
    flags.packed === true || flags.packedData === true
      ? await packedScripts(session, opened, flags, installed)
      : `${installed.environment.layoutPath}/${installed.interpreter.paths.scripts}`;
  session.reporter.settle();
  // The command's own output is what was asked for: a word only where something had to be done.
  if (installed.environment.changed || session.reporter.options.verbose)
    sayInstalled(session.reporter, installed);
  return { path, link };
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
