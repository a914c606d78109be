/**
 * The entry point. What is asked for most (an install, a run or a check where nothing changed) is answered here, from
 * what this one chunk holds; everything else is behind `import()`.
 */
import { VERSION } from "./version.ts";

const argv = process.argv.slice(2);

async function main(): Promise<number> {
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
    console.log(`dx-py ${VERSION}`);
    return 0;
  }
  const { runCommandLine } = await import("./command-line.ts");
  return await runCommandLine(argv);
}

process.exit(await main());
