/** Runs the body of a command: with a reporter, so that every failure is told in one way and becomes an exit code. */
import { Failure } from "../platform/errors.ts";
import type { GeneralFlags } from "./common-flags.ts";
import type { CliContext } from "./context.ts";
import { createReporter, type Reporter } from "./reporter/reporter.ts";

export interface Session {
  context: CliContext;
  reporter: Reporter;
  /** Absolute folder where the project is looked for. */
  start: string;
}

/** The body may return an exit code; nothing means 0. */
export async function perform(
  context: CliContext,
  flags: GeneralFlags,
  body: (session: Session) => Promise<number | undefined> | Promise<void>,
): Promise<void> {
  const reporter = createReporter({
    quiet: flags.quiet ?? false,
    verbose: flags.verbose ?? false,
    json: flags.json ?? false,
    color: flags.color ?? "auto",
    env: context.env,
  });
  try {
    const code = await body({ context, reporter, start: startFolder(context, flags) });
    reporter.settle();
    context.process.exitCode = code ?? 0;
  } catch (error) {
    context.process.exitCode = reporter.fail(error);
  }
}

function startFolder(context: CliContext, flags: GeneralFlags): string {
  // A file stands for the folder that it is in: completion in a shell ends there.
  const given = flags.project?.replace(/(^|\/)pyproject\.toml$/, "$1.");
  if (given === undefined || given === "") return context.cwd;
  const path = given.startsWith("/") ? given : `${context.cwd}/${given}`;
  const tidied = path.replace(/\/+(\.?\/)*$/, "") || "/";
  if (!tidied.includes("/.")) return tidied;
  try {
    return (require("node:fs") as typeof import("node:fs")).realpathSync(tidied);
  } catch (cause) {
    throw new Failure("DXPY_NO_PROJECT", `${given} is not a folder`, {
      context: { path: given },
      hint: "Check the path after `--project`.",
      cause,
      exitCode: 2,
    });
  }
}
