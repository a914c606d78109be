import { elfSearchFolders, isElf } from "./elf.ts";
import { isMachO, machoSearchFolders } from "./macho.ts";
import { accessBytes, type RandomAccess } from "./random-access.ts";

/**
 * Whether a native library looks for others outside of its own package. Linked by directory it would not find them: the
 * kernel follows the link before it resolves `..`, and ends in the store, where the other package is not a neighbour.
 */

const ORIGIN = /^(?:\$ORIGIN|\$\{ORIGIN\}|@loader_path)(?=\/|$)/;

/**
 * `pathInWheel` is the library's place below `lib/`; `hasFolder` tells whether the wheel has a folder there. True when
 * a search path that starts at the library itself climbs, and leads to a folder that the wheel does not have.
 * Absolute paths mean nothing here: they were the build machine's.
 */
export function escapingRpath(
  source: Uint8Array | RandomAccess,
  pathInWheel: string,
  hasFolder: (path: string) => boolean = () => true,
): boolean {
  const file = source instanceof Uint8Array ? accessBytes(source) : source;
  // Windows has no such paths: its DLL folders are added by code.
  const start = file.read(0, 32);
  const folders = isElf(start) ? elfSearchFolders(file) : isMachO(start) ? machoSearchFolders(file) : [];
  return folders.some((folder) => {
    const relative = folder.replace(ORIGIN, "");
    if (relative === folder || !relative.split("/").includes("..")) return false;
    const resolved = resolve(pathInWheel.split("/").slice(0, -1), relative.split("/"));
    return resolved === undefined || (resolved !== "" && !hasFolder(resolved));
  });
}

/** `undefined` when the way leads above the root. */
function resolve(base: readonly string[], way: readonly string[]): string | undefined {
  const parts = [...base];
  for (const part of way) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}
