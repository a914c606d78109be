/**
 * A root keeps the layouts of one project alive: the environment that is attached to it and the generations before.
 * One small file per project in `roots/`, written only when something changes. On the warm path.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Home } from "../platform/home.ts";

export interface Root {
  format: 1;
  /** Absolute path of the link: `<project>/.venv`. */
  link: string;
  /** The lock when it was last found fresh: while the stamp is the same, it is not even opened. */
  fresh?: FreshLock;
  /** Oldest first; the last is the one that is attached. */
  generations: Generation[];
}

export interface FreshLock {
  /** What `freshnessStamp` (lock/) said. */
  stamp: string;
  /** Paths of the inputs, which the stamp is made over. */
  inputs: string[];
  /** Lower-case hex of `Dpl.digest`. */
  digest: string;
}

export interface Generation {
  /** Counts up from 1 for a project; never used again. */
  n: number;
  /** Project hash. */
  layout: string;
  /** When it was attached, milliseconds since the epoch. */
  time: number;
  /** Lower-case hex digest of the lock that it came from; empty when unknown. */
  lock: string;
}

/** As many generations as a root keeps; older ones are forgotten, and their layouts may be collected. */
export const MAX_GENERATIONS = 20;
const MAX_ROOT_SIZE = 1024 * 1024;

/** Path of the record for a link. Named by SHA-256, which is native: this is on the warm path. */
export function rootPath(home: Home, link: string): string {
  return `${home.roots}/${new Bun.CryptoHasher("sha256").update(link).digest("hex").slice(0, 32)}`;
}

/** The root of a link; `undefined` when there is none, or none that makes sense: it is then made anew. */
export function readRoot(home: Home, link: string): Root | undefined {
  const root = parseRoot(rootPath(home, link));
  return root?.link === link ? root : undefined;
}

function parseRoot(path: string): Root | undefined {
  try {
    const text = readFileSync(path, "utf8");
    if (text.length > MAX_ROOT_SIZE) return undefined;
    const value = JSON.parse(text) as Root | null;
    const sound =
      value?.format === 1 &&
      typeof value.link === "string" &&
      (value.fresh === undefined || isFreshLock(value.fresh)) &&
      Array.isArray(value.generations) &&
      value.generations.every(isGeneration);
    return sound ? value : undefined;
  } catch {
    return undefined;
  }
}

function isFreshLock(value: unknown): value is FreshLock {
  const f = value as Partial<FreshLock> | null;
  return (
    typeof f === "object" &&
    f !== null &&
    typeof f.stamp === "string" &&
    /^[0-9a-f]{64}$/.test(String(f.digest)) &&
    Array.isArray(f.inputs) &&
    f.inputs.every((path) => typeof path === "string")
  );
}

function isGeneration(value: unknown): value is Generation {
  const g = value as Partial<Generation> | null;
  return (
    typeof g === "object" &&
    g !== null &&
    Number.isSafeInteger(g.n) &&
    Number.isSafeInteger(g.time) &&
    typeof g.lock === "string" &&
    /^[0-9a-f]{64}$/.test(String(g.layout))
  );
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
