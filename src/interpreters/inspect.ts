import { existsSync, realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { blake3Hex } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { type RunResult, runProcess, startProcess } from "../platform/process.ts";
import type { MarkerEnvironment } from "../standards/marker-environment.ts";
import { readLines } from "./candidates.ts";
import { FIRST_MARK, INSPECT_MARK, INSPECT_SCRIPT } from "./inspect-script.ts";
import type { Interpreter } from "./interpreter.ts";
import { type PlatformFacts, tagsOfInterpreter } from "./interpreter-tags.ts";
import { unsupportedImplementation } from "./python-request.ts";
import { rememberedInterpreter, rememberInterpreter, stampOf } from "./remembered.ts";

export interface InspectContext {
  home: Home;
  env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds that an interpreter has to describe itself. Default 20,000. */
  timeout?: number;
}

const FIRST_WORDS = new RegExp(`^${FIRST_MARK}(.*)\\r?\\n(.*)\\r?\\n(.*)\\r?\\n`, "m");
/** A cold start from a slow disk takes one or two seconds. */
const TIMEOUT = 20_000;

/** What the script answers, as far as it is believed: checked before use. */
interface Answer extends PlatformFacts {
  version: string;
  markers: MarkerEnvironment;
  executable: string;
  base_executable: string;
  base_prefix: string;
  cache_tag: string | null;
  paths: Interpreter["paths"];
  externally_managed: boolean;
  default_index: string | null;
}

/**
 * The interpreter that a path starts: an executable, a virtual environment's executable or folder (answered by its
 * base), or an installation's prefix. Starts one process, unless the executable is remembered.
 * Errors: DXPY_PYTHON_NOT_FOUND, DXPY_BAD_PYTHON (does not start, hangs, answers nonsense), DXPY_UNSUPPORTED_PYTHON.
 */
export function inspectInterpreter(path: string, context: InspectContext): Interpreter {
  const executable = baseExecutable(path);
  return rememberedInterpreter(context.home, executable) ?? ask(executable, context);
}

/** An interpreter that is being asked while this process goes on. Whoever has it waits for `interpreter`. */
export interface AskedInterpreter {
  /** What resolving can begin with, where the interpreter says so before it has said everything. Never fails. */
  first: Promise<FirstWords | undefined>;
  /** Fails as `inspectInterpreter` does. */
  interpreter: Promise<Interpreter>;
}

export type FirstWords = Pick<Interpreter, "version" | "basePrefix" | "defaultIndex">;

/** Known at once where the executable is remembered: then there are no first words. */
export function askInterpreter(path: string, context: InspectContext): AskedInterpreter {
  const first = Promise.withResolvers<FirstWords | undefined>();
  const asked = async () => {
    const executable = baseExecutable(path);
    const known = rememberedInterpreter(context.home, executable);
    if (known !== undefined) return known;
    const timeout = context.timeout ?? TIMEOUT;
    const heard = (text: string) => {
      const [, version, defaultIndex, basePrefix] = FIRST_WORDS.exec(text) ?? [];
      if (version !== undefined && defaultIndex !== undefined && basePrefix !== undefined)
        first.resolve({ version, defaultIndex, basePrefix });
    };
    const result = await startProcess(commandOf(executable), { ...runOptions(context), heard }).catch(
      (error) => {
        throw bad(executable, "cannot be started", error);
      },
    );
    return interpreterOf(executable, answerOf(executable, result, timeout), context);
  };
  const interpreter = asked().finally(() => first.resolve(undefined));
  interpreter.catch(() => {});
  return { first: first.promise, interpreter };
}

/** The real executable behind a path: symlinks resolved, and out of the virtual environment if it is in one. */
export function baseExecutable(path: string): string {
  let current = realPath(path);
  for (let depth = 0; depth < 8; depth += 1) {
    const folder = current.slice(0, current.lastIndexOf("/"));
    const config = [`${folder}/pyvenv.cfg`, `${folder}/../pyvenv.cfg`].find((file) => existsSync(file));
    if (config === undefined) return current;
    const home = readLines(config)
      .map((line) => /^home\s*=\s*(.+)$/i.exec(line)?.[1])
      .find((value) => value !== undefined);
    const name = current.slice(current.lastIndexOf("/") + 1);
    const base = [name, "python3", "python", "python.exe"]
      .map((candidate) => `${home}/${candidate}`)
      .find((candidate) => existsSync(candidate));
    if (home === undefined || base === undefined) {
      throw new Failure("DXPY_BAD_PYTHON", `the Python that ${path} was made from is gone`, {
        context: { path },
        hint: "Name another interpreter with `--python`.",
      });
    }
    current = realPath(base);
  }
  throw new Failure("DXPY_BAD_PYTHON", `${path} is a virtual environment without an end`, {
    context: { path },
  });
}

function realPath(path: string): string {
  let target = path;
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const inside = ["bin/python", "bin/python3", "python.exe", "Scripts/python.exe"].find((name) =>
      existsSync(`${path}/${name}`),
    );
    if (inside === undefined) throw notFound(path, "is a folder without a Python in it");
    target = `${path}/${inside}`;
  }
  try {
    const real = realpathSync(target).replaceAll("\\", "/");
    // Shims (mise, busybox-like wrappers) are links to a program that goes by the name it is called by.
    return /python|pypy/i.test(real.slice(real.lastIndexOf("/") + 1)) ? real : resolve(target);
  } catch (error) {
    throw notFound(path, "does not exist", error);
  }
}

