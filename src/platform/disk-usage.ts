/** How much of the disk files take: each content once, however many names it has. */
import { lstatSync } from "node:fs";
import { namesIn } from "./names-in.ts";

/** Inodes that were counted already, so that several folders can be counted one after the other. */
export type CountedFiles = Set<string>;

/** Bytes of the files at and below a path, links not followed; a file with several names counts once for each `counted`. */
export function diskUsage(path: string, counted: CountedFiles = new Set()): number {
  const waiting = [path];
  let total = 0;
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const stats = lstatSync(at, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (stats.isDirectory()) {
      for (const name of namesIn(at)) waiting.push(`${at}/${name}`);
      continue;
    }
    if (stats.nlink > 1) {
      const id = `${stats.dev}:${stats.ino}`;
      if (counted.has(id)) continue;
      counted.add(id);
    }
    total += stats.size;
  }
  return total;
}
