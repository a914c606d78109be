/** A failure on the warm path, told as the full command line would tell it. */
import { missingCommand } from "./missing-command.ts";
import { createReporter } from "./reporter/reporter.ts";
import type { WarmCommand } from "./warm-arguments.ts";

/** Returns the exit code. */
export function tellWarmFailure(error: unknown, { quiet, verbose, json, argv }: WarmCommand): 1 | 2 {
  const reporter = createReporter({ quiet, verbose, json, color: "auto", env: process.env });
  return reporter.fail(missingCommand(error, argv[0] ?? ""));
}
