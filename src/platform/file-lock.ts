import { closeSync, openSync } from "node:fs";
import { Failure } from "./errors.ts";
import { loadLibc } from "./libc.ts";

/**
 * Locks between processes, released by the kernel when a process dies: `flock` on a file that stays where it is
 * (a lock file is never removed by its user: another process may be waiting on it). Where there is no `flock`, SQLite's
 * lock on an empty database file. Costs about a millisecond the first time: never on the warm path.
 *
 * Two locks of one process exclude each other like those of two processes.
 */
export interface FileLock {
  readonly path: string;
  /** The locked file where `flock` holds it; for asking whether the file is still the one at `path`. */
  readonly file: number | undefined;
  /** May be called again; the second call does nothing. */
  release(): void;
}

export interface LockOptions {
  /** Many holders at once, but none that is exclusive. */
  shared?: boolean;
  /** Block the whole process until the lock is free. Default false: `undefined` when somebody else has it. */
  wait?: boolean;
}

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const EINTR = 4;

/** The lock file is made when missing; its folder must exist. Failure `DXPY_LOCK_UNAVAILABLE` when it cannot be opened. */
export function acquireLock(path: string, options: LockOptions = {}): FileLock | undefined {
  const libc = loadLibc();
  if (libc === undefined) return acquireBySqlite(path, options);
  const file = openLockFile(path);
  const operation = (options.shared ? LOCK_SH : LOCK_EX) | (options.wait ? 0 : LOCK_NB);
  let result = libc.symbols.flock(file, operation);
  while (result !== 0 && options.wait && libc.errno() === EINTR) result = libc.symbols.flock(file, operation);
  if (result !== 0) {
    closeSync(file);
    return undefined;
  }
  let held = true;
  return {
    path,
    file,
    release() {
      if (held) closeSync(file);
      held = false;
    },
  };
}

function openLockFile(path: string): number {
  try {
    return openSync(path, "a", 0o666);
  } catch (error) {
    throw new Failure("DXPY_LOCK_UNAVAILABLE", `the lock file ${path} cannot be opened`, {
      context: { path },
      hint: "Check that its folder exists and can be written to.",
      cause: error,
    });
  }
}

/** Runs `action` with the lock held, waiting for it without stopping the rest of the process. */
export async function withLock<T>(
  path: string,
  action: (lock: FileLock) => T | Promise<T>,
  options: { shared?: boolean } = {},
): Promise<T> {
  let pause = 1;
  let lock = acquireLock(path, options);
  while (lock === undefined) {
    await Bun.sleep(pause);
    pause = Math.min(pause * 2, 50);
    lock = acquireLock(path, options);
  }
  try {
    return await action(lock);
  } finally {
    lock.release();
  }
}

/** A database that nobody refers to is closed by the garbage collector, and its lock is gone: these are referred to. */
const heldDatabases = new Set<import("bun:sqlite").Database>();

/** The same promise from SQLite: a transaction on an otherwise empty file. */
export function acquireBySqlite(path: string, options: LockOptions = {}): FileLock | undefined {
  // Loaded here, because it costs 1.5 ms and is needed only where there is no flock. Synchronous, as the caller is.
  const { Database } = require("bun:sqlite") as typeof import("bun:sqlite");
  let database: import("bun:sqlite").Database;
  try {
    database = new Database(path, { create: true });
  } catch (error) {
    throw new Failure("DXPY_LOCK_UNAVAILABLE", `the lock file ${path} cannot be opened`, {
      context: { path },
      hint: "Check that its folder exists and can be written to.",
      cause: error,
    });
  }
  for (;;) {
    try {
      database.run("PRAGMA busy_timeout = 0");
      // A shared lock is taken by the first read inside the transaction.
      database.run(options.shared ? "BEGIN DEFERRED" : "BEGIN EXCLUSIVE");
      if (options.shared) database.query("SELECT count(*) FROM sqlite_schema").get();
      break;
    } catch (error) {
      if (!options.wait) {
        database.close();
        return undefined;
      }
      if ((error as { code?: string }).code !== "SQLITE_BUSY") {
        database.close();
        throw new Failure("DXPY_LOCK_UNAVAILABLE", `the lock file ${path} cannot be locked`, {
          context: { path },
          cause: error,
        });
      }
      if (database.inTransaction) database.run("ROLLBACK");
      Bun.sleepSync(10);
    }
  }
  heldDatabases.add(database);
  return {
    path,
    file: undefined,
    release() {
      if (heldDatabases.delete(database)) database.close();
    },
  };
}
