import { lstatSync, renameSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import { removeTree } from "../platform/staging.ts";
import { closeTree } from "./close-tree.ts";
import { encodePackage } from "./dxpkg-writer.ts";
import { makeLayoutLinks } from "./layout-links.ts";
import type { EncodedManifest } from "./manifest.ts";
import type { PackageObject } from "./package-object.ts";
import { canShareDistInfo, makeSharedDistInfo } from "./shared-dist-info.ts";
import { indexPath, levelHas, treePath } from "./store-level.ts";

/**
 * Puts a finished tree into the store. The tree goes first, the `.dxpkg` that makes it count last, so that a process
 * killed in between leaves nothing that misleads. Many processes may do this with the same object at once.
 */
export function placeObject(
  root: string,
  /** A folder of our own on the same filesystem; `tree` is in it. */
  staging: string,
  tree: string,
  object: PackageObject,
  manifest: EncodedManifest,
): "added" | "present" {
  const hash = object.outputHash;
  if (levelHas(root, hash)) return "present";
  const place = treePath(root, hash);
  if (process.platform === "linux") makeLayoutLinks(object, tree, place);
  closeTree(tree, manifest.entries);
  ensureDir(place.slice(0, place.lastIndexOf("/")));
  for (let attempt = 0; ; attempt += 1) {
    try {
      renameSync(tree, place);
      break;
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      if (!/^(ENOTEMPTY|EEXIST|EPERM|EACCES)$/.test(code) || attempt === 5) throw error;
      if (levelHas(root, hash)) return "present";
      // Another process is one step ahead, or was killed there. Its tree came whole by a rename, so it may stay if it is whole now.
      if (isWhole(place, manifest)) break;
      setAside(place, `${staging}/aside-${attempt}`);
    }
  }
  // Here, in one of several threads and while others download, it costs less than when a layout wants all at once.
  if (process.platform !== "win32" && canShareDistInfo(object)) makeSharedDistInfo(object, place, staging);
  const { bytes } = encodePackage(object, manifest, false);
  writeFileAtomic(indexPath(root, hash), bytes, { mode: 0o444, staging });
  return "added";
}

/** Every file is there with its size: nobody has taken from it or cut it short. */
function isWhole(tree: string, manifest: EncodedManifest): boolean {
  return manifest.entries.every((entry) => {
    const stats = lstatSync(`${tree}/${entry.path}`, { throwIfNoEntry: false });
    return stats?.isFile() === true && stats.size === entry.size;
  });
}

function setAside(place: string, aside: string): void {
  try {
    renameSync(place, aside);
    removeTree(aside);
  } catch (error) {
    // Another process has set it aside already.
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
}
