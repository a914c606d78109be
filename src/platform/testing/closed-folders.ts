/** Damage is done to closed folders by whoever runs the tests: root needs nothing for it, an ordinary user opens them first. */
import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import { removeTree } from "../staging.ts";

/** Whoever owns the folder, behind whatever links, can put things into it and take them away. Returns its path. */
export function opened(folder: string): string {
  chmodSync(folder, 0o755);
  return folder;
}

/** Takes away a file or folder out of a closed one. */
export function takeAway(path: string): void {
  opened(dirname(path));
  removeTree(path);
}
