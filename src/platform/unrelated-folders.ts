import { ptr } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { loadIoctl } from "./libc.ts";

/** Of `<linux/fs.h>`, for 64-bit machines. */
const FS_IOC_GETFLAGS = 0x80086601n;
const FS_IOC_SETFLAGS = 0x40086602n;
const FS_TOPDIR_FL = 0x20000n;

/**
 * Tells the filesystem that the folders which will be made in `path` have nothing to do with each other (`chattr +T`).
 * ext4 otherwise puts the inodes of everything below one folder into one block group: threads that make thousands of files
 * wait for each other there, and a filesystem without a journal passes over the inodes that were freed in the last minutes
 * one by one. A hint: false where there is no such thing, and nothing is lost.
 */
export function unrelatedFolders(path: string): boolean {
  const ioctl = loadIoctl();
  if (ioctl === undefined) return false;
  let folder: number | undefined;
  try {
    folder = openSync(path, "r");
    // The kernel takes an `int`, filesystems in user space may take a `long`.
    const flags = new BigInt64Array(1);
    if (ioctl(folder, FS_IOC_GETFLAGS, ptr(flags)) !== 0) return false;
    if ((flags[0]! & FS_TOPDIR_FL) !== 0n) return true;
    flags[0] = flags[0]! | FS_TOPDIR_FL;
    return ioctl(folder, FS_IOC_SETFLAGS, ptr(flags)) === 0;
  } catch {
    return false;
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
}
