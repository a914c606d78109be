/**
 * The entry point. What is asked for most (an install, a run or a check where nothing changed, going back) is answered here, from
 * what this one chunk holds; everything else is behind `import()`.
 */

import { writeLine } from "./reporter/write-line.ts";
import { VERSION } from "./version.ts";
import { answerWarm } from "./warm.ts";
import { readWarmArguments } from "./warm-arguments.ts";
import { answerRollback } from "./warm-rollback.ts";

async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
    writeLine(1, `dx-py ${VERSION}`);
    return 0;
  }
  if (argv[0] === "env" && argv[1] === "rollback" && answerRollback(argv.slice(2))) return 0;
  const warm = readWarmArguments(argv);
  if (warm !== undefined) {
    try {
      const answered = await answerWarm(warm);
      if (answered !== undefined) return answered;
    } catch (error) {
      return (await import("./warm-failure.ts")).tellWarmFailure(error, warm);
    }
  }
  const { runCommandLine } = await import("./command-line.ts");
  return await runCommandLine(argv);
}

process.exit(await main(process.argv.slice(2)));
