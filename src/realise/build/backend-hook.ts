/**
 * A hook is one function of a build backend (PEP 517, PEP 660), run in a Python process of its own: the request goes
 * in as a file, the answer comes back on a file descriptor, and all that the backend prints is its log. A hook and the one that
 * says what it requires share the start of Python and the import of the backend: `hook_runner.py` forks between them.
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
  /** A hook that is called before, and says what this one requires. */
  first?: FirstCall;
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

export interface FirstCall {
  hook: string;
  arguments: readonly unknown[];
  /** Requirements that are there already, as they are written. Absent: whatever is asked for does not matter. */
  enough?: readonly string[];
}

/** `first`: what the hook before answered. */
export type HookAnswer = PlainAnswer & { first?: PlainAnswer };

type PlainAnswer =
  | { result: unknown }
  /** The backend does not have this hook. */
  | { missing: true }
  /** The backend could not be imported. */
  | { unavailable: HookError }
  | { failed: HookError }
  /** Not called: the hook before asked for what is not there, or went wrong. */
  | { left: true };

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
      first: call.first,
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
  const answers = readAnswers(answer);
  const first = call.first === undefined || "unavailable" in (answers[0] ?? {}) ? undefined : answers.shift();
  // Ended well without an answer: it was not called.
  const silent: PlainAnswer =
    first !== undefined && code === 0 && signal === null ? { left: true } : { failed: died(code, signal) };
  return { ...(answers[0] ?? silent), ...(first === undefined ? {} : { first }) };
}

/** One of a line. A line that was cut short, because the process was killed while it wrote, is none. */
function readAnswers(path: string): PlainAnswer[] {
  const text = readFileSync(path, "utf8");
  if (text.length > answerLimit) return [];
  return text.split("\n").flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === "object" && value !== null ? [value as PlainAnswer] : [];
    } catch {
      return [];
    }
  });
}

function died(code: number, signal: string | number | null): HookError {
  // The runner, which waits for the backend's process, says a signal as shells do.
  const number = signal ?? (code > 128 && code < 192 ? code - 128 : null);
  const how = number === null ? `ended with code ${code}` : `was ended by signal ${number}`;
  return { type: "Exit", message: `the backend's process ${how} without an answer` };
}
