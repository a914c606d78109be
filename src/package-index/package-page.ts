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
  /** Whether a version is a pre-release or a development release, without making a `Version`. */
  isPrerelease(i: number): boolean;
  /**
   * By position, on a page of several indexes: which of them the version is from, the one that is asked first being 0.
   * Only where an earlier index that has something that fits goes before a better version.
   */
  readonly ranks?: readonly number[];
  /** Whether the files are from several indexes: then each says which it is from. */
  readonly joined?: boolean;
  /**
   * The wheels (sorted by name) and then the sdists of a version. Empty where the index lists nothing for it that could be installed.
   * Failure DXPY_BAD_INDEX_PAGE.
   */
  files(i: number): readonly DistributionFile[];
}
