/**
 * The entry point. What is asked for most (an install, a run or a check where nothing changed) is answered here, from
 * what this one chunk holds; everything else is behind `import()`. `scripts/build.ts` makes one chunk of this file and all
 * that it imports, and others of `warm.ts` and `warm-rollback.ts`: what they share with the rest of the program, they have copies of.
 */
import { answerStanding } from "./answer-standing.ts";
import { writeAtOnce } from "./reporter/write-at-once.ts";
import { VERSION } from "./version.ts";
import { readWarmArguments, type WarmCommand } from "./warm-arguments.ts";

function main(argv: readonly string[]): number | Promise<number> {
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V"))
    return writeAtOnce(1, `dx-py ${VERSION}`).then(() => 0);
  if (argv[0] === "env" && argv[1] === "rollback") return rollBack(argv);
  const warm = readWarmArguments(argv);
  if (warm === undefined) return runLongWay(argv);
  try {
    const answered = answerStanding(warm);
    return typeof answered === "number" ? answered : lookCloser(argv, warm, answered);
  } catch (error) {
    return tellFailure(error, warm);
  }
}

async function lookCloser(
  argv: readonly string[],
  warm: WarmCommand,
  standing: ReturnType<typeof answerStanding>,
): Promise<number> {
  try {
    const answered = (await standing) ?? (await (await import("./warm.ts")).answerWarm(warm));
    if (answered !== undefined) return answered;
  } catch (error) {
    return await tellFailure(error, warm);
  }
  const code = await runLongWay(argv);
  if (warm.command !== "run" && code === 0) (await import("./warm.ts")).rememberOutcome(warm);
  return code;
}

async function rollBack(argv: readonly string[]): Promise<number> {
  const { answerRollback } = await import("./warm-rollback.ts");
  return answerRollback(argv.slice(2)) ? 0 : await runLongWay(argv);
}

async function runLongWay(argv: readonly string[]): Promise<number> {
  const { runCommandLine } = await import("./command-line.ts");
  return await runCommandLine(argv);
}

async function tellFailure(error: unknown, warm: WarmCommand): Promise<number> {
  return await (await import("./warm-failure.ts")).tellWarmFailure(error, warm);
}

const code = main(process.argv.slice(2));
// What is answered at once ends without the event loop and what an `await` needs: a twentieth of a millisecond each.
if (typeof code === "number") process.exit(code);
else void code.then(process.exit);
