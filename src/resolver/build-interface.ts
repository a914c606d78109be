import type { DistributionFile } from "../package-index/distribution.ts";
import type { CoreMetadata } from "../standards/metadata.ts";
import type { PackageSource } from "./request.ts";
import type { ResolvedSource } from "./resolution.ts";

/** How the resolver learns what only a build, a clone or a download can tell. Implemented where builds are made. */
export interface BuildInterface {
  /** Metadata of an sdist whose PKG-INFO does not say everything (PEP 643): runs its build backend. */
  metadataOfSdist(file: DistributionFile): Promise<CoreMetadata>;
  /** Metadata of a direct source, and the source as a lock states it: a commit, not a branch. */
  metadataOfSource(source: PackageSource, name: string): Promise<SourceMetadata>;
}

export interface SourceMetadata {
  metadata: CoreMetadata;
  locked: ResolvedSource;
  /** Sources that the source's own `pyproject.toml` declares for its dependencies, by normalised name. */
  sources?: Record<string, PackageSource[]>;
}
