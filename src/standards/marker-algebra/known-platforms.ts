import type { MarkerArena, MarkerTree } from "./marker-arena.ts";
import { trueMarker } from "./marker-arena.ts";

/** `platform_system` is `sys_platform` in other words where the two correspond one to one. */
export const systemNames: Readonly<Record<string, string>> = {
  Windows: "win32",
  Darwin: "darwin",
  Linux: "linux",
  AIX: "aix",
  Emscripten: "emscripten",
  Android: "android",
};

const otherSystems = ["FreeBSD", "NetBSD", "OpenBSD", "SunOS", "iOS", "iPadOS"];
const platforms = ["aix", "android", "emscripten", "ios", "linux", "darwin", "win32", "cygwin", "wasi"];

/** The combinations of `os_name`, `sys_platform` and `platform_system` that some interpreter can have. */
export function possiblePlatforms(arena: MarkerArena): MarkerTree {
  let possible = trueMarker;
  const exclude = (name: string, value: string, platform: string) => {
    const pair = arena.and(arena.textEquals(name, value), arena.textEquals("sys_platform", platform));
    possible = arena.and(possible, arena.not(pair));
  };
  for (const platform of ["linux", "darwin", "ios"]) exclude("os_name", "nt", platform);
  exclude("os_name", "posix", "win32");
  for (const system of otherSystems) {
    for (const platform of platforms) {
      if (platform === "ios" && (system === "iOS" || system === "iPadOS")) continue;
      exclude("platform_system", system, platform);
    }
  }
  return possible;
}
