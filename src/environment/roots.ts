/**
 * A root keeps the layouts of one project alive: the environment that is attached to it and the generations before.
 * One small file per project in `roots/`, written only when something changes. On the warm path.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Home } from "../platform/home.ts";
import { type FreshLock, type Root, rootOf, rootPath } from "./root-record.ts";

/** As many generations as a root keeps; older ones are forgotten, and their layouts may be collected. */
export const MAX_GENERATIONS = 20;

/** The root of a link; `undefined` when there is none, or none that makes sense: it is then made anew. */
export function readRoot(home: Home, link: string): Root | undefined {
  const root = parseRoot(rootPath(home, link));
  return root?.link === link ? root : undefined;
}

function parseRoot(path: string): Root | undefined {
  try {
    return rootOf(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Every root that can be read. */
export function listRoots(home: Home): Root[] {
  let names: string[];
  try {
    names = readdirSync(home.roots);
  } catch {
    return [];
  }
  return names
    .filter((name) => /^[0-9a-f]{32}$/.test(name))
    .map((name) => parseRoot(`${home.roots}/${name}`))
    .filter((root) => root !== undefined);
}

/**
 * Makes `layout` the attached generation of a link. Nothing is written when it is already. An older generation with the
 * same layout moves to the end under a new number: the list says what was attached when, each layout once.
 */
export function recordGeneration(home: Home, link: string, layout: string, lock: string): Root {
  const root: Root = readRoot(home, link) ?? { format: 1, link, generations: [] };
  const last = root.generations.at(-1);
  if (last?.layout === layout && last.lock === lock) return root;
  const others = root.generations.filter((g) => g.layout !== layout);
  const n = root.generations.reduce((most, g) => Math.max(most, g.n), 0) + 1;
  const generations = [...others, { n, layout, time: Date.now(), lock }].slice(-MAX_GENERATIONS);
  return writeRoot(home, { ...root, generations });
}

/** Remembers that the lock was fresh; nothing is written for a link without a root. Failing to is no failure. */
export function recordFresh(home: Home, root: Root | undefined, fresh: FreshLock): void {
  if (root === undefined || (root.fresh?.stamp === fresh.stamp && root.fresh.digest === fresh.digest)) return;
  try {
    writeRoot(home, { ...root, fresh });
  } catch {
    // A home that cannot be written to: hashing the lock again is all that is lost.
  }
}

/** Writes a root whole, or not at all. */
export function writeRoot(home: Home, root: Root): Root {
  const path = rootPath(home, root.link);
  const moment = Math.floor(performance.now() * 1e6).toString(36);
  const temporary = `${home.roots}/.tmp-${process.pid.toString(36)}-${moment}-0`;
  const text = `${JSON.stringify(root)}\n`;
  try {
    writeFileSync(temporary, text, { flag: "wx" });
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    mkdirSync(home.roots, { recursive: true });
    writeFileSync(temporary, text, { flag: "wx" });
  }
  renameSync(temporary, path);
  return root;
}

/** Forgets a link: its layouts are free to be collected. */
export function removeRoot(home: Home, link: string): void {
  rmSync(rootPath(home, link), { force: true });
}
