/** The whole command line: everything that the entry point does not answer by itself. */
import { homeFolders } from "../platform/home.ts";
import { arrange } from "./arguments.ts";
import type { CliContext } from "./context.ts";
import { runPlain } from "./plain-words.ts";
import { writeLine } from "./reporter/write-line.ts";
import { VERSION } from "./version.ts";

/** Returns the exit code: 0 done, 1 the request failed, 2 wrong usage or input. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const env = process.env;
  if (argv[0] === "complete")
    return await (await import("./completion.ts")).answerCompletion(argv.slice(1), makeContext(env));
  const system = argv[0] === "--system";
  const words = arrange(system ? argv.slice(1) : argv);
  if (words.length === 0 || words[0] === "--help" || words[0] === "-h" || words[0] === "-H") {
    writeLine(1, (await import("./overview.ts")).overview());
    return 0;
  }
  if (words.includes("--version") && words.every((word) => word.startsWith("-"))) {
    writeLine(1, `dx-py ${VERSION}`);
    return 0;
  }
  const json = wantsJson(words);
  const context = system ? await systemContext(env, json) : makeContext(env);
  if (typeof context === "number") return context;
  if (json) context.process.stderr.write = (text) => writeUsageJson(text);
  const command = words[0] === "sync" ? "install" : words[0];
  if (!(await runPlain(command, words.slice(1), context)))
    await (await import("./one-command.ts")).runParsed(command, words, context);
  const code = Number(context.process.exitCode ?? 0);
  return code < 0 ? (code <= -4 ? 2 : 1) : code;
}

/** Among the options of dx-py itself: those of what `run` and `pip` start come after `--`. */
function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return (end < 0 ? words : words.slice(0, end)).includes("--json");
}

/** Wrong usage is found before a command runs, by the parser: `error: …`, and perhaps `hint: …`. */
function writeUsageJson(text: string): void {
  const [, message, hint] = /^error: (.*?)(?:\nhint: (.*?))?\n*$/s.exec(text) ?? [];
  if (message === undefined) writeLine(2, text.replace(/\n+$/, ""));
  else {
    const said = { code: "DXPY_USAGE", message, ...(hint === undefined ? {} : { hint }), causes: [] };
    writeLine(1, JSON.stringify({ error: said }, undefined, 2));
  }
}

/** Stricli gets streams of its own: the real `process.stdout` would cost milliseconds (DESIGN, "Facts"). */
function makeContext(env: Record<string, string | undefined>): CliContext {
  return {
    process: {
      stdout: { write: (text: string) => writeLine(1, text.replace(/\n+$/, "")) },
      stderr: { write: (text: string) => writeLine(2, text.replace(/\n+$/, "")) },
      env: { ...env, STRICLI_NO_COLOR: "1", STRICLI_SKIP_VERSION_CHECK: "1" },
    },
    cwd: process.cwd(),
    env,
    home: homeFolders(env),
  };
}

/** `dx-py --system …`: the command works on the store of all users, whose files everybody may read. A number: there is none, and why was told. */
async function systemContext(
  env: Record<string, string | undefined>,
  json: boolean,
): Promise<CliContext | number> {
  const { ensureSystemStore, systemHome } = await import("../store/system-store.ts");
  const home = systemHome(env);
  process.umask(0o022);
  try {
    ensureSystemStore(home);
  } catch (error) {
    const { createReporter } = await import("./reporter/reporter.ts");
    return createReporter({ quiet: false, verbose: false, json, color: "auto", env }).fail(error);
  }
  return { ...makeContext(env), home };
}
