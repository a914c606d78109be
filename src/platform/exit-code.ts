/** How a program ended, and why it did not begin. */
import { Failure } from "./errors.ts";

const SIGNALS: Record<string, number> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** The exit code; 128 + n where signal n ended it. */
export function exitCode(code: number | null, signal: string | number | null | undefined): number {
  if (typeof signal === "number" && signal > 0) return 128 + signal;
  if (typeof signal === "string" && signal !== "") return 128 + (SIGNALS[signal] ?? 0);
  return code ?? 1;
}

export function cannotStart(argv: readonly string[], cause?: unknown): Failure {
  return new Failure("DXPY_CANNOT_START", `${argv[0] ?? "(no program)"} cannot be started`, {
    context: argv[0] === undefined ? {} : { path: argv[0] },
    cause,
  });
}
