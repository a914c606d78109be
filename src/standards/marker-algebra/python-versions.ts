/**
 * Versions of Python as integers, and what specifiers say about them. Only the release counts: a marker or a
 * `requires-python` speaks of 3.13 before its first release candidate as after it, as in other universal resolvers.
 */
import type { Specifier, SpecifierSet } from "../specifiers.ts";
import {
  complement,
  emptySet,
  fullSet,
  type IntegerSet,
  intersection,
  interval,
  limit,
} from "./integer-set.ts";

const micros = 1024;
const minors = 256;
const majors = 4096;

/** Major, minor and micro in one number that sorts as they do. Larger numbers than an interpreter can have are cut off. */
export function pythonPoint(release: readonly number[]): number {
  const major = Math.min(release[0] ?? 0, majors - 1);
  const minor = Math.min(release[1] ?? 0, minors - 1);
  const micro = Math.min(release[2] ?? 0, micros - 1);
  return Math.min((major * minors + minor) * micros + micro, limit - 1);
}

/** `3.10` or `3.10.2`; `3` for the first of a major version. */
export function formatPythonPoint(point: number): string {
  const micro = point % micros;
  const minor = Math.floor(point / micros) % minors;
  const major = Math.floor(point / micros / minors);
  if (micro !== 0) return `${major}.${minor}.${micro}`;
  return minor === 0 ? String(major) : `${major}.${minor}`;
}

/** The first version of the next minor series. */
export function nextMinor(point: number): number {
  return (Math.floor(point / micros) + 1) * micros;
}

function nextMajor(point: number): number {
  return (Math.floor(point / micros / minors) + 1) * micros * minors;
}

/** Whether a range is exactly one minor series (`3.9.*`). */
export function isMinorSeries(from: number, to: number): boolean {
  return from % micros === 0 && to === from + micros;
}

/** Whether a range is exactly one release. */
export function isRelease(from: number, to: number): boolean {
  return to === from + 1;
}

/** The versions that all specifiers admit. */
export function pythonVersionsOf(set: SpecifierSet): IntegerSet {
  let out = fullSet;
  for (const specifier of set.specifiers) out = intersection(out, fullVersions(specifier));
  return out;
}

/** The `python_full_version`s that a specifier admits. */
export function fullVersions(specifier: Specifier): IntegerSet {
  const version = specifier.parsed;
  if (version === undefined) return emptySet;
  const { release } = version;
  const point = pythonPoint(release);
  switch (specifier.operator) {
    case ">=":
      return interval(point, limit);
    case ">":
      return interval(point + 1, limit);
    case "<":
      return interval(0, point);
    case "<=":
      return interval(0, point + 1);
    case "~=":
      return interval(point, release.length <= 2 ? nextMajor(point) : nextMinor(point));
    case "==":
    case "===":
      return equal(release.length, point, specifier.wildcard);
    case "!=":
      return complement(equal(release.length, point, specifier.wildcard));
  }
}

function equal(length: number, point: number, wildcard: boolean): IntegerSet {
  if (!wildcard) return [point, point + 1];
  if (length === 1) return interval(point, nextMajor(point));
  return length === 2 ? interval(point, nextMinor(point)) : [point, point + 1];
}

/** The `python_full_version`s for whose first two numbers, `python_version`, the specifier holds. */
export function shortVersions(specifier: Specifier): IntegerSet {
  const version = specifier.parsed;
  if (version === undefined) return emptySet;
  const { release } = version;
  const point = pythonPoint(release);
  const series = pythonPoint([release[0] ?? 0, release[1] ?? 0]);
  const between = point !== series || release.slice(3).some((part) => part > 0);
  switch (specifier.operator) {
    case ">=":
      return interval(between ? nextMinor(series) : series, limit);
    case ">":
      return interval(nextMinor(series), limit);
    case "<":
      return interval(0, between ? nextMinor(series) : series);
    case "<=":
      return interval(0, nextMinor(series));
    case "~=":
      if (release.length <= 2) return interval(series, nextMajor(series));
      return between ? emptySet : interval(series, nextMinor(series));
    case "==":
    case "===":
      return shortEqual(release.length, series, between, specifier.wildcard);
    case "!=":
      return complement(shortEqual(release.length, series, between, specifier.wildcard));
  }
}

function shortEqual(length: number, series: number, between: boolean, wildcard: boolean): IntegerSet {
  if (wildcard && length === 1) return interval(series, nextMajor(series));
  return between ? emptySet : interval(series, nextMinor(series));
}
