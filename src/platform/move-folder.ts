import { chmodSync, lstatSync, renameSync } from "node:fs";

/**
 * Renames a folder that may be read-only, and keeps its mode. Unix asks whether a folder that goes to another parent may be written
 * to, because its `..` changes; whoever is root is not asked. Errors are those of the system.
 */
export function moveFolder(from: string, to: string): void {
  try {
    renameSync(from, to);
    return;
  } catch (error) {
    if (!/^(EACCES|EPERM)$/.test((error as { code?: string }).code ?? "")) throw error;
  }
  const { mode } = lstatSync(from);
  chmodSync(from, mode | 0o700);
  let place = from;
  try {
    renameSync(from, to);
    place = to;
  } finally {
    chmodSync(place, mode & 0o7777);
  }
}

/** The same with a file or a folder that may be gone already; returns whether it was there. */
export function moveAway(from: string, to: string): boolean {
  try {
    moveFolder(from, to);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return false;
    throw error;
  }
}
