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
  commonPackages: { name: string; version: string }[];
  /** Those, and the packages that only one side has: the versions to keep when the merge is resolved anew. */
  undisputedPackages: { name: string; version: string }[];
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
  const [mine, other] = [packageVersions(sides.ours), packageVersions(sides.theirs)];
  const commonPackages = common(mine, other);
  const undisputedPackages = [...commonPackages, ...onlyIn(mine, other), ...onlyIn(other, mine)];
  return { ...sides, ...(sawBase ? { base: base.join("\n") } : {}), commonPackages, undisputedPackages };
}

/**
 * Name and version lines of each block, by text: a side of a merge need not be a valid document, and versions are worth
 * keeping all the same.
 */
function packageVersions(text: string): Map<string, Set<string>> {
  const versions = new Map<string, Set<string>>();
  for (const block of text.split(/^\[\[packages\]\][ \t]*\r?$/m).slice(1)) {
    const name = stringValue(block, "name");
    const version = stringValue(block, "version");
    if (name === undefined || version === undefined) continue;
    const known = versions.get(name) ?? new Set();
    versions.set(name, known.add(version));
  }
  return versions;
}

function stringValue(block: string, key: string): string | undefined {
  return new RegExp(`^${key}\\s*=\\s*(?:"([^"\\\\\\n]*)"|'([^'\\n]*)')`, "m")
    .exec(block)
    ?.slice(1)
    .find(Boolean);
}

function common(a: Map<string, Set<string>>, b: Map<string, Set<string>>): LockConflict["commonPackages"] {
  const both: LockConflict["commonPackages"] = [];
  for (const [name, versions] of a) {
    for (const version of versions) {
      if (b.get(name)?.has(version) === true) both.push({ name, version });
    }
  }
  return both;
}

function onlyIn(a: Map<string, Set<string>>, b: Map<string, Set<string>>): LockConflict["commonPackages"] {
  return [...a].flatMap(([name, versions]) =>
    b.has(name) ? [] : [...versions].map((version) => ({ name, version })),
  );
}
