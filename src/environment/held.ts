/** What must stay: layouts and objects that an attached environment, a recent generation, a process, a lock or another user needs. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readDescription } from "../layout/layout-description.ts";
import { DPL_FILE } from "../lock/dpl-freshness.ts";
import { openDpl } from "../lock/dpl-reader.ts";
import type { Home } from "../platform/home.ts";
import { readLink } from "../platform/links.ts";
import { readDrvOut } from "../store/drv-out.ts";
import { usesOf } from "../store/system-store.ts";
import { layoutsOfProcesses, objectsOfProcesses } from "./process-uses.ts";
import { type Root, rootPath } from "./root-record.ts";
import { listRoots } from "./roots.ts";

export interface HeldRoot {
  root: Root;
  /**
   * `attached`: its link leads to a layout. `private`: something else stands there. `gone`: nothing does, and since when that is
   * known (milliseconds since the epoch). Where the lock is still there, the project is only not installed; else it was moved or deleted.
   */
  state: "attached" | "private" | { gone: number; locked: boolean };
  /** Project hash that the link leads to now. */
  layout?: string;
}

export interface Held {
  roots: HeldRoot[];
  /** Project hashes that nothing may remove. */
  attached: Set<string>;
  /** Those that age alone keeps: recent generations, projects that are gone for a short time. */
  recent: Set<string>;
  /** Output hashes that nothing may remove, and those that age alone keeps. */
  objects: Set<string>;
  recentObjects: Set<string>;
}

/** `since`: what was used after this moment counts as recent. `note`: remembers which projects are gone, and since when. */
export function findHeld(home: Home, since: number, note: boolean): Held {
  const roots = listRoots(home).map((root) => lookAt(home, root, note));
  const attached = new Set(layoutsOfProcesses(home));
  const recent = new Set<string>();
  const objects = new Set(objectsOfProcesses(home));
  const recentObjects = new Set<string>();
  for (const { root, state, layout } of roots) {
    if (layout !== undefined) attached.add(layout);
    const last = root.generations.at(-1);
    if (state === "attached" && last !== undefined) attached.add(last.layout);
    const kept = typeof state === "object" && state.gone > since ? root.generations : [];
    for (const { layout: one } of [...kept, ...root.generations.filter(({ time }) => time > since)])
      recent.add(one);
    if (typeof state !== "object" || state.locked)
      for (const hash of lockedObjects(home, root.link)) objects.add(hash);
  }
  for (const hash of attached) addPackages(home, hash, objects);
  for (const hash of recent) addPackages(home, hash, recentObjects);
  for (const { home: user, hashes } of usesOf(home.store)) {
    if (user !== home.root) for (const hash of hashes) objects.add(hash);
  }
  return { roots, attached, recent, objects, recentObjects };
}

function lookAt(home: Home, root: Root, note: boolean): HeldRoot {
  const marker = `${rootPath(home, root.link)}.gone`;
  const target = readLink(root.link);
  if (target === undefined) {
    return {
      root,
      state: { gone: goneSince(home, root.link, note), locked: existsSync(lockPath(root.link)) },
    };
  }
  if (note) rmSync(marker, { force: true });
  if (target === null) return { root, state: "private" };
  const inside = target.startsWith(`${home.layouts}/`) ? target.slice(home.layouts.length + 1) : "";
  return /^[0-9a-f]{64}$/.test(inside)
    ? { root, state: "attached", layout: inside }
    : { root, state: "private" };
}

/** The first time that somebody looked and it was not there. What was written since, the root or the project's folder, says that somebody was. */
function goneSince(home: Home, link: string, note: boolean): number {
  const marker = `${rootPath(home, link)}.gone`;
  const known = statSync(marker, { throwIfNoEntry: false });
  const places = [rootPath(home, link), link.slice(0, link.lastIndexOf("/"))];
  const written = Math.max(...places.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0));
  if (known !== undefined && known.mtimeMs >= written)
    return Number(readFileSync(marker, "utf8")) || known.mtimeMs;
  const now = Date.now();
  if (note) writeFileSync(marker, String(now));
  return now;
}

function addPackages(home: Home, layout: string, into: Set<string>): void {
  const description = readDescription(`${home.layouts}/${layout}`);
  for (const { outputHash } of description?.packages ?? []) into.add(outputHash);
}

function lockPath(link: string): string {
  return `${link.slice(0, link.lastIndexOf("/"))}/${DPL_FILE}`;
}

/** What the lock of a project that is there names, as far as it is in the store. */
function lockedObjects(home: Home, link: string): string[] {
  const path = lockPath(link);
  if (!existsSync(path)) return [];
  try {
    const dpl = openDpl(path);
    try {
      const hashes: string[] = [];
      for (const entry of dpl.entries()) {
        for (const { buildHash } of entry.wheels) {
          const output = buildHash ? readDrvOut(home, buildHash) : undefined;
          if (output !== undefined) hashes.push(output);
        }
      }
      return hashes;
    } finally {
      dpl.close();
    }
  } catch {
    // A lock that cannot be read holds nothing; its environment holds what it needs.
    return [];
  }
}
