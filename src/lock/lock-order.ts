import { compareVersions, tryParseVersion } from "../standards/version.ts";
import type { Lock, LockedDependency, LockedFile, LockedPackage } from "./lock-model.ts";

/**
 * The one order in which locks are written: so that equal resolutions give equal bytes, and two people's changes touch
 * different lines.
 */

/** By UTF-16 code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** PEP 440's order where both parse; absent first, what does not parse last. */
function compareVersionTexts(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const left = tryParseVersion(a);
  const right = tryParseVersion(b);
  if (left === undefined || right === undefined) {
    if (left === right) return compareText(a, b);
    return left === undefined ? 1 : -1;
  }
  return compareVersions(left, right) || compareText(a, b);
}

export function comparePackages(a: LockedPackage, b: LockedPackage): number {
  return (
    compareText(a.name, b.name) ||
    compareVersionTexts(a.version, b.version) ||
    compareText(a.marker ?? "", b.marker ?? "")
  );
}

export function compareDependencies(a: LockedDependency, b: LockedDependency): number {
  return (
    compareText(a.name, b.name) ||
    compareVersionTexts(a.version, b.version) ||
    compareText(a.extras?.join() ?? "", b.extras?.join() ?? "") ||
    compareText(a.marker ?? "", b.marker ?? "")
  );
}

export function compareFiles(a: LockedFile, b: LockedFile): number {
  return compareText(a.name, b.name) || compareText(a.url ?? a.path ?? "", b.url ?? b.path ?? "");
}

/** The lock with every array sorted as the writers write it. What is sorted already is shared, not copied. */
export function canonicalLock(lock: Lock): Lock {
  const packages = sorted(lock.packages.map(canonicalPackage), comparePackages);
  return {
    ...lock,
    extras: uniqueTexts(lock.extras),
    dependencyGroups: uniqueTexts(lock.dependencyGroups),
    defaultGroups: uniqueTexts(lock.defaultGroups),
    packages,
  };
}

function canonicalPackage(entry: LockedPackage): LockedPackage {
  const dependencies = sorted(entry.dependencies.map(canonicalDependency), compareDependencies);
  return { ...entry, dependencies, wheels: sorted(entry.wheels, compareFiles) };
}

function canonicalDependency(edge: LockedDependency): LockedDependency {
  return edge.extras === undefined || edge.extras.length < 2
    ? edge
    : { ...edge, extras: uniqueTexts(edge.extras) };
}

export function uniqueTexts(texts: Iterable<string>): string[] {
  return [...new Set(texts)].sort(compareText);
}

function sorted<T>(items: T[], compare: (a: T, b: T) => number): T[] {
  for (let i = 1; i < items.length; i += 1) {
    if (compare(items[i - 1]!, items[i]!) > 0) return [...items].sort(compare);
  }
  return items;
}
