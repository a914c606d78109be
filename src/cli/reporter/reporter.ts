/** Where words go: results on stdout, everything that is said about the work on stderr. */
import { exitCodeOf, failureJson, failureText } from "./failure-text.ts";
import type { ProgressBoard } from "./progress.ts";
import { type ColorChoice, isTerminal, type Palette, palette, takesColor } from "./terminal.ts";
import { writeLine } from "./write-line.ts";

export interface ReporterOptions {
  quiet: boolean;
  verbose: boolean;
  json: boolean;
  color: ColorChoice;
  env: Readonly<Record<string, string | undefined>>;
}

export interface Reporter {
  readonly options: ReporterOptions;
  /** Colours for stdout. */
  readonly paint: Palette;
  /** Colours for stderr. */
  readonly paintNote: Palette;
  /** A result, on stdout, also with `-q`. Not with `--json`. */
  result(text: string): void;
  /** The result as one JSON document, on stdout, with `--json` only. */
  json(value: unknown): void;
  /** What was done, on stderr; not with `-q`. */
  note(text: string): void;
  /** More of it, with `-v`. */
  detail(text: string): void;
  warn(text: string): void;
  /** Tells a failure and returns the exit code. */
  fail(error: unknown): 1 | 2;
  /** Live lines while something lasts; `undefined` when stderr is not a terminal, or not wanted. */
  board(): Promise<ProgressBoard | undefined>;
  /** Takes the live lines away. */
  settle(): void;
}

export function createReporter(options: ReporterOptions): Reporter {
  const paint = palette(takesColor(1, options.color, options.env));
  const paintNote = palette(takesColor(2, options.color, options.env));
  let board: ProgressBoard | undefined;
  const warned = new Set<string>();
  const say = (text: string) => {
    board?.clear();
    writeLine(2, text);
  };
  return {
    options,
    paint,
    paintNote,
    result(text) {
      if (options.json) return;
      board?.clear();
      writeLine(1, text);
    },
    json(value) {
      if (options.json)
        writeLine(
          1,
          JSON.stringify(value, (_, item) => (typeof item === "bigint" ? String(item) : item), 2),
        );
    },
    note(text) {
      if (!options.quiet) say(text);
    },
    detail(text) {
      if (options.verbose && !options.quiet) say(paintNote.dim(text));
    },
    warn(text) {
      if (warned.has(text)) return;
      warned.add(text);
      if (!options.quiet) say(`${paintNote.bold(paintNote.yellow("warning"))}: ${text}`);
    },
    fail(error) {
      board?.clear();
      if (options.json) writeLine(1, JSON.stringify(failureJson(error), undefined, 2));
      else writeLine(2, failureText(error, paintNote, options.verbose));
      return exitCodeOf(error);
    },
    async board() {
      if (options.quiet || options.json || options.env["CI"] || !isTerminal(2)) return undefined;
      const { createProgressBoard } = await import("./progress.ts");
      board ??= await createProgressBoard(paintNote);
      return board;
    },
    settle() {
      board?.clear();
      board = undefined;
    },
  };
}
