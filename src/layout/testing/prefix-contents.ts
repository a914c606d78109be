/** What a prefix holds, to compare two of them. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { DESCRIPTION_FILE, readDescription } from "../layout-description.ts";

/** Everything in it by path: kinds, modes, contents, where links lead; and which inode a link to a package shares. But for when it was made. */
export function prefixContents(folder: string, at = ""): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const name of readdirSync(`${folder}${at}`).sort()) {
    const path = `${at}/${name}`;
    const stats = lstatSync(`${folder}${path}`);
    const { mode, nlink, ino } = stats;
    if (stats.isDirectory()) Object.assign(all, { [path]: mode }, prefixContents(folder, path));
    else if (stats.isSymbolicLink()) all[path] = [readlinkSync(`${folder}${path}`), nlink > 1 ? ino : "own"];
    else if (name === DESCRIPTION_FILE) all[path] = { ...readDescription(folder), created: 0 };
    else all[path] = [mode, readFileSync(`${folder}${path}`, "latin1"), nlink > 1 ? "shared" : "own"];
  }
  return all;
}
