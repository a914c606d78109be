import { normalizeName } from "../standards/names.ts";
import { compareVersions, tryParseVersion, type Version } from "../standards/version.ts";
import type { DistributionFile } from "./distribution.ts";

/** Files of one project as an index lists them, sorted into versions. */
export interface VersionGroup {
  version: Version;
  /** Wheels by name, then sdists. */
  files: DistributionFile[];
}

const SDIST = /\.(?:tar\.gz|tgz|zip|tar\.bz2|tbz|tar\.xz|txz)$/i;

/** Wheel or sdist by its ending; `undefined` for eggs, installers, signatures and the like. */
export function distributionKind(filename: string): "wheel" | "sdist" | undefined {
  if (filename.endsWith(".whl")) return "wheel";
  return SDIST.test(filename) ? "sdist" : undefined;
}

/** The normalised project of a file, as far as the name alone tells: an sdist's version begins at its last hyphen. */
export function projectOfFilename(filename: string): string {
  if (filename.endsWith(".whl")) return normalizeName(filename.slice(0, filename.indexOf("-")));
  const stem = filename.replace(SDIST, "");
  const hyphen = stem.lastIndexOf("-");
  return normalizeName(hyphen < 0 ? stem : stem.slice(0, hyphen));
}

/**
 * The projects that a file may be of: one for a wheel; for an sdist every split before a digit, because a version may
 * hold a hyphen (`spam-1.0-1.tar.gz`). `groupByVersion` takes those whose version can be read.
 */
export function possibleProjects(filename: string): string[] {
  const likely = projectOfFilename(filename);
  if (filename.endsWith(".whl")) return [likely];
  const splits = [...filename.slice(0, 256).matchAll(/-(?=v?\d)/gi)].map(({ index }) =>
    filename.slice(0, index),
  );
  return [...new Set([likely, ...splits.map(normalizeName)])];
}

let lastName = "";
let lastNormalized = "";

/** The files of a page spell their project in the same way, one after the other. */
function normalizedOnce(name: string): string {
  if (name !== lastName) {
    lastNormalized = normalizeName(name);
    lastName = name;
  }
  return lastNormalized;
}

/** The text of the version in a file name; `undefined` when the file is not one of this project. */
export function versionInFilename(
  filename: string,
  kind: "wheel" | "sdist",
  project: string,
): string | undefined {
  if (kind === "wheel") {
    const parts = filename.split("-");
    if (parts.length !== 5 && parts.length !== 6) return undefined;
    return normalizedOnce(parts[0]!) === project ? parts[1] : undefined;
  }
  const stem = filename.replace(SDIST, "");
  // Names and versions may hold hyphens: the split is where the left side is the project (PEP 625 made it unambiguous).
  for (let hyphen = stem.indexOf("-"); hyphen >= 0; hyphen = stem.indexOf("-", hyphen + 1)) {
    if (hyphen > 256) return undefined;
    if (normalizedOnce(stem.slice(0, hyphen)) === project) return stem.slice(hyphen + 1);
  }
  return undefined;
}

/**
 * Groups a project's files by version, ascending (PEP 440). Files of other projects, of kinds that are not installed
 * and with versions that cannot be read are left out, as installers do; of a file listed twice the first counts.
 */
export function groupByVersion(project: string, files: readonly DistributionFile[]): VersionGroup[] {
  const parsed = new Map<string, Version | undefined>();
  const groups = new Map<string, VersionGroup>();
  const seen = new Set<string>();
  for (const file of files) {
    const text = versionInFilename(file.filename, file.kind, project);
    if (text === undefined || seen.has(file.filename)) continue;
    let version = parsed.get(text);
    if (version === undefined && !parsed.has(text)) {
      version = tryParseVersion(text);
      parsed.set(text, version);
    }
    if (version === undefined) continue;
    seen.add(file.filename);
    const group = groups.get(version.text);
    if (group === undefined) groups.set(version.text, { version, files: [file] });
    else group.files.push(file);
  }
  const sorted = [...groups.values()].sort((a, b) => compareVersions(a.version, b.version));
  const merged: VersionGroup[] = [];
  for (const group of sorted) {
    const last = merged.at(-1);
    // 1.0 and 1.0.0 are one version.
    if (last !== undefined && compareVersions(last.version, group.version) === 0)
      last.files.push(...group.files);
    else merged.push(group);
  }
  for (const group of merged) group.files.sort(byKindAndName);
  return merged;
}

/** Wheels by name, then sdists. */
export function byKindAndName(a: DistributionFile, b: DistributionFile): number {
  if (a.kind !== b.kind) return a.kind === "wheel" ? -1 : 1;
  return a.filename < b.filename ? -1 : 1;
}
