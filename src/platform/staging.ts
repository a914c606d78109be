import {
  chmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { ensureDir, uniqueName } from "./atomic-file.ts";
import { acquireLock, type FileLock, withLock } from "./file-lock.ts";
import type { Home } from "./home.ts";
import { namesIn } from "./names-in.ts";
import { unrelatedFolders } from "./unrelated-folders.ts";

/**
 * Folders for what is not finished, under `<home>/tmp`: one per process (and thread), `<name>/`, held by a lock on
 * `<name>.lock` for as long as the process lives. What a killed process left behind is known by its free lock.
 */
interface ProcessFolder {
  path: string;
  lock: FileLock;
  /** The filesystem puts what is made in `path` anywhere (`unrelatedFolders`). */
  spread: boolean;
  /** Where the next folders are made, and how many more. */
  region?: { path: string; left: number };
  /** An empty folder that was given back, of the region. */
  spare?: string;
}

/** What the names of regions begin with: folders between that of a process and what it stages. */
export const REGION_PREFIX = "at-";

/** So many folders are made in one region of the disk. */
const REGION_SIZE = 12;
/** So many regions are tried, as long as making one takes longer than this, in milliseconds. */
const TRIES = 5;
const SLOW = 0.15;

const folders = new Map<string, ProcessFolder>();
let counter = 0;
/** The end of the process will remove what is left. */
let released = false;

/** A new, empty folder of this process. Whoever asked for it moves its content away or removes it. */
export function createStaging(home: Home): string {
  for (let attempt = 0; ; attempt += 1) {
    const folder = processFolder(home);
    counter += 1;
    try {
      const place = regionOf(folder);
      const spare = takeSpare(folder, place);
      if (spare !== undefined) return spare;
      const path = `${place}/${counter}`;
      mkdirSync(path);
      return path;
    } catch (error) {
      // The whole of tmp/ was removed by hand (or by a test) since: begin anew.
      folder.lock.release();
      folders.delete(home.tmp);
      if (attempt === 3) throw error;
    }
  }
}

/** One that is still there, where the next is to be made. */
function takeSpare(folder: ProcessFolder, place: string): string | undefined {
  const { spare } = folder;
  delete folder.spare;
  const fits =
    spare?.startsWith(`${place}/`) === true && lstatSync(spare, { throwIfNoEntry: false }) !== undefined;
  return fits ? spare : undefined;
}

/**
 * Ends the use of a folder of `createStaging`, with what is left in it. An empty one is the next one's: on a disk that is told of what is
 * free, each folder that is removed waits for the disk.
 */
export function endStaging(home: Home, path: string): void {
  const folder = folders.get(home.tmp);
  const ours = folder !== undefined && folder.spare === undefined && path.startsWith(`${folder.path}/`);
  if (ours && namesIn(path).length === 0) folder.spare = path;
  else removeTree(path);
}

/** The empty folder that this thread keeps for its next package. */
export function keptStaging(home: Home): string | undefined {
  return folders.get(home.tmp)?.spare;
}

/**
 * Where the next folder of a process is made: on filesystems that can be told so, a folder that they have put anywhere. What is made in it
 * stays near it, also when it is moved away later. An ext4 without a
 * journal passes over the inodes that were freed in the last minutes one by one, so that files take many times as long to be made where
 * many were removed. Making a folder there tells, so another place is looked for.
 */
function regionOf(folder: ProcessFolder): string {
  const { region } = folder;
  if (!folder.spread) return folder.path;
  if (region !== undefined && region.left > 0) {
    region.left -= 1;
    return region.path;
  }
  let best: { path: string; took: number } | undefined;
  for (let i = 0; i < TRIES && (best === undefined || best.took > SLOW); i += 1) {
    const path = `${folder.path}/${uniqueName(REGION_PREFIX)}`;
    const started = performance.now();
    mkdirSync(path);
    const took = performance.now() - started;
    const worse = best === undefined ? undefined : took < best.took ? best.path : path;
    if (worse !== undefined) rmdirSync(worse);
    if (best === undefined || took < best.took) best = { path, took };
  }
  folder.region = { path: best!.path, left: REGION_SIZE - 1 };
  return best!.path;
}

/**
 * Runs `action` with an empty folder `<home>/tmp/<name>` that has the same path every time, for what writes the path that it is
 * made in into its results. Whoever wants the same name waits.
 */
export async function inNamedStaging<T>(
  home: Home,
  name: string,
  action: (path: string) => Promise<T>,
): Promise<T> {
  ensureDir(home.tmp);
  const path = `${home.tmp}/${name}`;
  for (;;) {
    const done = await withLock(`${path}.lock`, async (lock) => {
      // A sweeper, or the one before, removed the file while this process waited for it.
      if (lock.file !== undefined && fstatSync(lock.file).nlink === 0) return undefined;
      removeTree(path);
      mkdirSync(path);
      try {
        return { result: await action(path) };
      } finally {
        removeTree(path);
        // Force: whoever removed the whole home meanwhile is told by what comes next.
        rmSync(lock.path, { force: true });
      }
    });
    if (done !== undefined) return done.result;
  }
}

function processFolder(home: Home): ProcessFolder {
  const known = folders.get(home.tmp);
  if (known !== undefined) return known;
  ensureDir(home.tmp);
  spreadFolders(home);
  if (!released) process.on("exit", releaseStaging);
  released = true;
  sweepStaging(home);
  for (;;) {
    const path = `${home.tmp}/${uniqueName()}`;
    const lock = acquireLock(`${path}.lock`);
    // Between making the file and locking it, a sweeper may have taken it for dead and removed it.
    if (lock === undefined || (lock.file !== undefined && fstatSync(lock.file).nlink === 0)) {
      lock?.release();
      continue;
    }
    mkdirSync(path);
    const folder: ProcessFolder = { path, lock, spread: unrelatedFolders(path) };
    folders.set(home.tmp, folder);
    return folder;
  }
}

/** What lies beside each other in a home, and packages in its store, are not used together. */
function spreadFolders(home: Home): void {
  unrelatedFolders(home.root);
  try {
    ensureDir(home.store);
  } catch {
    // Whoever writes there says why not.
  }
  unrelatedFolders(home.store);
}

/** Removes this thread's folders. Happens by itself when the process ends; a worker calls it before it is stopped. */
export function releaseStaging(): void {
  for (const { path, lock } of folders.values()) {
    try {
      removeTree(path);
      unlinkSync(lock.path);
    } catch {
      // The next sweep does it.
    }
    lock.release();
  }
  folders.clear();
}

/** A loose file in `tmp/` belongs to no folder with a lock: it is removed when it is older than this. */
const LOOSE_FILE_AGE = 24 * 60 * 60 * 1000;

/** Removes what dead processes left in `tmp/`: how many folders. Never fails on what it may not remove. */
export function sweepStaging(home: Home): number {
  let removed = 0;
  for (const name of namesIn(home.tmp)) {
    const path = `${home.tmp}/${name}`;
    try {
      if (name.endsWith(".lock")) {
        const lock = acquireLock(path);
        if (lock === undefined) continue;
        removeTree(path.slice(0, -".lock".length));
        unlinkSync(path);
        lock.release();
        removed += 1;
      } else if (!lstatSync(path).isDirectory() && Date.now() - statSync(path).mtimeMs > LOOSE_FILE_AGE) {
        unlinkSync(path);
      }
    } catch {
      // Another sweeper was faster, or it belongs to another user.
    }
  }
  return removed;
}

/** Removes a file, link or folder, also one with read-only folders in it; nothing when it is not there. Links are not followed. */
export function removeTree(path: string): void {
  try {
    // What was staged has usually been moved away, and the folder is empty.
    rmdirSync(path);
    return;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return;
  }
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (!/^(EACCES|EPERM|ENOTEMPTY|EFAULT)$/.test(code)) throw error;
    makeWritable(path);
    rmSync(path, { recursive: true, force: true });
  }
}

function makeWritable(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.isSymbolicLink()) return;
  if (!stats.isDirectory()) {
    // Unix asks the folder for permission to remove; Windows asks the file.
    if (process.platform === "win32") chmodSync(path, 0o666);
    return;
  }
  chmodSync(path, 0o700);
  for (const name of readdirSync(path)) makeWritable(`${path}/${name}`);
}
