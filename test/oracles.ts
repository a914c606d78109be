/** The reference implementations that tests compare with; `scripts/oracles.ts` installs them. */
import { installedOracles } from "../scripts/oracles.ts";

/** The Python that has `packaging`, `installer`, `pip` and `uv`; `undefined`: not installed, so skip with `test.skipIf`. */
export function oraclePython(): string | undefined {
  return installedOracles();
}

/**
 * Runs one Python process over all the questions, which `script` reads as lines of JSON from standard input and answers each
 * with one line of JSON. Throws when it fails or answers another number of questions.
 */
export function askPython(python: string, script: string, questions: readonly unknown[]): unknown[] {
  const input = questions.map((one) => JSON.stringify(one)).join("\n");
  const done = Bun.spawnSync([python, "-I", "-X", "utf8", "-c", script], {
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  if (done.exitCode !== 0) throw new Error(`the oracle failed:\n${done.stderr.toString()}`);
  const answers = done.stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
  if (answers.length !== questions.length) {
    throw new Error(`the oracle gave ${answers.length} answers to ${questions.length} questions`);
  }
  return answers;
}
