/** Remembers an answer of the warm path with everything that it rests on, for `standing.ts` to give it again. */
import { realpathSync } from "node:fs";
import type { LayoutRecord } from "../layout/dxc-format.ts";
import { glance, NOWHERE } from "../platform/glance.ts";
import type { Home } from "../platform/home.ts";
import { layoutParts } from "./layout-health.ts";
import {
  MAX_STANDING,
  type Root,
  type Seen,
  type Standing,
  type StandingEnvironment,
} from "./root-record.ts";
import { readRoot, writeRoot } from "./roots.ts";
import type { WarmResult } from "./warm.ts";

export interface StandingFacts {
  home: Home;
  /** Absolute path of the link whose root remembers. */
  link: string;
  question: string;
  packages: number;
  /** Files that people and their tools write: the lock, its inputs, settings. Absolute; they need not be there. */
  written: readonly string[];
  /** Paths of which only the presence counts. */
  present: readonly string[];
  /** The environment, and not with `lock`. */
  environment?: WarmResult;
  /** What else was looked at for the answer: the interpreter, where one is looked for. */
  watched: readonly string[];
}

/**
 * How long a file must have been left alone, in milliseconds: a second change within one tick of its clock leaves its time as it is. Ticks of
 * filesystems that tell more than whole seconds, which are not relied on, take 10 at most.
 */
export const SETTLED = 100;

/**
 * Written only where it can be relied on, and failing to is no failure. `stat` in milliseconds is all that the answer is compared by later, so
 * that files with times that tools have set (whole seconds: archives, `SOURCE_DATE_EPOCH`) are not relied on.
 */
export function recordStanding(facts: StandingFacts): void {
  try {
    const standing = standingOf(facts);
    const root = readRoot(facts.home, facts.link) ?? rootWithoutEnvironment(facts);
    if (standing === undefined || root === undefined) return;
    const others = (root.standing ?? []).filter((one) => one.question !== facts.question);
    writeRoot(facts.home, { ...root, standing: [...others, standing].slice(-MAX_STANDING) });
  } catch {
    // A home that cannot be written to, a layout that went, a path that cannot be one: the next run looks as closely as this one did.
  }
}

/** `undefined` while something was written too lately, or bears a time that says nothing. */
function standingOf(facts: StandingFacts): Standing | undefined {
  const { question, packages, environment } = facts;
  const written = [...new Set(facts.written)].map(see);
  const newest = Date.now() - SETTLED;
  const settled = written.every(
    ([, , mtime]) => mtime === NOWHERE || (mtime <= newest && mtime % 1000 !== 0),
  );
  if (!settled) return undefined;
  const present = facts.present.map((path): Seen => {
    const seen = see(path);
    return seen[2] === NOWHERE ? seen : [path, 0, -1];
  });
  return {
    question,
    seen: [...written, ...present, ...facts.watched.map(see)],
    packages,
    ...(environment === undefined ? {} : { environment: standingEnvironment(environment) }),
  };
}

/** A project that is only locked has no environment for a root to keep; what is remembered of its lock is all that its root holds. */
function rootWithoutEnvironment({ link, environment }: StandingFacts): Root | undefined {
  return environment === undefined ? { format: 1, link, generations: [] } : undefined;
}

function standingEnvironment(made: WarmResult): StandingEnvironment {
  const { projectHash, layoutPath, interpreterPath, scripts } = made;
  const realPath = realpathSync(layoutPath);
  const seen = layoutParts(layoutPath, made).map(see);
  return { projectHash, layoutPath, realPath, interpreterPath, scripts, seen };
}

/** After a layout was made again: the same answer with the same environment, whose parts have new times. */
export function renewStanding(
  home: Home,
  link: string,
  old: StandingEnvironment,
  record: Pick<LayoutRecord, "sitePackages" | "scripts">,
): StandingEnvironment | undefined {
  const root = readRoot(home, link);
  const seen = layoutParts(old.layoutPath, record).map(see);
  const renew = (standing: Standing): Standing =>
    standing.environment?.projectHash === old.projectHash
      ? { ...standing, environment: { ...standing.environment, seen } }
      : standing;
  if (root === undefined) return undefined;
  writeRoot(home, { ...root, standing: (root.standing ?? []).map(renew) });
  return { ...old, seen };
}

function see(path: string): Seen {
  const { size, mtime } = glance(path);
  return [path, size, mtime];
}
