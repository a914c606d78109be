/** Answers `dx-py complete -- WORDS…`, which the completion scripts of the shells call: one `word<TAB>brief` per line. */
import { proposeCompletions } from "@stricli/core";
import type { CliContext } from "./context.ts";
import { writeLine } from "./reporter/write-line.ts";
import { APPLICATION } from "./whole-application.ts";

/** Directive of the scripts: offer no file names. */
const NO_FILES = ":4";

export async function answerCompletion(words: readonly string[], context: CliContext): Promise<number> {
  const typed = words[0] === "--" ? words.slice(1) : [...words];
  const partial = typed.at(-1) ?? "";
  try {
    const proposals = await proposeCompletions(APPLICATION, typed, context);
    for (const { completion, brief } of proposals) {
      if (completion.startsWith(partial)) writeLine(1, `${completion}\t${brief}`);
    }
  } catch {
    // A line that cannot be understood has no completion; a shell must not show an error for it.
  }
  writeLine(1, NO_FILES);
  return 0;
}
