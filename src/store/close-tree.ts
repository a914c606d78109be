/** The folders of a package's tree, closed: a program that writes through the links of a layout is refused. */
import { chmodSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { isWritable } from "../platform/is-writable.ts";
import type { ManifestEntry } from "./manifest.ts";

const READ_ONLY = 0o555;
const BYTECODE = "__pycache__";

/**
 * Makes the folders of a finished tree read-only, with a place for bytecode in each that Python imports from: what is compiled at the
 * first import is kept, and nothing else can be put there or taken away by whoever is not root. (`uv pip install` writes
 * to `site-packages/NAME/…` without looking whether that is a link.) `tree` itself stays as it is: what is moved to another
 * folder must be writable.
 *
 * An empty folder takes a block of the disk. Whom closed folders do not stop has none prepared: Python makes those that it needs.
 * Neither has anybody among a package's tests, which few import, nor where all modules are empty.
 */
export function closeTree(tree: string, entries: readonly Pick<ManifestEntry, "path" | "size">[]): void {
  if (process.platform === "win32") return;
  /** Whether there is something to compile in a folder, by its path. */
  const folders = new Map<string, boolean>();
  for (const { path, size } of entries) {
    let folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    const python = path.endsWith(".py") && path.startsWith("lib/") && size > 0;
    if (folders.get(folder) === undefined || python)
      folders.set(folder, python || folders.get(folder) === true);
    for (let at = folder.lastIndexOf("/"); at > 0; at = folder.lastIndexOf("/")) {
      folder = folder.slice(0, at);
      if (folders.has(folder)) break;
      folders.set(folder, false);
    }
  }
  // Files of one module at the top are linked one by one: their bytecode is the layout's.
  const closes = folders.delete("lib") && closedHolds(`${tree}/lib`);
  for (const [folder, python] of folders) {
    if (folder === "" || isBytecode(folder)) continue;
    if (python && closes && !isOfTests(folder)) makeBytecodeFolder(`${tree}/${folder}`);
    chmodSync(`${tree}/${folder}`, READ_ONLY);
  }
}

/**
 * Makes the places for bytecode that a closed tree does not have yet, for who is about to compile all of it. Nothing is made where
 * closed folders do not stop Python from making them.
 */
export function prepareBytecode(tree: string): void {
  const lib = `${tree}/lib`;
  if (process.platform === "win32" || isWritable(lib)) return;
  const visit = (folder: string) => {
    let python = false;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      python ||= entry.name.endsWith(".py");
      if (entry.isDirectory() && entry.name !== BYTECODE) visit(`${folder}/${entry.name}`);
    }
    if (python && folder !== lib && !existsSync(`${folder}/${BYTECODE}`))
      inClosedFolder(folder, () => makeBytecodeFolder(folder));
  };
  visit(lib);
}

/** Closes a folder. Whether that stops us: it does not stop root, nor who has root's say over files. */
function closedHolds(folder: string): boolean {
  chmodSync(folder, READ_ONLY);
  return !isWritable(folder);
}

function isOfTests(folder: string): boolean {
  return /\/tests(\/|$)/.test(folder);
}

/** Does something in a folder of a package's tree that may be closed, and closes it again. */
export function inClosedFolder(folder: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    if ((error as { code?: string }).code !== "EACCES") throw error;
    chmodSync(folder, 0o755);
    try {
      act();
    } finally {
      chmodSync(folder, READ_ONLY);
    }
  }
}

/** A wheel may bring bytecode of its own: Python adds to it. */
function isBytecode(folder: string): boolean {
  return folder.endsWith(`/${BYTECODE}`);
}

function makeBytecodeFolder(folder: string): void {
  try {
    mkdirSync(`${folder}/${BYTECODE}`);
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}