function notFound(path: string, what: string, cause?: unknown): Failure {
  return new Failure("DXPY_PYTHON_NOT_FOUND", `${path} ${what}`, {
    context: { path },
    cause,
    hint: "`--python` takes a path, a version such as 3.12, or a range such as `>=3.10,<3.13`.",
  });
}

function ask(executable: string, context: InspectContext): Interpreter {
  return interpreterOf(executable, run(executable, context), context);
}

function interpreterOf(executable: string, answer: Answer, context: InspectContext): Interpreter {
  if (!/^\d+\.\d+/.test(answer.version)) throw bad(executable, "does not say its version");
  const [major = 0, minor = 0] = answer.version.split(".").map(Number);
  if (major !== 3 || minor < 8) {
    throw new Failure(
      "DXPY_UNSUPPORTED_PYTHON",
      `${executable} is Python ${answer.version}; dx-py needs 3.8 or later`,
      {
        context: { path: executable },
        exitCode: 2,
      },
    );
  }
  if (answer.markers?.implementation_name !== "cpython") {
    throw unsupportedImplementation(
      `${executable} (${answer.markers?.platform_python_implementation ?? "unknown"})`,
    );
  }
  for (const key of ["base_prefix", "base_executable", "platform"] as const) {
    if (typeof answer[key] !== "string") throw bad(executable, `does not say its ${key}`);
  }
  // A wrapper or shim says what it started; that is what is remembered, for it may start another one next time.
  const real = baseExecutable(answer.base_executable);
  const stamp = stampOf(real);
  if (stamp === undefined) throw bad(executable, `says that it is ${real}, which does not exist`);
  const cacheTag = answer.cache_tag ?? `cpython-${major}${minor}`;
  const identity = [real, answer.version, answer.base_prefix, cacheTag, JSON.stringify(answer.paths)];
  const interpreter: Interpreter = {
    executable: real,
    size: stamp.size,
    mtimeNs: stamp.mtimeNs,
    implementation: "cpython",
    version: answer.version,
    markers: answer.markers,
    tags: tagsOfInterpreter(major, minor, answer),
    basePrefix: answer.base_prefix,
    paths: answer.paths,
    cacheTag,
    pointerBits: answer.pointer_bits,
    debug: answer.debug,
    freeThreaded: answer.free_threaded,
    externallyManaged: answer.externally_managed,
    ...(answer.default_index ? { defaultIndex: answer.default_index } : {}),
    fingerprint: blake3Hex(new TextEncoder().encode(identity.join("\n"))),
  };
  rememberInterpreter(context.home, interpreter);
  return interpreter;
}

function run(executable: string, context: InspectContext): Answer {
  let result: RunResult;
  try {
    result = runProcess(commandOf(executable), runOptions(context));
  } catch (error) {
    throw bad(executable, "cannot be started", error);
  }
  return answerOf(executable, result, context.timeout ?? TIMEOUT);
}

function commandOf(executable: string): string[] {
  return [executable, "-I", "-B", "-c", INSPECT_SCRIPT];
}

function runOptions({ env, timeout = TIMEOUT }: InspectContext) {
  return { env, timeout, maxOutput: 4 * 1024 * 1024 };
}

function answerOf(executable: string, result: RunResult, timeout: number): Answer {
  if (result.timedOut) throw bad(executable, `did not answer in ${timeout / 1000} seconds`);
  const start = result.stdout.lastIndexOf(INSPECT_MARK);
  if (result.code !== 0 || start < 0) {
    const said = result.stderr.trim().split("\n").slice(-5).join("\n");
    throw bad(executable, `is not a working Python (exit code ${result.code})`, undefined, said);
  }
  try {
    return JSON.parse(result.stdout.slice(start + INSPECT_MARK.length)) as Answer;
  } catch (error) {
    throw bad(executable, "did not describe itself in JSON", error);
  }
}

function bad(executable: string, what: string, cause?: unknown, detail?: string): Failure {
  return new Failure("DXPY_BAD_PYTHON", `${executable} ${what}`, {
    context: { path: executable, ...(detail ? { detail } : {}) },
    cause,
    hint: "Name another interpreter with `--python`.",
  });
}
