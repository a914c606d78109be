/**
 * What build requirements were resolved to, remembered for as long as pages of an index are fresh: the next build that states the
 * same, which is most, begins at once.
 */
import { readFileSync, statSync } from "node:fs";
import type { IndexSettings } from "../package-index/index-settings.ts";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import type { Home } from "../platform/home.ts";
import { sha256Hex } from "../platform/sha256.ts";
import type { WantedPackage } from "../realise/wanted-package.ts";

/** Milliseconds: what indexes say of their pages most often. */
const freshness = 10 * 60 * 1000;

interface Remembered {
  format: 1;
  /** Milliseconds since the epoch. */
  time: number;
  wanted: WantedPackage[];
}

/** `facts`: all that decides the answer beside the indexes. Asked-for refreshes are never answered from memory. */
export async function rememberRequires(
  home: Home,
  settings: IndexSettings,
  facts: unknown,
  resolve: () => Promise<WantedPackage[]>,
): Promise<WantedPackage[]> {
  const { offline, refresh, ...places } = settings;
  // A folder of files changes its own time with each that comes or goes; a tree of pages does not.
  const folders = settings.findLinks.filter((place) => place.startsWith("/"));
  const times = folders.map((place) => statSync(place, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  const remote = [...settings.indexes.map(({ url }) => url), ...settings.findLinks].every(
    (place) => /^https?:/.test(place) || folders.includes(place),
  );
  const refreshes = refresh === true || (refresh !== false && refresh.length > 0);
  if (refreshes || !remote) return await resolve();
  const folder = `${home.index}/build-requires`;
  const path = `${folder}/${sha256Hex(JSON.stringify([places, times, facts]))}.json`;
  const known = read(path);
  const age = known === undefined ? Number.POSITIVE_INFINITY : Date.now() - known.time;
  if (known !== undefined && (offline || (age >= 0 && age < freshness))) return known.wanted;
  const wanted = await resolve();
  try {
    ensureDir(folder);
    writeFileAtomic(path, JSON.stringify({ format: 1, time: Date.now(), wanted } satisfies Remembered));
  } catch {
    // A home that cannot be written to: it is resolved again.
  }
  return wanted;
}

/** What this program wrote; anything else is as good as missing. */
function read(path: string): Remembered | undefined {
  try {
    const value = JSON.parse(readFileSync(path, "utf8")) as Remembered;
    const sound =
      value.format === 1 &&
      Number.isFinite(value.time) &&
      Array.isArray(value.wanted) &&
      value.wanted.every(
        ({ name, source, wheel }) =>
          typeof name === "string" &&
          typeof source?.kind === "string" &&
          (wheel === undefined || (typeof wheel.name === "string" && typeof wheel.buildHash === "string")),
      );
    return sound ? value : undefined;
  } catch {
    return undefined;
  }
}
