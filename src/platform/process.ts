/** Other programs, run and heard out. */
import { cannotStart, exitCode } from "./exit-code.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface RunOptions {
  cwd?: string;
  /** The whole environment of the program. Default: that of this process. */
  env?: Environment;
  /** Given on standard input; nothing (an empty input) when left out. */
  input?: string | Uint8Array;
  /** Milliseconds, after which the program is killed. */
  timeout?: number;
  /** Bytes of output, after which the program is killed. Default 64 MB. */
  maxOutput?: number;
}

export interface RunResult {
  /** The exit code; 128 + n where signal n ended it. */
  code: number;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

const MAX_OUTPUT = 64 * 1024 * 1024;

/** Runs a program to its end while this process stands still. Failure `DXPY_CANNOT_START` when it cannot be started. */
export function runProcess(argv: readonly string[], options: RunOptions = {}): RunResult {
  const { timeout, maxOutput = MAX_OUTPUT } = options;
  try {
    const done = Bun.spawnSync([...argv], {
      ...common(options),
      stdin: options.input === undefined ? "ignore" : bytesOf(options.input),
      stdout: "pipe",
      stderr: "pipe",
      maxBuffer: maxOutput,
      ...(timeout === undefined ? {} : { timeout, killSignal: "SIGKILL" as const }),
    });
    return {
      code: exitCode(done.exitCode, done.signalCode),
      stdout: done.stdout.toString(),
      stderr: done.stderr.toString(),
      timedOut: done.exitedDueToTimeout === true,
    };
  } catch (error) {
    throw cannotStart(argv, error);
  }
}

export interface StartOptions extends RunOptions {
  /** Called with all of standard output that has come, each time that more has. */
  heard?: (stdout: string) => void;
}

/** The same while this process goes on. */
export async function startProcess(argv: readonly string[], options: StartOptions = {}): Promise<RunResult> {
  const { timeout, maxOutput = MAX_OUTPUT } = options;
  let timedOut = false;
  try {
    const child = Bun.spawn([...argv], {
      ...common(options),
      stdin: options.input === undefined ? "ignore" : bytesOf(options.input),
      stdout: "pipe",
      stderr: "pipe",
      maxBuffer: maxOutput,
    });
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill("SIGKILL");
          }, timeout);
    const [stdout, stderr] = await Promise.all([
      textOf(child.stdout, options.heard),
      new Response(child.stderr).text(),
    ]);
    await child.exited;
    clearTimeout(timer);
    return { code: exitCode(child.exitCode, child.signalCode), stdout, stderr, timedOut };
  } catch (error) {
    throw cannotStart(argv, error);
  }
}

async function textOf(stream: ReadableStream<Uint8Array>, heard: StartOptions["heard"]): Promise<string> {
  if (heard === undefined) return await new Response(stream).text();
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    heard(text);
  }
  return text + decoder.decode();
}

function common(options: RunOptions): { cwd?: string; env?: Record<string, string | undefined> } {
  return {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
  };
}

function bytesOf(input: string | Uint8Array): Uint8Array {
  return typeof input === "string" ? new TextEncoder().encode(input) : input;
}
