/** The folders of a package's tree, closed: a program that writes through the links of a layout is refused. */
import { chmodSync, mkdirSync } from "node:fs";
import type { ManifestEntry } from "./manifest.ts";

const READ_ONLY = 0o555;

/**
 * Makes the folders of a finished tree read-only, with a place for bytecode in each that Python imports from: what is compiled at the
 * first import is kept, and nothing else can be put there or taken away by whoever is not root. (`uv pip install` writes
 * to `site-packages/NAME/…` without looking whether that is a link.) `tree` itself stays as it is: what is moved to another
 * folder must be writable.
 */
export function closeTree(tree: string, entries: readonly Pick<ManifestEntry, "path">[]): void {
  if (process.platform === "win32") return;
  /** Whether Python files are in a folder, by its path. */
  const folders = new Map<string, boolean>();
  for (const { path } of entries) {
    let folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    const python = path.endsWith(".py") && path.startsWith("lib/");
    if (folders.get(folder) === undefined || python)
      folders.set(folder, python || folders.get(folder) === true);
    for (let at = folder.lastIndexOf("/"); at > 0; at = folder.lastIndexOf("/")) {
      folder = folder.slice(0, at);
      if (folders.has(folder)) break;
      folders.set(folder, false);
    }
  }
  for (const [folder, python] of folders) {
    if (folder === "" || isBytecode(folder)) continue;
    // Files of one module at the top are linked one by one: their bytecode is the layout's.
    if (python && folder !== "lib") makeBytecodeFolder(`${tree}/${folder}`);
    chmodSync(`${tree}/${folder}`, READ_ONLY);
  }
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
  return folder.endsWith("/__pycache__");
}

function makeBytecodeFolder(folder: string): void {
  try {
    mkdirSync(`${folder}/__pycache__`);
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}
