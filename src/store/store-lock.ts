import { ensureDir } from "../platform/atomic-file.ts";
import { acquireLock, type FileLock, withLock } from "../platform/file-lock.ts";
import type { Home } from "../platform/home.ts";

/**
 * Keeps collecting apart from installing: who relies on objects that no root holds yet has the lock shared, who removes
 * objects has it alone. Readers of what a root holds need none, and the warm path takes none.
 */
export function storeLockPath(home: Pick<Home, "store">): string {
  return `${home.store}/lock`;
}

/** Runs `action` while nobody collects. Many may at once. */
export async function whileInstalling<T>(home: Home, action: () => T | Promise<T>): Promise<T> {
  ensureDir(home.store);
  return await withLock(storeLockPath(home), action, { shared: true });
}

/** Runs `action` while nobody installs; waits until those that do are done. */
export async function whileCollecting<T>(home: Home, action: () => T | Promise<T>): Promise<T> {
  ensureDir(home.store);
  return await withLock(storeLockPath(home), action);
}

/** The shared lock for the rest of the process or until `release`; `undefined` while somebody collects. */
export function tryHoldStore(home: Home): FileLock | undefined {
  ensureDir(home.store);
  return acquireLock(storeLockPath(home), { shared: true });
}
