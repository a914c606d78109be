import type { Version } from "../standards/version.ts";
import type { DistributionFile } from "./distribution.ts";

/**
 * All that one index serves for one project, grouped by version. A page that was read from the cache decodes each
 * part when it is asked for and keeps it, so that asking twice costs nothing.
 */
export interface PackagePage {
  /** Normalised project name (PEP 503). */
  readonly name: string;
  /** The index's URL without credentials. */
  readonly index: string;
  /** Number of versions. Positions `i` below are `0 … count - 1`, in ascending order of version (PEP 440). */
  readonly count: number;
  /** Normalised text of a version, without making a `Version`. */
  versionText(i: number): string;
  version(i: number): Version;
  /** All versions, ascending. Builds every `Version`: prefer `version(i)` and `position`. */
  readonly versions: readonly Version[];
  /** The position of a version (local part included), or -1. */
  position(version: Version): number;
  /** Cheap facts about a version's files, as a sum of `PageFlag`s. */
  flags(i: number): number;
  /** The wheels (sorted by name) and then the sdists of a version. Never empty. */
  files(i: number): readonly DistributionFile[];
}

/** Bits of `PackagePage.flags`. */
export const PageFlag = {
  hasWheel: 1,
  hasSdist: 2,
  /** Every file of the version is yanked (PEP 592). */
  yanked: 4,
  /** The version is a pre-release or a development release. */
  prerelease: 8,
  /** Some file of the version says `Requires-Python`. */
  requiresPython: 16,
} as const;
