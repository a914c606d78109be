import { existsSync, readdirSync } from "node:fs";
import type { Home } from "../home.ts";
import { keptStaging, REGION_PREFIX } from "../staging.ts";

/**
 * What processes have staged and not moved away: names, of empty folders too. The regions that a process keeps are no such thing, nor is the one
 * folder that this thread keeps for its next package.
 */
export function staged(home: Home): string[] {
  if (!existsSync(home.tmp)) return [];
  const processes = readdirSync(home.tmp, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const below = (folder: string) => readdirSync(folder).map((name) => `${folder}/${name}`);
  const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  return processes
    .flatMap(({ name }) => below(`${home.tmp}/${name}`))
    .flatMap((path) => (nameOf(path).startsWith(REGION_PREFIX) ? below(path) : [path]))
    .filter((path) => path !== keptStaging(home))
    .map(nameOf);
}
