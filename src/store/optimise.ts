/**
 * Links identical files of a store to each other: `store/links/ab/<blake3>` (with `x` for executables) is one more name of a
 * file's content, and every file with that content becomes another. Ten versions of one package keep what did not change
 * once.
 */
import { linkSync, lstatSync, readdirSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { ensureDir, uniqueName } from "../platform/atomic-file.ts";
import { loadBulkBlake3 } from "../platform/blake3.ts";
import type { Home } from "../platform/home.ts";
import { mapReadOnly } from "../platform/mapping.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { inClosedFolder } from "./close-tree.ts";
import { openStore } from "./store.ts";
import { contentPath, listLevel, names, treePath } from "./store-level.ts";

export interface Optimised {
  objects: number;
  files: number;
  /** Files that became another name of the same content, and the bytes that this gave back. */
  linked: number;
  saved: number;
  /** Files whose content is not what it should be: left alone. */
  damaged: number;
}

export interface OptimiseOptions {
  /** Output hashes. Default: all of the user's level. */
  hashes?: readonly string[];
  /** Files below this many bytes are left: an inode each costs as much. Default 1. */
  least?: number;
}

/** Safe beside readers and installs: each file is exchanged in one step for an equal one. */
export async function optimiseStore(home: Home, options: OptimiseOptions = {}): Promise<Optimised> {
  const result: Optimised = { objects: 0, files: 0, linked: 0, saved: 0, damaged: 0 };
  const blake3 = await loadBulkBlake3();
  const store = openStore(home);
  const staging = createStaging(home);
  const sound = new Set<string>();
  const contentIs = (path: string, hash: Uint8Array): boolean => {
    const mapping = mapReadOnly(path);
    try {
      return Buffer.compare(blake3.hash(mapping.bytes), hash) === 0;
    } finally {
      mapping.close();
    }
  };
  try {
    for (const hash of options.hashes ?? listLevel(home.store)) {
      if (lstatSync(treePath(home.store, hash), { throwIfNoEntry: false }) === undefined) continue;
      const stored = store.open(hash);
      try {
        result.objects += 1;
        for (const entry of stored.manifest()) {
          result.files += 1;
          if (entry.size < (options.least ?? 1)) continue;
          const file = `${stored.treePath}/${entry.path}`;
          const name = contentPath(home.store, entry.blake3.toHex(), entry.executable);
          const own = lstatSync(file, { throwIfNoEntry: false });
          if (own === undefined || !own.isFile()) continue;
          const known = lstatSync(name, { throwIfNoEntry: false });
          if (known?.ino === own.ino && known.dev === own.dev) continue;
          // What becomes many files must be right: one look at each content that is linked.
          if (known === undefined) {
            if (!contentIs(file, entry.blake3)) result.damaged += 1;
            else if (giveName(file, name)) sound.add(name);
            continue;
          }
          if (!sound.has(name) && !contentIs(name, entry.blake3)) {
            rmSync(name, { force: true });
            if (contentIs(file, entry.blake3)) giveName(file, name);
            continue;
          }
          sound.add(name);
          if (!exchange(name, file, staging)) continue;
          result.linked += 1;
          if (own.nlink === 1) result.saved += own.size;
        }
      } finally {
        stored.close();
      }
    }
    return result;
  } finally {
    removeTree(staging);
  }
}

function giveName(file: string, name: string): boolean {
  ensureDir(name.slice(0, name.lastIndexOf("/")));
  return tryLink(file, name);
}

function exchange(name: string, file: string, staging: string): boolean {
  const temporary = `${staging}/${uniqueName()}`;
  if (!tryLink(name, temporary)) {
    // As many names as a content can have: the next files share another one.
    rmSync(name, { force: true });
    tryLink(file, name);
    return false;
  }
  inClosedFolder(file.slice(0, file.lastIndexOf("/")), () => renameSync(temporary, file));
  return true;
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (/^(EEXIST|EMLINK|EPERM|EXDEV|ENOTSUP|EOPNOTSUPP)$/.test(code)) return false;
    throw error;
  }
}

/** Removes the names of contents that no object has any more. For who holds the store lock alone. Returns the bytes. */
export function removeUnusedLinks(home: Pick<Home, "store">): number {
  let bytes = 0;
  for (const first of names(`${home.store}/links`)) {
    for (const name of readdirSync(`${home.store}/links/${first}`)) {
      const path = `${home.store}/links/${first}/${name}`;
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined || stats.nlink > 1) continue;
      unlinkSync(path);
      bytes += stats.size;
    }
  }
  return bytes;
}
