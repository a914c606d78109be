/**
 * Compiling the bytecode of an environment ahead of its first use. That of a package that is linked lands in the store:
 * compiled once per machine and Python, for every layout. `compileall` writes each file aside and renames it, so that many
 * may do the same at once; it does not follow links to directories, so each one is named to it.
 */
import { type Dirent, existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { writeFileAtomic } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { isWritable } from "../platform/is-writable.ts";
import { startProcess } from "../platform/process.ts";
import { prepareBytecode } from "../store/close-tree.ts";

/** Packages ship no folders that are deeper; Python 3.8 goes no deeper than ten unless told. */
const DEPTH = "100";

/** Failure `DXPY_COMPILE_FAILED` when the interpreter cannot do it at all; files that no Python compiles are passed over. */
export async function compileBytecode(prefix: string, interpreter: Interpreter): Promise<void> {
  const { purelib, platlib } = interpreter.paths;
  const places = new Set([purelib, platlib].filter((path) => isDirectory(`${prefix}/${path}`)));
  const work: Work = { tag: interpreter.cacheTag, paths: [], trees: new Set() };
  for (const path of places) collect(work, `${prefix}/${path}`);
  if (work.paths.length === 0) return;
  for (const tree of work.trees) prepareBytecode(tree);
  // Isolated: the variables of who installs (a cache elsewhere, optimisation) are not those of everybody else.
  const argv = [interpreter.executable, "-I", "-m", "compileall", "-q", "-r", DEPTH, "-j", "0", "-i", "-"];
  const done = await startProcess(argv, { input: `${work.paths.join("\n")}\n` });
  // Packages ship files that no Python can compile (templates, tests of old syntax): compileall says 1 then.
  if (done.code > 1) {
    throw new Failure("DXPY_COMPILE_FAILED", "The bytecode could not be compiled", {
      context: { detail: done.stderr.trim() },
    });
  }
  for (const tree of work.trees) writeFileAtomic(markOf(tree, work.tag), "");
}

interface Work {
  /** As in the names of bytecode files: `cpython-312`. */
  tag: string;
  /** What compileall is given: links to directories, and single modules. */
  paths: string[];
  /** The package objects that are whole with these. */
  trees: Set<string>;
}

/** Says of a package object that this Python's bytecode is there: looking at every file would take a second. */
function markOf(tree: string, tag: string): string {
  return `${tree}/compiled-${tag}`;
}

function collect(work: Work, folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.name === "__pycache__" || entry.name.endsWith(".dist-info") || /[\r\n]/.test(entry.name))
      continue;
    if (entry.isDirectory()) collect(work, path);
    else if (entry.name.endsWith(".py")) {
      if (!isCompiled(folder, entry.name, work.tag)) work.paths.push(path);
    } else if (leadsToDirectory(entry, path)) collectLinked(work, path);
  }
}

function collectLinked(work: Work, path: string): void {
  const tree = /^(.*\/[0-9a-f]{64})\/lib\//.exec(realpathSync(path))?.[1];
  if (tree !== undefined) {
    // Another user's store is compiled by them, or not at all.
    if (existsSync(markOf(tree, work.tag)) || !isWritable(tree)) return;
    work.trees.add(tree);
  }
  work.paths.push(path);
}

function isCompiled(folder: string, name: string, tag: string): boolean {
  const compiled = statSync(`${folder}/__pycache__/${name.slice(0, -3)}.${tag}.pyc`, {
    throwIfNoEntry: false,
  });
  const source = statSync(`${folder}/${name}`, { throwIfNoEntry: false });
  return source === undefined || (compiled !== undefined && compiled.mtimeMs >= source.mtimeMs);
}

function leadsToDirectory(entry: Dirent, path: string): boolean {
  return entry.isSymbolicLink() && isDirectory(path);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
