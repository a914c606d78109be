import type { Lock, LockedPackage } from "./lock-model.ts";
import { compareText } from "./lock-order.ts";

/** What changed between two locks, as `lock`, `add` and `--check` tell it. Sorted by name. */
export interface LockDiff {
  added: { name: string; versions: string[] }[];
  removed: { name: string; versions: string[] }[];
  changed: LockChange[];
}

export interface LockChange {
  name: string;
  before: string[];
  after: string[];
  /** What differs: the versions, where they come from, when they are installed, or only the files that are on offer. */
  what: ("version" | "source" | "marker" | "dependencies" | "files")[];
}

export function diffLocks(before: Lock | undefined, after: Lock): LockDiff {
  const old = byName(before?.packages ?? []);
  const now = byName(after.packages);
  const diff: LockDiff = { added: [], removed: [], changed: [] };
  for (const name of [...new Set([...old.keys(), ...now.keys()])].sort(compareText)) {
    const was = old.get(name);
    const is = now.get(name);
    if (was === undefined) diff.added.push({ name, versions: labels(is!) });
    else if (is === undefined) diff.removed.push({ name, versions: labels(was) });
    else {
      const what = differences(was, is);
      if (what.length > 0) diff.changed.push({ name, before: labels(was), after: labels(is), what });
    }
  }
  return diff;
}

export function isEmptyDiff(diff: LockDiff): boolean {
  return diff.added.length + diff.removed.length + diff.changed.length === 0;
}

function byName(packages: readonly LockedPackage[]): Map<string, LockedPackage[]> {
  return Map.groupBy(packages, (entry) => entry.name);
}

/** A version, with the commit for git, or the place where there is no version. Each once. */
function labels(entries: readonly LockedPackage[]): string[] {
  return [...new Set(entries.map(label))];
}

function label({ version, source }: LockedPackage): string {
  switch (source.kind) {
    case "git":
      return `${version ?? ""} (${source.commitId.slice(0, 8)})`.trim();
    case "directory":
      return version ?? `(${source.path})`;
    case "archive":
      return version ?? `(${source.url ?? source.path ?? "archive"})`;
    default:
      return version ?? "";
  }
}

const ASPECTS: readonly (readonly [LockChange["what"][number], (entry: LockedPackage) => unknown])[] = [
  ["version", (entry) => entry.version],
  ["source", (entry) => entry.source],
  ["marker", (entry) => entry.marker],
  ["dependencies", (entry) => entry.dependencies],
  ["files", (entry) => [entry.sdist, entry.wheels]],
];

function differences(was: readonly LockedPackage[], is: readonly LockedPackage[]): LockChange["what"] {
  return ASPECTS.filter(([, aspect]) => !Bun.deepEquals(was.map(aspect), is.map(aspect), true)).map(
    ([name]) => name,
  );
}
