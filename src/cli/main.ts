/**
 * The entry point. What is asked for most (an install, a run or a check where nothing changed) is answered here, from
 * what this one chunk holds; everything else is behind `import()`. `scripts/build.ts` makes one chunk of this file and all
 * that it imports, and others of `warm.ts` and `warm-rollback.ts`: what they share with the rest of the program, they have copies of.
 */
import { answerStanding } from "./answer-standing.ts";
import { writeAtOnce } from "./reporter/write-at-once.ts";
import { VERSION } from "./version.ts";
import { readWarmArguments } from "./warm-arguments.ts";

async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
    await writeAtOnce(1, `dx-py ${VERSION}`);
    return 0;
  }
  if (argv[0] === "env" && argv[1] === "rollback") {
    const { answerRollback } = await import("./warm-rollback.ts");
    if (answerRollback(argv.slice(2))) return 0;
  }
  const warm = readWarmArguments(argv);
  if (warm !== undefined) {
    try {
      const answered = (await answerStanding(warm)) ?? (await (await import("./warm.ts")).answerWarm(warm));
      if (answered !== undefined) return answered;
    } catch (error) {
      return (await import("./warm-failure.ts")).tellWarmFailure(error, warm);
    }
  }
  const { runCommandLine } = await import("./command-line.ts");
  const code = await runCommandLine(argv);
  if (warm !== undefined && warm.command !== "run" && code === 0)
    (await import("./warm.ts")).rememberOutcome(warm);
  return code;
}

process.exit(await main(process.argv.slice(2)));
