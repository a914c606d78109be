import { existsSync, readdirSync } from "node:fs";
import type { Home } from "../home.ts";
import { REGION_PREFIX } from "../staging.ts";

/** What processes have staged and not moved away: names, of empty folders too. The regions that a process keeps are no such thing. */
export function staged(home: Home): string[] {
  if (!existsSync(home.tmp)) return [];
  const processes = readdirSync(home.tmp, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return processes.flatMap(({ name }) =>
    readdirSync(`${home.tmp}/${name}`).flatMap((one) =>
      one.startsWith(REGION_PREFIX) ? readdirSync(`${home.tmp}/${name}/${one}`) : [one],
    ),
  );
}
