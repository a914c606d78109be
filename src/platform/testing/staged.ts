import { existsSync, readdirSync } from "node:fs";
import type { Home } from "../home.ts";

/** What is in staging folders, of all processes: names. Empty places of the disk that a process keeps do not count. */
export function staged(home: Home): string[] {
  const foldersIn = (path: string) =>
    readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${path}/${entry.name}`);
  if (!existsSync(home.tmp)) return [];
  return foldersIn(home.tmp)
    .flatMap(foldersIn)
    .flatMap((path) => readdirSync(path));
}
