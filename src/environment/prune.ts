/**
 * Collection: removes layouts and package objects that nothing holds, by age and by size. Runs alone (installs hold the
 * store's lock shared), except for the warm path, which takes no lock: what it attaches meanwhile is put back.
 */
import { existsSync, lstatSync, rmSync, statSync } from "node:fs";
import type { LayoutRecord } from "../layout/dxc-format.ts";
import { insertRecords, removeRecords } from "../layout/dxc-writer.ts";
import { readDescription } from "../layout/layout-description.ts";
import { lookupLayout } from "../layout/open-dxc.ts";
import { forgetRecipes } from "../layout/recipe.ts";
import { type CountedFiles, diskUsage } from "../platform/disk-usage.ts";
import type { Home } from "../platform/home.ts";
import { readLink } from "../platform/links.ts";
import { moveFolder } from "../platform/move-folder.ts";
import { namesIn } from "../platform/names-in.ts";
import { createStaging, removeTree, sweepStaging } from "../platform/staging.ts";
import { removeObjectsLocked } from "../store/collect.ts";
import { removeUnusedLinks } from "../store/optimise.ts";
import { indexPath, listLevel, readLevelObject, treePath } from "../store/store-level.ts";
import { whileCollecting } from "../store/store-lock.ts";
import { keepUses } from "../store/system-store.ts";
import { findHeld, type Held, type HeldRoot } from "./held.ts";
import { layoutsOfProcesses, runsHaveStarted } from "./process-uses.ts";
import { forgetCheckouts } from "./remember-checkout.ts";
import { rootPath } from "./root-record.ts";
import { listRoots, removeRoot } from "./roots.ts";

export interface PruneOptions {
  home: Home;
  /** What was used or made in so many days stays. Default 30; 0: only what is needed now. */
  keepDays?: number;
  /** Bytes: beyond that, also what is recent goes, the oldest first, but nothing that is attached. */
  maxSize?: number;
  dryRun?: boolean;
  /** The system's store below this one: uses that are over are taken back there. */
  system?: string;
}

export interface PruneItem {
  kind: "layout" | "package" | "root";
  /** `name version` of a package, the number of packages of a layout, the link of a root. */
  name: string;
  /** Output hash, project hash, or empty. */
  hash: string;
  bytes: number;
  /** When it was made, milliseconds since the epoch. */
  made: number;
  why: "age" | "size" | "gone";
}

export interface Pruned {
  items: PruneItem[];
  /** Bytes that came back, or would. */
  bytes: number;
  /** Of the whole home, after. */
  left: number;
  /** Projects whose `.venv` is not where it was: moved or deleted. */
  gone: { link: string; since: number }[];
  kept: { layouts: number; packages: number; roots: number };
}

const DAY = 24 * 60 * 60 * 1000;

export async function pruneHome(options: PruneOptions): Promise<Pruned> {
  const { home } = options;
  if (!existsSync(home.root)) {
    return { items: [], bytes: 0, left: 0, gone: [], kept: { layouts: 0, packages: 0, roots: 0 } };
  }
  return await whileCollecting(home, () => pruneLocked(options));
}

