/**
 * The links by which layouts have a package, made once: `@NAME` at the top of its tree. A layout takes them by another name for the same
 * link, which costs neither an inode nor the block that a filesystem gives to each target longer than 60 bytes. On Linux, where
 * a hardlink of a symbolic link is one; what cannot be shared is linked anew.
 */
import { linkSync, readlinkSync, symlinkSync } from "node:fs";
import type { PackageObject } from "./package-object.ts";
import { canShareDistInfo, sharedDistInfoPath } from "./shared-dist-info.ts";

/** `tree` is unfinished, and will be at `place`. */
export function makeLayoutLinks(object: PackageObject, tree: string, place: string): void {
  const make = (target: string, name: string) => {
    // What has the longest name that there can be is linked anew.
    if (Buffer.byteLength(name) < MAX_NAME) symlinkSync(target, layoutLinkPath(tree, name));
  };
  for (const { name } of object.topLevel) {
    if (name !== object.distInfo && name !== "__pycache__") make(`${place}/lib/${name}`, name);
  }
  if (canShareDistInfo(object)) make(sharedDistInfoPath(place), object.distInfo);
}

/** Bytes that Linux takes for a name. */
const MAX_NAME = 255;

/** The link to a top-level entry of `lib/`, or to the shared `.dist-info`. */
export function layoutLinkPath(treePath: string, name: string): string {
  return `${treePath}/@${name}`;
}

/** What {@link layoutLinkPath} was asked for. */
export function nameOfLayoutLink(treePath: string, path: string): string {
  return path.slice(treePath.length + "/@".length);
}

/**
 * Makes `path` a name of the link `shared`; a link of its own to `target` where that cannot be, or leads elsewhere. `folders`: trees whose
 * links lead to where they are, or do not. All links of one are made at once, so one of them tells for all.
 */
export function placeLayoutLink(
  shared: string,
  target: string,
  path: string,
  folders: Map<string, boolean>,
): void {
  try {
    const folder = shared.slice(0, shared.lastIndexOf("/"));
    let right = folders.get(folder);
    if (right === undefined) {
      // A store that was moved has links to where it was.
      right = readlinkSync(shared) === target;
      folders.set(folder, right);
    }
    if (right) {
      linkSync(shared, path);
      return;
    }
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (!/^(ENOENT|EINVAL|ENOTDIR|ENAMETOOLONG|EXDEV|EPERM|EACCES|EMLINK|ENOTSUP|EOPNOTSUPP)$/.test(code))
      throw error;
  }
  symlinkSync(target, path);
}
