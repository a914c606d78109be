/**
 * This process becomes another program. Loads nothing that costs: `dx-py run` ends here. The two functions of the C library
 * are opened by themselves, because each further one costs a tenth of a millisecond.
 */
import type { Pointer } from "bun:ffi";
import { cannotStart, exitCode } from "./exit-code.ts";
import { isThere } from "./glance.ts";

/** Bun ignores these two, and an ignored signal stays ignored across exec: `yes | head` would complain in the new program. */
const SIGPIPE = 13;
const SIGXFSZ = 25;
const SIG_DFL = null;

const encoder = new TextEncoder();

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Same process id, same terminal, no parent that forwards signals. Where the system has no such thing (Windows), the program runs
 * as a child and its exit code becomes ours.
 *
 * `argv[0]` is looked up in the `PATH` of `env` when it has no slash. Failure `DXPY_CANNOT_START`.
 */
export function replaceProcess(argv: readonly string[], env: Variables, cwd?: string): never {
  const program = findProgram(argv[0] ?? "", env, cwd);
  if (program === undefined) throw cannotStart(argv);
  const libc = openLibc();
  if (libc === undefined) return runAsChild(program, argv, env, cwd);
  const before = process.cwd();
  if (cwd !== undefined) process.chdir(cwd);
  const variables: string[] = [];
  for (const name in env) if (env[name] !== undefined) variables.push(`${name}=${env[name]}`);
  const args = stringArray(argv);
  const environment = stringArray(variables);
  for (const signal of [SIGPIPE, SIGXFSZ]) libc.signal(signal, SIG_DFL);
  const path = cString(program);
  libc.execve(ffi().ptr(path), args.pointer, environment.pointer);
  // Still here: it was refused.
  if (cwd !== undefined) process.chdir(before);
  throw cannotStart(argv, new Error(`execve refused ${program} (${args.strings.length} arguments)`));
}

/**
 * The functions that `bun:ffi` wraps, where this Bun has them at hand: the module takes half a millisecond to load, a fifteenth of a whole
 * `run`. They take pointers as numbers, and nothing else.
 */
function ffi(): Pick<typeof import("bun:ffi"), "dlopen" | "ptr"> {
  const { FFI } = Bun as unknown as { FFI?: ReturnType<typeof ffi> };
  return FFI ?? (require("bun:ffi") as typeof import("bun:ffi"));
}

function openLibc() {
  const { dlopen } = ffi();
  const symbols = {
    execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
    signal: { args: ["i32", "ptr"], returns: "ptr" },
  } as const;
  const musl = process.arch === "arm64" ? "libc.musl-aarch64.so.1" : "libc.musl-x86_64.so.1";
  const names = { darwin: ["libSystem.B.dylib"], linux: ["libc.so.6", musl] };
  for (const name of names[process.platform as keyof typeof names] ?? []) {
    try {
      return dlopen(name, symbols).symbols;
    } catch {
      // The other C library, or none.
    }
  }
  return undefined;
}

function findProgram(name: string, env: Variables, cwd: string | undefined): string | undefined {
  if (name === "") return undefined;
  if (name.includes("/") || (process.platform === "win32" && name.includes("\\"))) {
    const path =
      name.startsWith("/") || cwd === undefined || process.platform === "win32" ? name : `${cwd}/${name}`;
    return isThere(path) ? path : undefined;
  }
  return Bun.which(name, { PATH: env["PATH"] ?? "", ...(cwd === undefined ? {} : { cwd }) }) ?? undefined;
}

/** A path or argument as the C library wants it: UTF-8, closed by a NUL. */
function cString(text: string): Uint8Array {
  return encoder.encode(`${text}\0`);
}

/** A `char *[]` that ends in NULL; what it points to is kept in `strings` until the call is made. */
function stringArray(values: readonly string[]): {
  pointer: Pointer;
  strings: Uint8Array[];
  table: BigUint64Array;
} {
  const { ptr } = ffi();
  const strings: Uint8Array[] = [];
  const table = new BigUint64Array(values.length + 1);
  for (const value of values) {
    const bytes = cString(value);
    table[strings.length] = BigInt(ptr(bytes));
    strings.push(bytes);
  }
  return { pointer: ptr(table), strings, table };
}

function runAsChild(program: string, argv: readonly string[], env: Variables, cwd?: string): never {
  const done = Bun.spawnSync([program, ...argv.slice(1)], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...env },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  process.exit(exitCode(done.exitCode, done.signalCode));
}
