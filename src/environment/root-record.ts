/** What a root says, and where it is written. On the warm path's first step: loads nothing that costs. */
import type { Home } from "../platform/home.ts";

export interface Root {
  format: 1;
  /** Absolute path of the link: `<project>/.venv`. */
  link: string;
  /** The lock when it was last found fresh: while the stamp is the same, it is not even opened. */
  fresh?: FreshLock;
  /** Oldest first; the last is the one that is attached. */
  generations: Generation[];
  /** What was asked lately and found to stand: oldest first, at most {@link MAX_STANDING}. */
  standing?: Standing[];
}

export interface FreshLock {
  /** What `freshnessStamp` (lock/) said. */
  stamp: string;
  /** Paths of the inputs, which the stamp is made over. */
  inputs: string[];
  /** Lower-case hex of `Dpl.digest`. */
  digest: string;
}

/** An answer, and everything that it rests on as it looked: while that looks the same, the answer holds. */
export interface Standing {
  /** Lower-case hex: `standingQuestion`. */
  question: string;
  seen: Seen[];
  packages: number;
  /** Not with `lock`, which has nothing to do with an environment. */
  environment?: StandingEnvironment;
}

/** Path, size and time as `glance` tells them. A time of −1: it only has to be there. */
export type Seen = [path: string, size: number, mtime: number];

export interface StandingEnvironment {
  /** Project hash, and the absolute path of its layout as the link says it. */
  projectHash: string;
  layoutPath: string;
  /** The same without links in it, as a process is told that goes there. */
  realPath: string;
  interpreterPath: string;
  /** The scripts folder, relative to the layout. */
  scripts: string;
  /** The layout's own parts. */
  seen: Seen[];
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

/** A project is asked in a few ways: install, run, check, each with options. */
export const MAX_STANDING = 8;
const MAX_ROOT_SIZE = 1024 * 1024;

/** Path of the record for a link. Named by SHA-256, which is native: this is on the warm path. */
export function rootPath(home: Home, link: string): string {
  return `${home.roots}/${new Bun.CryptoHasher("sha256").update(link).digest("hex").slice(0, 32)}`;
}

/** The root that a text is; `undefined` when it makes no sense as one. */
export function rootOf(text: string): Root | undefined {
  if (text.length > MAX_ROOT_SIZE) return undefined;
  let value: Root | null;
  try {
    value = JSON.parse(text) as Root | null;
  } catch {
    return undefined;
  }
  const sound =
    value?.format === 1 &&
    typeof value.link === "string" &&
    (value.fresh === undefined || isFreshLock(value.fresh)) &&
    Array.isArray(value.generations) &&
    value.generations.every(isGeneration);
  if (!sound) return undefined;
  // An answer that makes no sense is only asked again: what the root keeps does not depend on it.
  const standing = Array.isArray(value?.standing) ? value.standing.filter(isStanding) : [];
  return { ...(value as Root), standing };
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

export function isStanding(value: unknown): value is Standing {
  const s = value as Partial<Standing> | null;
  return (
    typeof s === "object" &&
    s !== null &&
    typeof s.question === "string" &&
    Number.isSafeInteger(s.packages) &&
    areSeen(s.seen) &&
    (s.environment === undefined || isStandingEnvironment(s.environment))
  );
}

function isStandingEnvironment(value: unknown): value is StandingEnvironment {
  const e = value as Partial<StandingEnvironment> | null;
  return (
    typeof e === "object" &&
    e !== null &&
    areSeen(e.seen) &&
    typeof e.projectHash === "string" &&
    typeof e.layoutPath === "string" &&
    typeof e.realPath === "string" &&
    typeof e.interpreterPath === "string" &&
    typeof e.scripts === "string"
  );
}

/** A plain loop: `every` and its like are themselves written in JavaScript, and the first call of each compiles it. */
function areSeen(value: unknown): value is Seen[] {
  if (!Array.isArray(value)) return false;
  for (const seen of value) if (!Array.isArray(seen) || typeof seen[0] !== "string") return false;
  return true;
}
