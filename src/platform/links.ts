import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  readlinkSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { renameReplacing, uniqueName } from "./atomic-file.ts";
import { Failure } from "./errors.ts";

/** Links: symlinks (junctions on Windows) that switch without a moment of absence, hardlinks, shared extents. */

/** Makes `linkPath` a symlink to `target`, replacing a file or link that is there, in one step for a reader. */
export function symlinkAtomic(target: string, linkPath: string): void {
  if (process.platform === "win32") {
    switchJunction(target, linkPath);
    return;
  }
  const temporary = `${linkPath}.${uniqueName()}`;
  symlinkSync(target, temporary);
  try {
    renameReplacing(temporary, linkPath);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}

/**
 * Makes `linkPath` a link to `target` unless it is one already: true when something changed. What is there and is
 * not a link is never touched (Failure `DXPY_NOT_A_LINK`): it is somebody's folder.
 */
export function replaceSymlink(target: string, linkPath: string): boolean {
  const current = readLink(linkPath);
  if (current === target) return false;
  if (current === null) {
    throw new Failure("DXPY_NOT_A_LINK", `${linkPath} is there already, and is not a link`, {
      context: { path: linkPath },
      hint: "Move it away or remove it, then run the command again.",
    });
  }
  symlinkAtomic(target, linkPath);
  return true;
}

/** The target of a link; `null` for something that is not a link; `undefined` for nothing. */
export function readLink(path: string): string | null | undefined {
  try {
    const target = readlinkSync(path);
    return process.platform === "win32" ? target.replace(/^\\\\\?\\/, "").replace(/\\$/, "") : target;
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "EINVAL" || code === "UNKNOWN") return null;
    throw error;
  }
}

/** A directory junction on Windows (no privilege needed; `target` absolute); a symlink elsewhere. */
export function junction(target: string, linkPath: string): void {
  symlinkSync(target, linkPath, process.platform === "win32" ? "junction" : "dir");
}

/** Windows cannot rename over a folder, and a junction is one: the old link goes a moment before the new one comes. */
function switchJunction(target: string, linkPath: string): void {
  const temporary = `${linkPath}.${uniqueName()}`;
  junction(target, temporary);
  try {
    if (readLink(linkPath) !== undefined) rmdirSync(linkPath);
    renameReplacing(temporary, linkPath);
  } catch (error) {
    rmdirSync(temporary);
    throw error;
  }
}

/** A hardlink, or a copy with the same permission bits where the kernel forbids one (other device, other owner, too many links). */
export function hardlinkOrCopy(source: string, destination: string): "hardlink" | "copy" {
  try {
    linkSync(source, destination);
    return "hardlink";
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (!/^(EXDEV|EPERM|EACCES|EMLINK|ENOTSUP|EOPNOTSUPP|ENOSYS)$/.test(code)) throw error;
  }
  copyFileSync(source, destination, constants.COPYFILE_EXCL);
  chmodSync(destination, statSync(source).mode & 0o777);
  return "copy";
}

/** A copy that shares its extents with the source (btrfs, XFS, APFS): false, and nothing made, where the filesystem cannot. */
export function reflink(source: string, destination: string): boolean {
  try {
    copyFileSync(source, destination, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (code === "EEXIST" || code === "ENOENT") throw error;
    if (exists(destination)) unlinkSync(destination);
    return false;
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
