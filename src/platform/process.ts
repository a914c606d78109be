import { type Pointer, ptr } from "bun:ffi";
import { existsSync } from "node:fs";
import { Failure } from "./errors.ts";
import { cString, loadLibc } from "./libc.ts";

/** Other programs: become one, or run one and take what it says. */
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

/** The same while this process goes on. */
export async function startProcess(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
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
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    await child.exited;
    clearTimeout(timer);
    return { code: exitCode(child.exitCode, child.signalCode), stdout, stderr, timedOut };
  } catch (error) {
    throw cannotStart(argv, error);
  }
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

const SIGPIPE = 13;
const SIGXFSZ = 25;
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

function exitCode(code: number | null, signal: string | number | null | undefined): number {
  if (typeof signal === "number" && signal > 0) return 128 + signal;
  if (typeof signal === "string" && signal !== "") return 128 + (SIGNALS[signal] ?? 0);
  return code ?? 1;
}

function cannotStart(argv: readonly string[], cause?: unknown): Failure {
  return new Failure("DXPY_CANNOT_START", `${argv[0] ?? "(no program)"} cannot be started`, {
    context: argv[0] === undefined ? {} : { path: argv[0] },
    cause,
  });
}

/**
 * This process becomes the program: same process id, same terminal, no parent that forwards signals. Where the system
 * has no such thing (Windows), the program runs as a child and its exit code becomes ours.
 *
 * `argv[0]` is looked up in the `PATH` of `env` when it has no slash. Failure `DXPY_CANNOT_START`.
 */
export function replaceProcess(argv: readonly string[], env: Environment, cwd?: string): never {
  const program = findProgram(argv[0] ?? "", env, cwd);
  if (program === undefined) throw cannotStart(argv);
  const libc = loadLibc();
  if (libc === undefined) return runAsChild(program, argv, env, cwd);
  const before = process.cwd();
  if (cwd !== undefined) process.chdir(cwd);
  const variables = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const args = stringArray(argv);
  const environment = stringArray(variables);
  // Bun ignores these two, and an ignored signal stays ignored across exec: `yes | head` would complain in the new program.
  const SIG_DFL = null;
  for (const signal of [SIGPIPE, SIGXFSZ]) libc.symbols.signal(signal, SIG_DFL);
  libc.symbols.execve(cString(program), args.pointer, environment.pointer);
  // Still here: it was refused.
  const errno = libc.errno();
  if (cwd !== undefined) process.chdir(before);
  throw cannotStart(argv, new Error(`execve: error ${errno} (${args.strings.length} arguments)`));
}

function findProgram(name: string, env: Environment, cwd: string | undefined): string | undefined {
  if (name === "") return undefined;
  if (name.includes("/") || (process.platform === "win32" && name.includes("\\"))) {
    const path =
      name.startsWith("/") || cwd === undefined || process.platform === "win32" ? name : `${cwd}/${name}`;
    return existsSync(path) ? path : undefined;
  }
  return Bun.which(name, { PATH: env["PATH"] ?? "", ...(cwd === undefined ? {} : { cwd }) }) ?? undefined;
}

/** A `char *[]` that ends in NULL; what it points to is kept in `strings` until the call is made. */
function stringArray(values: readonly string[]): {
  pointer: Pointer;
  strings: Uint8Array[];
  table: BigUint64Array;
} {
  const strings = values.map(cString);
  const table = new BigUint64Array(strings.length + 1);
  strings.forEach((bytes, i) => {
    table[i] = BigInt(ptr(bytes));
  });
  return { pointer: ptr(table), strings, table };
}

function runAsChild(
  program: string,
  argv: readonly string[],
  env: Environment,
  cwd: string | undefined,
): never {
  const done = Bun.spawnSync([program, ...argv.slice(1)], {
    ...common({ env, ...(cwd === undefined ? {} : { cwd }) }),
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  process.exit(exitCode(done.exitCode, done.signalCode));
}
