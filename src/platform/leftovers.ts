import { lstatSync } from "node:fs";
import { namesIn } from "./names-in.ts";
import { removeTree } from "./staging.ts";

/**
 * Leftovers: what a killed process had under a temporary name beside the place it was meant for (`uniqueName`), in folders that are
 * not `tmp/` and so have no lock to tell the living from the dead.
 */
export interface SweepOptions {
  /** What the names begin with: `.tmp-`, `.venv.`. A unique name, or a word and one, follows. */
  prefix: string;
  /** Milliseconds since the epoch. */
  now?: number;
}

/** A stopped process may go on, a folder may be shared with another machine, whose processes cannot be asked about. */
const LEAST_AGE = 10 * 60 * 1000;
/** By then even a process with that number is another one. */
const MOST_AGE = 24 * 60 * 60 * 1000;

/** `new-`, then what `uniqueName` makes; or the process and a moment in decimal digits. */
const UNIQUE = /^(?:[a-z]+-)?(?:([0-9a-z]+)-[0-9a-z]+-[0-9a-z]+|([0-9]+)[.-][0-9]+)$/;

/** Removes the leftovers in a folder, and returns how many. Never fails on what it may not remove. */
export function sweepLeftovers(folder: string, { prefix, now = Date.now() }: SweepOptions): number {
  let removed = 0;
  for (const name of namesIn(folder)) {
    if (!name.startsWith(prefix)) continue;
    const match = UNIQUE.exec(name.slice(prefix.length));
    if (match === null) continue;
    try {
      const age = now - lstatSync(`${folder}/${name}`).mtimeMs;
      const owner = match[1] === undefined ? Number(match[2]) : Number.parseInt(match[1], 36);
      if (age < LEAST_AGE || (age < MOST_AGE && isAlive(owner))) continue;
      removeTree(`${folder}/${name}`);
      removed += 1;
    } catch {
      // Another sweeper was faster, or it belongs to another user.
    }
  }
  return removed;
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
