/**
 * Compiling the bytecode of a layout ahead of its first use. It lands in the store, so that every layout of the same
 * interpreter has it; `compileall` does not follow links to directories, so each one is named to it.
 */
import { type Dirent, readdirSync, statSync } from "node:fs";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { Failure } from "../platform/errors.ts";
import { runProcess } from "../platform/process.ts";

/** Failure `DXPY_COMPILE_FAILED` when the interpreter cannot do it at all; files that no Python compiles are passed over. */
export function compileBytecode(prefix: string, interpreter: Interpreter): void {
  const { scripts, purelib, platlib } = interpreter.paths;
  const places = new Set([purelib, platlib].filter((path) => isDirectory(`${prefix}/${path}`)));
  const paths = [...places].flatMap((path) => compilable(`${prefix}/${path}`));
  if (paths.length === 0) return;
  const done = runProcess([`${prefix}/${scripts}/python`, "-m", "compileall", "-q", "-j", "0", "-i", "-"], {
    input: `${paths.join("\n")}\n`,
  });
  // Packages ship files that no Python can compile (templates, tests of old syntax): compileall says 1 then.
  if (done.code > 1) {
    throw new Failure("DXPY_COMPILE_FAILED", "The bytecode could not be compiled", {
      context: { detail: done.stderr.trim() },
    });
  }
}

/** The links to directories and the modules below real directories. */
function compilable(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry): string[] => {
    const path = `${folder}/${entry.name}`;
    if (entry.name === "__pycache__" || entry.name.endsWith(".dist-info") || /[\r\n]/.test(entry.name))
      return [];
    if (entry.isDirectory()) return compilable(path);
    return entry.name.endsWith(".py") || leadsToDirectory(entry, path) ? [path] : [];
  });
}

function leadsToDirectory(entry: Dirent, path: string): boolean {
  return entry.isSymbolicLink() && isDirectory(path);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
