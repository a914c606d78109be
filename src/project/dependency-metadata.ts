/**
 * `dependency-metadata` of the settings: what a package requires, said by the project instead of by the package, whose own
 * statement is wrong or could only be had by building it.
 */
import type { PackageIndex } from "../package-index/client.ts";
import type { DistributionFile } from "../package-index/distribution.ts";
import { tryParseSdistFilename, tryParseWheelFilename } from "../standards/filenames.ts";
import type { CoreMetadata } from "../standards/metadata.ts";
import { normalizeExtra, normalizeName } from "../standards/names.ts";
import { compareVersions, parseVersion } from "../standards/version.ts";
import type { MetadataEntry } from "./tool-settings.ts";

/** The same index, whose answers about the packages of the entries are what the entries say. */
export function withStatedMetadata(index: PackageIndex, entries: readonly MetadataEntry[]): PackageIndex {
  if (entries.length === 0) return index;
  return {
    ...index,
    metadata: async (file) => statedMetadata(file, entries) ?? (await index.metadata(file)),
    metadataIfCached: (file) => statedMetadata(file, entries) ?? index.metadataIfCached(file),
  };
}

/** An entry with the file's version, else one without a version. */
export function statedMetadata(
  file: Pick<DistributionFile, "filename" | "kind">,
  entries: readonly MetadataEntry[],
): CoreMetadata | undefined {
  const said =
    file.kind === "wheel" ? tryParseWheelFilename(file.filename) : tryParseSdistFilename(file.filename);
  if (said === undefined) return undefined;
  const name = normalizeName(said.name);
  const ofName = entries.filter((entry) => normalizeName(entry.name) === name);
  const entry =
    ofName.find(
      ({ version }) => version !== undefined && compareVersions(parseVersion(version), said.version) === 0,
    ) ?? ofName.find(({ version }) => version === undefined);
  if (entry === undefined) return undefined;
  return {
    metadataVersion: "2.4",
    name,
    version: said.version.text,
    ...(entry["requires-python"] === undefined ? {} : { requiresPython: entry["requires-python"] }),
    requiresDist: [...(entry["requires-dist"] ?? [])],
    providesExtra: (entry["provides-extra"] ?? entry["provides-extras"] ?? []).map(normalizeExtra),
    dynamic: [],
  };
}
