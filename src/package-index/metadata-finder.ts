import { Failure } from "../platform/errors.ts";
import type { CoreMetadata } from "../standards/metadata.ts";
import type { DistributionFile } from "./distribution.ts";
import type { HostMemory } from "./host-memory.ts";
import type { Http } from "./http.ts";
import { offlineFailure } from "./http-failures.ts";
import { projectOfFilename } from "./listing.ts";
import { readLocalFile } from "./local-files.ts";
import { decodeMetadata, encodeMetadata, type KnownMetadata, metadataKey } from "./metadata-record.ts";
import type { PackageCache } from "./package-cache.ts";
import { localSdistMetadata, remoteSdistMetadata } from "./sdist-metadata.ts";
import { metadataInWheel, wheelMetadata } from "./wheel-metadata.ts";

/** The core metadata of files, learnt once: it never changes, for the file is known by its hash. */
export interface MetadataFinder {
  metadata(file: DistributionFile): Promise<CoreMetadata>;
  metadataIfCached(file: DistributionFile): CoreMetadata | undefined;
}

export interface MetadataContext {
  cache: PackageCache;
  hosts: HostMemory;
  http: Http;
  offline: boolean;
  download(file: DistributionFile): Promise<Uint8Array>;
  stats: { cachedMetadata: number };
}

export function createMetadataFinder(context: MetadataContext): MetadataFinder {
  const known = new Map<string, KnownMetadata>();
  const asked = new Map<string, Promise<KnownMetadata>>();
  const remote = { ...context, probing: new Set<string>(), tails: new Map<string, number>() };

  const cached = (file: DistributionFile, key: string): KnownMetadata | undefined => {
    let metadata = known.get(key);
    if (metadata === undefined) {
      const record = context.cache.file(file.index, projectOfFilename(file.filename))?.record(key);
      metadata = record === undefined ? undefined : decodeMetadata(record);
      if (metadata === undefined) return undefined;
      context.stats.cachedMetadata += 1;
      known.set(key, metadata);
    }
    return metadata;
  };
  const learn = async (file: DistributionFile, key: string): Promise<KnownMetadata> => {
    const metadata = await readMetadata(file);
    known.set(key, metadata);
    context.cache.addRecord(file.index, projectOfFilename(file.filename), key, encodeMetadata(metadata));
    return metadata;
  };
  const readMetadata = async (file: DistributionFile): Promise<KnownMetadata> => {
    if (file.url.startsWith("file:")) {
      if (file.kind === "wheel") return metadataInWheel(readLocalFile(file.url), file);
      return localSdistMetadata(readLocalFile(file.url), file);
    }
    if (context.offline) throw offlineFailure(file.url);
    return file.kind === "wheel" ? wheelMetadata(file, remote) : remoteSdistMetadata(file, context);
  };
  return {
    async metadata(file) {
      const key = metadataKey(file);
      let metadata = cached(file, key);
      if (metadata === undefined) {
        let request = asked.get(key);
        if (request === undefined) {
          request = learn(file, key).finally(() => asked.delete(key));
          asked.set(key, request);
        }
        metadata = await request;
      }
      if (metadata === "needs-build") throw needsBuild(file);
      return metadata;
    },
    metadataIfCached(file) {
      const metadata = cached(file, metadataKey(file));
      return metadata === "needs-build" ? undefined : metadata;
    },
  };
}

function needsBuild(file: DistributionFile): Failure {
  return new Failure(
    "DXPY_METADATA_NEEDS_BUILD",
    `${file.filename} does not state its dependencies: it must be built to know them`,
    {
      context: { file: file.filename, url: file.url },
    },
  );
}
