/**
 * How a failure is told: what happened, where, the chain of causes, one hint. Readable without colour, and the same
 * facts as JSON. What is not a `Failure` is a defect of dx-py and says so, in one line.
 */
import { Failure } from "../../platform/errors.ts";
import { systemFailure } from "../../platform/system-failure.ts";
import type { Palette } from "./terminal.ts";

export function failureText(thrown: unknown, paint: Palette, verbose: boolean): string {
  const error = systemFailure(thrown) ?? thrown;
  const lines: string[] = [];
  const [first = "", ...rest] = messageOf(error).split("\n");
  lines.push(`${paint.bold(paint.red("error"))}: ${paint.bold(first)}`, ...rest);
  if (error instanceof Failure) {
    const place = placeOf(error, first);
    if (place !== undefined) lines.push(`  ${paint.cyan("-->")} ${place}`);
    if (error.context.detail) lines.push(...error.context.detail.split("\n").map((line) => `   ${line}`));
  }
  for (const cause of causes(error)) {
    const [said = "", ...more] = cause.split("\n");
    lines.push(`  ${paint.dim("caused by")}: ${said}`, ...more.map((line) => `    ${line}`));
  }
  if (error instanceof Failure && error.hint) lines.push(`${paint.bold(paint.cyan("hint"))}: ${error.hint}`);
  if (error instanceof Failure && verbose) lines.push(paint.dim(`code: ${error.code}`));
  if (!(error instanceof Failure)) {
    lines.push(
      `${paint.bold(paint.cyan("hint"))}: This is a defect of dx-py. Please report it with the command that you ran.`,
    );
    if (verbose && error instanceof Error && error.stack !== undefined) lines.push(paint.dim(error.stack));
  }
  return lines.join("\n");
}

/** `{"error": {code, message, hint, context, causes}}` */
export function failureJson(thrown: unknown): { error: Record<string, unknown> } {
  const error = systemFailure(thrown) ?? thrown;
  const failure = error instanceof Failure ? error : undefined;
  return {
    error: {
      code: failure?.code ?? "DXPY_DEFECT",
      message: messageOf(error),
      ...(failure?.hint === undefined ? {} : { hint: failure.hint }),
      ...(failure === undefined ? {} : { context: failure.context }),
      causes: causes(error),
    },
  };
}

export function exitCodeOf(error: unknown): 1 | 2 {
  return error instanceof Failure ? error.exitCode : 1;
}

function messageOf(error: unknown): string {
  if (error instanceof Failure) return error.message;
  return `dx-py failed: ${error instanceof Error ? error.message || error.name : String(error)}`;
}

/** At most five, each once: a cause that only repeats what stands above it says nothing. */
function causes(error: unknown): string[] {
  const said: string[] = [];
  const above = [error instanceof Error ? error.message : ""];
  for (let cause = causeOf(error); cause !== undefined && said.length < 5; cause = causeOf(cause)) {
    const text = cause instanceof Error ? cause.message || cause.name : String(cause);
    const known = above.some((message) => message.includes(text));
    if (!known) said.push(text);
    above.push(text);
  }
  return said;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function placeOf(error: Failure, message: string): string | undefined {
  const { path, line, column, file, url } = error.context;
  const where = path ?? file ?? url;
  if (where === undefined) return undefined;
  if (line === undefined) return message.includes(where) ? undefined : where;
  return column === undefined ? `${where}:${line}` : `${where}:${line}:${column}`;
}
