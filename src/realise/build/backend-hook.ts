/**
 * A hook is one function of a build backend (PEP 517, PEP 660), run in a Python process of its own: the request goes
 * in as a file, the answer comes back on a file descriptor, and all that the backend prints is its log.
 */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { Failure } from "../../platform/errors.ts";
import runner from "./hook_runner.py" with { type: "text" };

export interface HookCall {
  /** The Python of the build environment. */
  python: string;
  /** Absolute: the tree that is built, and the working directory. */
  folder: string;
  /** `module` or `module:object`. */
  backend: string;
  /** Absolute folders of an in-tree backend. */
  backendPath: readonly string[];
  hook: string;
  arguments: readonly unknown[];
  variables: Readonly<Record<string, string>>;
  /** An open file that takes the output. */
  log: number;
  /** An empty or own folder for the request and the answer. */
  staging: string;
  /** Puts the words of a sandbox before the command. */
  sandboxed?: (argv: readonly string[]) => string[];
  /** Aborted: the process is killed. */
  signal?: AbortSignal;
}

export type HookAnswer =
  | { result: unknown }
  /** The backend does not have this hook. */
  | { missing: true }
  /** The backend could not be imported. */
  | { unavailable: HookError }
  | { failed: HookError };

export interface HookError {
  type: string;
  message: string;
}

/** An answer is a list of requirements or a file name; more than this is no answer. */
const answerLimit = 4 * 1024 * 1024;

let calls = 0;

export async function callHook(call: HookCall): Promise<HookAnswer> {
  calls += 1;
  const script = `${call.staging}/hook_runner.py`;
  const request = `${call.staging}/request-${calls}.json`;
  const answer = `${call.staging}/answer-${calls}.json`;
  writeFileSync(script, runner);
  writeFileSync(
    request,
    JSON.stringify({
      backend: call.backend,
      backendPath: call.backendPath,
      hook: call.hook,
      arguments: call.arguments,
    }),
  );
  const file = openSync(answer, "w");
  let code: number;
  let signal: string | number | null;
  try {
    const command = [call.python, script, request, "3"];
    const child = Bun.spawn(call.sandboxed?.(command) ?? command, {
      cwd: call.folder,
      env: call.variables,
      // Nothing is written to the input: that it ends tells the runner that this process has.
      stdio: ["pipe", call.log, call.log, file],
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    code = await child.exited;
    signal = child.signalCode;
  } catch (cause) {
    throw new Failure("DXPY_CANNOT_START", `${call.python} cannot be started`, {
      context: { path: call.python },
      cause,
    });
  } finally {
    closeSync(file);
  }
  return readAnswer(answer) ?? { failed: died(code, signal) };
}

function readAnswer(path: string): HookAnswer | undefined {
  const text = readFileSync(path, "utf8");
  if (text === "" || text.length > answerLimit) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as HookAnswer;
  } catch {
    // Cut short: the process was killed while it wrote.
  }
  return undefined;
}

function died(code: number, signal: string | number | null): HookError {
  // The runner, which waits for the backend's process, says a signal as shells do.
  const number = signal ?? (code > 128 && code < 192 ? code - 128 : null);
  const how = number === null ? `ended with code ${code}` : `was ended by signal ${number}`;
  return { type: "Exit", message: `the backend's process ${how} without an answer` };
}