async function pruneLocked(options: PruneOptions): Promise<Pruned> {
  const { home, keepDays = 30, dryRun = false } = options;
  if (!dryRun) sweepStaging(home);
  // With 0 days, nothing is recent, not even what was made in this millisecond.
  const since = keepDays === 0 ? Number.POSITIVE_INFINITY : Date.now() - keepDays * DAY;
  const held = findHeld(home, since, !dryRun);
  const counted: CountedFiles = new Set();
  const state = lookAround(home, counted);
  const { layouts, objects } = choose(state, held, since, options.maxSize);
  const doomedLayouts = dryRun ? layouts : await removeLayouts(home, layouts);
  // A layout that was attached meanwhile has come back: what it needs stays.
  const back = new Set(layouts.filter((one) => !doomedLayouts.includes(one)).flatMap((one) => one.packages));
  const doomedObjects = objects.filter(({ hash }) => !back.has(hash));
  const forgotten = held.roots.filter(
    ({ state: s }) => typeof s === "object" && !s.locked && s.gone <= since,
  );
  let bytes = [...doomedLayouts, ...doomedObjects].reduce((sum, one) => sum + one.bytes, 0);
  if (!dryRun) {
    const removed = removeObjectsLocked(
      home,
      doomedObjects.map(({ hash }) => hash),
    );
    const layoutBytes = doomedLayouts.reduce((sum, one) => sum + one.bytes, 0);
    bytes = layoutBytes + removed.bytes + removeUnusedLinks(home);
    forgetCheckouts(home, since);
    forgetRecipes(home, since);
    for (const { root } of forgotten) {
      removeRoot(home, root.link);
      rmSync(`${rootPath(home, root.link)}.gone`, { force: true });
    }
    if (options.system !== undefined) keepUses(options.system, home, neededOf(state, doomedLayouts));
  }
  return {
    items: [
      ...doomedLayouts.map(({ hash, bytes: size, made, why, packages }) => ({
        kind: "layout" as const,
        name: `${packages.length} packages`,
        hash,
        bytes: size,
        made,
        why: why ?? "age",
      })),
      ...doomedObjects.map(({ hash, bytes: size, made, why, name }) => ({
        kind: "package" as const,
        name,
        hash,
        bytes: size,
        made,
        why: why ?? "age",
      })),
      ...forgotten.map(rootItem),
    ],
    bytes,
    left: Math.max(0, state.total - bytes),
    gone: held.roots.flatMap(({ root, state: s }) =>
      typeof s === "object" && !s.locked ? [{ link: root.link, since: s.gone }] : [],
    ),
    kept: {
      layouts: state.layouts.length - doomedLayouts.length,
      packages: state.objects.length - doomedObjects.length,
      roots: held.roots.length - forgotten.length,
    },
  };
}

function rootItem({ root, state }: HeldRoot): PruneItem {
  const made = typeof state === "object" ? state.gone : 0;
  return { kind: "root", name: root.link, hash: "", bytes: 0, made, why: "gone" };
}

interface Candidate {
  hash: string;
  bytes: number;
  made: number;
  why?: "age" | "size";
}
interface LayoutCandidate extends Candidate {
  /** Output hashes. */
  packages: string[];
}
interface ObjectCandidate extends Candidate {
  name: string;
}
interface Surroundings {
  layouts: LayoutCandidate[];
  objects: ObjectCandidate[];
  total: number;
}

function lookAround(home: Home, counted: CountedFiles): Surroundings {
  const objects = listLevel(home.store).map((hash): ObjectCandidate => {
    const index = indexPath(home.store, hash);
    return {
      hash,
      name: packageName(home, hash),
      bytes: diskUsage(treePath(home.store, hash), counted) + diskUsage(index, counted),
      made: statSync(index, { throwIfNoEntry: false })?.mtimeMs ?? 0,
    };
  });
  const layouts = namesIn(home.layouts)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((hash): LayoutCandidate => {
      const path = `${home.layouts}/${hash}`;
      const description = readDescription(path);
      return {
        hash,
        bytes: diskUsage(path, counted),
        made: description?.created ?? lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
        packages: description?.packages.map(({ outputHash }) => outputHash) ?? [],
      };
    });
  const known = [...objects, ...layouts].reduce((sum, one) => sum + one.bytes, 0);
  return { layouts, objects, total: known + diskUsage(home.index, counted) };
}

