/** Conflict markers of a merge (git's) in `pylock.toml`: found, and taken apart into the sides' texts. */

/** `<<<<<<<` opens a line of no TOML document that a lock's writer makes. */
export function hasConflictMarkers(text: string): boolean {
  return /^<{7}(?: |\r?$)/m.test(text);
}

export interface LockConflict {
  /** The whole text as the side that was merged into has it. */
  ours: string;
  theirs: string;
  /** The common ancestor's text, where git was told to show it (`merge.conflictStyle = diff3`). */
  base?: string;
  /** Packages that both sides hold in the same version. */
  agreed: PinnedVersion[];
  /** Packages that one side has and the other has not. */
  single: PinnedVersion[];
  /** Packages that the common ancestor has too and only one side moved, as that side has them. */
  moved: PinnedVersion[];
  /** Names of packages that the sides hold in different versions, for no reason that can be seen: each side's versions. */
  disputed: { name: string; ours: string[]; theirs: string[] }[];
}

/** A version to keep when the merge is resolved anew. */
export interface PinnedVersion {
  name: string;
  version: string;
  /** Where both sides say the same, or one alone says it: the environments that it is for. */
  marker?: string;
}

/** `undefined` where the text has no markers, or they do not pair. */
export function splitConflict(text: string): LockConflict | undefined {
  if (!hasConflictMarkers(text)) return undefined;
  const ours: string[] = [];
  const theirs: string[] = [];
  const base: string[] = [];
  let sawBase = false;
  let where: "common" | "ours" | "base" | "theirs" = "common";
  for (const line of text.split("\n")) {
    const marker = /^(<{7}|\|{7}|={7}|>{7})(?: |\r?$)/.exec(line)?.[1]?.[0];
    if (marker === "<" && where === "common") where = "ours";
    else if (marker === "|" && where === "ours") {
      where = "base";
      sawBase = true;
    } else if (marker === "=" && (where === "ours" || where === "base")) where = "theirs";
    else if (marker === ">" && where === "theirs") where = "common";
    else if (marker === "<" || marker === ">") return undefined;
    else {
      if (where === "common" || where === "ours") ours.push(line);
      if (where === "common" || where === "base") base.push(line);
      if (where === "common" || where === "theirs") theirs.push(line);
    }
  }
  if (where !== "common") return undefined;
  const sides = { ours: ours.join("\n"), theirs: theirs.join("\n") };
  const original = sawBase ? { base: base.join("\n") } : {};
  return { ...sides, ...original, ...compareSides(sides.ours, sides.theirs, original.base) };
}

type Versions = ReadonlyMap<string, string | undefined>;
const nothing: Versions = new Map();

function compareSides(
  ours: string,
  theirs: string,
  base: string | undefined,
): Pick<LockConflict, "agreed" | "single" | "moved" | "disputed"> {
  const [mine, other, before] = [ours, theirs, base ?? ""].map(packageVersions) as [
    Map<string, Versions>,
    Map<string, Versions>,
    Map<string, Versions>,
  ];
  const found = {
    agreed: [] as PinnedVersion[],
    single: [] as PinnedVersion[],
    moved: [] as PinnedVersion[],
    disputed: [] as LockConflict["disputed"],
  };
  for (const name of [...new Set([...mine.keys(), ...other.keys()])].sort()) {
    const [a, b] = [mine.get(name), other.get(name)];
    if (a === undefined || b === undefined) {
      found.single.push(...pinned(name, a ?? b ?? nothing));
      continue;
    }
    const same = [...a].filter(([version]) => b.has(version));
    if (same.length === a.size && same.length === b.size) {
      found.agreed.push(
        ...pinned(name, new Map(same.map(([version, marker]) => [version, both(marker, b.get(version))]))),
      );
      continue;
    }
    const original = before.get(name);
    if (original !== undefined && sameVersions(a, original)) found.moved.push(...pinned(name, b));
    else if (original !== undefined && sameVersions(b, original)) found.moved.push(...pinned(name, a));
    else found.disputed.push({ name, ours: [...a.keys()], theirs: [...b.keys()] });
  }
  return found;
}

function both(a: string | undefined, b: string | undefined): string | undefined {
  return a === b ? a : undefined;
}

function sameVersions(a: Versions, b: Versions): boolean {
  return a.size === b.size && [...a.keys()].every((version) => b.has(version));
}

function pinned(name: string, versions: Versions): PinnedVersion[] {
  return [...versions].map(([version, marker]) =>
    marker === undefined ? { name, version } : { name, version, marker },
  );
}

/**
 * Name, version and marker lines of each block, by text: a side of a merge need not be a valid document, and versions
 * are worth keeping all the same.
 */
function packageVersions(text: string): Map<string, Versions> {
  const versions = new Map<string, Map<string, string | undefined>>();
  for (const block of text.split(/^\[\[packages\]\][ \t]*\r?$/m).slice(1)) {
    const name = stringValue(block, "name");
    const version = stringValue(block, "version");
    if (name === undefined || version === undefined) continue;
    const known = versions.get(name) ?? new Map<string, string | undefined>();
    versions.set(name, known.set(version, stringValue(block, "marker")));
  }
  return versions;
}

function stringValue(block: string, key: string): string | undefined {
  return new RegExp(`^${key}\\s*=\\s*(?:"([^"\\\\\\n]*)"|'([^'\\n]*)')`, "m")
    .exec(block)
    ?.slice(1)
    .find(Boolean);
}
