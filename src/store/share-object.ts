/**
 * Takes objects of the system's store into the user's (requirement V3): by hardlinks where the kernel allows them, else by
 * shared extents, else used where they lie, else copied. What did not work once is not tried again in this process.
 */
import { chmodSync, constants, copyFileSync, linkSync, mkdirSync, statSync } from "node:fs";
import type { Home } from "../platform/home.ts";
import { reflink } from "../platform/links.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { readDrvOutNotes, writeDrvOut } from "./drv-out.ts";
import { encodeManifest, type ManifestEntry } from "./manifest.ts";
import { placeObject } from "./place-object.ts";
import { openStore } from "./store.ts";
import { levelHas, treePath } from "./store-level.ts";
import { noteUse } from "./system-store.ts";

export type ShareWay = "hardlink" | "reflink" | "reference" | "copy";

export interface Sharer {
  /**
   * How the object is there now for the user; `undefined`: it was already. With `buildHash`, the user's store also learns
   * that this derivation produced it, so that it is found when the system's store is gone.
   */
  share(hash: string, buildHash?: string): ShareWay | undefined;
  /** How many objects went which way, and what they added to the disk in bytes. */
  readonly counts: Readonly<Record<ShareWay, number>>;
  readonly addedBytes: number;
  /** Why a way that comes earlier was not taken: the kernel's word. */
  readonly reasons: ReadonlyMap<ShareWay, string>;
}

export interface SharerOptions {
  home: Home;
  /** The system's store. */
  system: string;
  /** The first way to try; those after it follow. `auto` is `hardlink`. */
  first: "auto" | ShareWay;
}

const WAYS: readonly ShareWay[] = ["hardlink", "reflink", "reference", "copy"];
/** Other filesystem; not the owner (`fs.protected_hardlinks`); the filesystem has none. */
const IMPOSSIBLE = /^(EXDEV|EPERM|EACCES|ENOTSUP|EOPNOTSUPP|ENOSYS|EINVAL|EROFS)$/;

export function createSharer({ home, system, first }: SharerOptions): Sharer {
  const ways = WAYS.slice(Math.max(0, first === "auto" ? 0 : WAYS.indexOf(first)));
  const counts: Record<ShareWay, number> = { hardlink: 0, reflink: 0, reference: 0, copy: 0 };
  const reasons = new Map<ShareWay, string>();
  let addedBytes = 0;

  function take(hash: string, way: ShareWay): boolean {
    if (reasons.has(way)) return false;
    if (way === "reference") {
      if (noteUse(system, home, hash)) return true;
      reasons.set(way, "its roots folder cannot be written to");
      return false;
    }
    try {
      addedBytes += takeFiles(home, system, hash, way);
      return true;
    } catch (error) {
      const { code = "" } = error as { code?: string };
      if (way === "copy" || !IMPOSSIBLE.test(code)) throw error;
      reasons.set(way, code);
      return false;
    }
  }

  return {
    counts,
    reasons,
    get addedBytes() {
      return addedBytes;
    },
    share(hash, buildHash) {
      if (levelHas(home.store, hash)) return undefined;
      const way = ways.find((one) => take(hash, one));
      if (way === undefined) throw new Error("unreachable: a copy is always possible or an error");
      counts[way] += 1;
      if (way !== "reference" && buildHash !== undefined) {
        writeDrvOut(home, buildHash, hash, readDrvOutNotes(system, buildHash)?.notes ?? {});
      }
      return way;
    },
  };
}

/** The tree by links or copies, then its own index. Returns the bytes that are on the disk twice now. */
function takeFiles(home: Home, system: string, hash: string, way: ShareWay): number {
  const from = treePath(system, hash);
  const stored = openStore(home, { system }).open(hash);
  const staging = createStaging(home);
  try {
    const entries: ManifestEntry[] = [...stored.manifest()];
    const tree = `${staging}/tree`;
    mkdirSync(tree);
    const folders = new Set<string>([tree]);
    let added = 0;
    for (const entry of entries) {
      const to = `${tree}/${entry.path}`;
      const folder = to.slice(0, to.lastIndexOf("/"));
      if (!folders.has(folder)) {
        mkdirSync(folder, { recursive: true });
        folders.add(folder);
      }
      added += takeFile(`${from}/${entry.path}`, to, way);
    }
    placeObject(home.store, staging, tree, stored.object, encodeManifest(entries));
    return added;
  } finally {
    removeTree(staging);
    stored.close();
  }
}

function takeFile(from: string, to: string, way: ShareWay): number {
  if (way === "hardlink") {
    try {
      linkSync(from, to);
      return 0;
    } catch (error) {
      // This one file has as many names as a file can have: it alone is copied.
      if ((error as { code?: string }).code !== "EMLINK") throw error;
    }
  }
  if (way !== "copy" && reflink(from, to)) {
    chmodSync(to, statSync(from).mode & 0o777);
    return 0;
  }
  if (way === "reflink") {
    throw Object.assign(new Error("this filesystem does not share extents"), { code: "EOPNOTSUPP" });
  }
  copyFileSync(from, to, constants.COPYFILE_EXCL);
  const { mode, size } = statSync(from);
  chmodSync(to, mode & 0o777);
  return size;
}