/** First by age; then, as long as it is too much, the oldest of what only age keeps. */
function choose(
  { layouts, objects, total }: Surroundings,
  held: Held,
  since: number,
  maxSize: number | undefined,
): { layouts: LayoutCandidate[]; objects: ObjectCandidate[] } {
  const doomed = new Set<Candidate>();
  for (const one of layouts) {
    if (held.attached.has(one.hash) || held.recent.has(one.hash) || one.made > since) continue;
    one.why = "age";
    doomed.add(one);
  }
  const staying = () => layouts.filter((one) => !doomed.has(one));
  const needed = new Set(staying().flatMap((one) => one.packages));
  for (const one of objects) {
    const wanted = held.objects.has(one.hash) || held.recentObjects.has(one.hash) || needed.has(one.hash);
    if (wanted || one.made > since) continue;
    one.why = "age";
    doomed.add(one);
  }
  let left = total - [...doomed].reduce((sum, one) => sum + one.bytes, 0);
  if (maxSize !== undefined && left > maxSize) {
    const fixed = new Set(held.objects);
    for (const one of layouts)
      if (held.attached.has(one.hash)) for (const hash of one.packages) fixed.add(hash);
    const byAge = objects
      .filter((one) => !doomed.has(one) && !fixed.has(one.hash))
      .sort((a, b) => a.made - b.made);
    for (const one of byAge) {
      if (left <= maxSize) break;
      // Its layouts go with it: half an environment is none.
      for (const layout of staying()) {
        if (!layout.packages.includes(one.hash) || held.attached.has(layout.hash)) continue;
        layout.why = "size";
        doomed.add(layout);
        left -= layout.bytes;
      }
      one.why = "size";
      doomed.add(one);
      left -= one.bytes;
    }
  }
  return {
    layouts: layouts.filter((one) => doomed.has(one)),
    objects: objects.filter((one) => doomed.has(one)),
  };
}

/**
 * Takes layouts away: out of the index first, so that nobody finds them; then aside; then the roots are asked again, and what
 * was attached in between comes back. Returns those that are gone.
 */
async function removeLayouts(home: Home, layouts: readonly LayoutCandidate[]): Promise<LayoutCandidate[]> {
  if (layouts.length === 0) return [];
  const keys = layouts.map(({ hash }) => Uint8Array.fromHex(hash));
  const records = new Map(layouts.map(({ hash }, i) => [hash, knownRecord(home, keys[i]!)]));
  await removeRecords(home, keys);
  // Who found one before says so when he has become what he runs.
  await runsHaveStarted();
  const running = layoutsOfProcesses(home);
  const trash = createStaging(home);
  const gone: LayoutCandidate[] = [];
  try {
    for (const one of layouts) {
      if (running.has(one.hash) || isAttached(home, one.hash)) continue;
      moveFolder(`${home.layouts}/${one.hash}`, `${trash}/${one.hash}`);
      gone.push(one);
    }
    const back = gone.filter(({ hash }) => isAttached(home, hash));
    for (const { hash } of back) {
      if (!existsSync(`${home.layouts}/${hash}`)) moveFolder(`${trash}/${hash}`, `${home.layouts}/${hash}`);
    }
    const staying = layouts.filter((one) => !gone.includes(one) || back.includes(one));
    const again = staying.map(({ hash }) => records.get(hash)).filter((record) => record !== undefined);
    if (again.length > 0) await insertRecords(home, again);
    return gone.filter((one) => !back.includes(one));
  } finally {
    removeTree(trash);
  }
}

function knownRecord(home: Home, key: Uint8Array): LayoutRecord | undefined {
  try {
    return lookupLayout(home.layoutsIndex, key);
  } catch {
    return undefined;
  }
}

/** By its root's last generation, which is written before the link, or by the link itself. */
function isAttached(home: Home, hash: string): boolean {
  return listRoots(home).some(
    ({ link, generations }) =>
      (generations.at(-1)?.layout === hash && readLink(link) !== undefined) ||
      readLink(link) === `${home.layouts}/${hash}`,
  );
}

function neededOf({ layouts }: Surroundings, doomed: readonly LayoutCandidate[]): Set<string> {
  return new Set(layouts.filter((one) => !doomed.includes(one)).flatMap((one) => one.packages));
}

function packageName(home: Home, hash: string): string {
  try {
    const object = readLevelObject(home.store, hash)?.object;
    return object === undefined ? "?" : `${object.name} ${object.version}`;
  } catch {
    return "(unreadable)";
  }
}
