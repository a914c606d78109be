/**
 * The first step of the warm path: what was asked before in the same surroundings, and found to stand as
 * asked, still stands while everything that the answer rests on looks the same. One mapped file of the home, a `stat` for each thing
 * looked at; no `node:fs`, whose loading would take longer than all of it. In every doubt: no answer, and the next step looks closer.
 */
import { dxcOf, hasLayout } from "../layout/dxc.ts";
import { glance, isThere, NOWHERE } from "../platform/glance.ts";
import type { Home } from "../platform/home.ts";
import { bearingVariables } from "./bearing-variables.ts";
import {
  isStanding,
  type Root,
  rootPath,
  type Seen,
  type Standing,
  type StandingEnvironment,
} from "./root-record.ts";

export interface StandingQuestion {
  /** What was asked for, in one canonical spelling of the caller's. */
  asked: string;
  /** Where: a path that was given may be relative. */
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Of dx-py: what another version made is looked at by this one. */
  version: string;
}

/** One text for one question, as lower-case hex SHA-256 (native; nothing secret of the environment is kept). */
export function standingQuestion({ asked, folder, env, version }: StandingQuestion): string {
  const hasher = new Bun.CryptoHasher("sha256");
  // JSON keeps apart what a plain joining of texts would not.
  hasher.update(JSON.stringify([version, folder, asked, bearingVariables(env).sort()]));
  return hasher.digest("hex");
}

export interface FoundStanding {
  standing: Standing;
  link: string;
  /** Project hash of the layout that the root keeps as the attached one. */
  kept: string | undefined;
}

/**
 * The answer to a question, while all that it rests on looks as it did. `undefined`: the root has none, or cannot be read but by `readRoot`. Only
 * what is used of the root is checked: checking all of it would wake the compiler.
 */
export function findStanding(home: Home, link: string, question: string): FoundStanding | undefined {
  try {
    const text = new TextDecoder().decode(Bun.mmap(rootPath(home, link)));
    const root = JSON.parse(text) as Partial<Root> | null;
    if (root?.format !== 1 || root.link !== link || !Array.isArray(root.standing)) return undefined;
    for (const standing of root.standing as (Partial<Standing> | null)[]) {
      if (standing?.question === question && isStanding(standing) && looksTheSame(standing.seen))
        return { standing, link, kept: root.generations?.[root.generations.length - 1]?.layout };
    }
  } catch {
    // No root, or one that makes no sense: `readRoot` makes of it what can be made.
  }
  return undefined;
}

/**
 * Whether the layout is as it was, and in `layouts.dxc`: one lookup in the mapping. `gone`: nothing is where it was, and it may be made
 * again from its derivation. An index that is damaged is made again on the long way.
 */
export function lookAtLayout(home: Home, environment: StandingEnvironment): "stands" | "gone" | "changed" {
  if (!isThere(environment.layoutPath)) return "gone";
  if (!looksTheSame(environment.seen)) return "changed";
  try {
    const { layoutsIndex } = home;
    const dxc = dxcOf(Bun.mmap(layoutsIndex), layoutsIndex);
    return hasLayout(dxc, Uint8Array.fromHex(environment.projectHash)) ? "stands" : "changed";
  } catch {
    return "changed";
  }
}

function looksTheSame(all: readonly Seen[]): boolean {
  for (const [path, size, mtime] of all) {
    const now = glance(path);
    if (mtime < 0 ? now.mtime === NOWHERE : now.size !== size || now.mtime !== mtime) return false;
  }
  return true;
}

/**
 * Whether the link leads to the environment, or has been put there now where it was gone. `made`: it was. `undefined`: something else
 * stands there, or the root would have to keep another layout first.
 */
export function attachStanding(
  { link, kept }: FoundStanding,
  environment: StandingEnvironment,
): { made: boolean } | undefined {
  const leads = whereLinkLeads(link);
  if (leads === environment.realPath) return { made: false };
  if (leads !== null || kept !== environment.projectHash) return undefined;
  const { symlinkSync } = require("node:fs") as typeof import("node:fs");
  try {
    symlinkSync(environment.layoutPath, link);
  } catch {
    // A link that leads to nothing, or somebody was faster.
    return undefined;
  }
  // A collection may have come between the look and the link; from now on the link keeps the layout.
  return looksTheSame(environment.seen) ? { made: true } : undefined;
}

/** `null`: nothing is there, or a link to nothing. Going there is how the system tells where a link leads, without `node:fs`. */
function whereLinkLeads(link: string): string | null | undefined {
  const here = process.cwd();
  try {
    // Not into a place from which there is no way back.
    process.chdir(here);
  } catch {
    return undefined;
  }
  try {
    process.chdir(link);
  } catch (error) {
    return (error as { code?: string }).code === "ENOENT" ? null : undefined;
  }
  const there = process.cwd();
  process.chdir(here);
  return there;
}
