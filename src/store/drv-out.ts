import { readFileSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import type { Home } from "../platform/home.ts";
import { checkHash } from "./store-level.ts";

/**
 * `drv-out/<build-hash>`: which output a derivation produced. The first line is the output hash; lines `key value` may
 * follow, which say how it came to be.
 */
export interface DrvOut {
  /** Lower-case hex. */
  outputHash: string;
  notes: Record<string, string>;
}

/** The output hash, or `undefined` when the derivation has not been realised here, or the file is damaged (then it is as good as missing). */
export function readDrvOut(store: Pick<Home, "store"> | string, buildHash: string): string | undefined {
  return outputIn(readText(store, buildHash));
}

export function readDrvOutNotes(store: Pick<Home, "store"> | string, buildHash: string): DrvOut | undefined {
  const text = readText(store, buildHash);
  const outputHash = outputIn(text);
  if (outputHash === undefined) return undefined;
  const notes: Record<string, string> = Object.create(null);
  for (const line of text.split("\n").slice(1)) {
    const space = line.indexOf(" ");
    if (space > 0) notes[line.slice(0, space)] = line.slice(space + 1);
  }
  return { outputHash, notes };
}

/** Empty when there is none. */
function readText(store: Pick<Home, "store"> | string, buildHash: string): string {
  const path = drvOutPath(store, buildHash);
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const WHOLE = /^([0-9a-f]{64})\n(?:.*\n)?$/s;

function outputIn(text: string): string | undefined {
  return WHOLE.exec(text)?.[1];
}

/** Keys without white space, values on one line. Replaces what is there. */
export function writeDrvOut(
  store: Pick<Home, "store"> | string,
  buildHash: string,
  outputHash: string,
  notes: Readonly<Record<string, string>> = {},
): void {
  const path = drvOutPath(store, buildHash);
  const lines = Object.entries(notes).map(([key, value]) => `${key} ${value.replace(/\s+/g, " ")}`);
  const text = `${[checkHash(outputHash), ...lines].join("\n")}\n`;
  try {
    writeFileAtomic(path, text, { mode: 0o444 });
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    ensureDir(path.slice(0, path.lastIndexOf("/")));
    writeFileAtomic(path, text, { mode: 0o444 });
  }
}

export function drvOutPath(store: Pick<Home, "store"> | string, buildHash: string): string {
  return `${typeof store === "string" ? store : store.store}/drv-out/${checkHash(buildHash)}`;
}
