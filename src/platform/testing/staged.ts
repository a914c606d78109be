import { existsSync, lstatSync, readdirSync } from "node:fs";
import type { Home } from "../home.ts";
import { REGION_PREFIX } from "../staging.ts";

/**
 * What processes have staged and not moved away: names, of empty folders too. The regions that a process keeps are no such thing, nor is one empty
 * folder, which is there for the next.
 */
export function staged(home: Home): string[] {
  if (!existsSync(home.tmp)) return [];
  const processes = readdirSync(home.tmp, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return processes.flatMap(({ name }) => {
    const path = `${home.tmp}/${name}`;
    const found = readdirSync(path).flatMap((one) =>
      one.startsWith(REGION_PREFIX) ? readdirSync(`${path}/${one}`).map((below) => `${one}/${below}`) : [one],
    );
    const empty = found.findIndex((one) => isEmptyFolder(`${path}/${one}`));
    return found.filter((_, i) => i !== empty).map((one) => one.slice(one.indexOf("/") + 1));
  });
}

function isEmptyFolder(path: string): boolean {
  return lstatSync(path).isDirectory() && readdirSync(path).length === 0;
}
