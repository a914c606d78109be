import { readdirSync } from "node:fs";

/** Names in a folder. One that is not there, went away meanwhile, or may not be read, has nothing in it. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
