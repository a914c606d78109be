import type { Home } from "../platform/home.ts";
import type { CoreMetadata } from "../standards/metadata.ts";
import { createCredentials } from "./credentials.ts";
import type { DistributionFile } from "./distribution.ts";
import { type DownloadableFile, type DownloadOptions, downloadFile } from "./download.ts";
import { openHostMemory } from "./host-memory.ts";
import { createHttp } from "./http.ts";
import type { IndexSettings } from "./index-settings.ts";
import { openLocalDigests } from "./local-files.ts";
import { createMetadataFinder } from "./metadata-finder.ts";
import { openPackageCache } from "./package-cache.ts";
import type { PackagePage } from "./package-page.ts";
import { createPageFinder, type PageReading } from "./page-finder.ts";
import type { SourceContext } from "./page-source.ts";

/** What the configured indexes serve, behind one cache (`home/index`). Safe to ask many things at once. */
export interface PackageIndex {
  readonly settings: IndexSettings;
  /**
   * The page of a project from the first index that has it (or from the index that it is pinned to by name);
   * `undefined` when none has. Find-links locations are merged in.
   * Errors: DXPY_INDEX_UNREACHABLE, DXPY_AUTH_REQUIRED, DXPY_OFFLINE_MISSING, DXPY_BAD_INDEX_PAGE, DXPY_UNKNOWN_INDEX.
   */
  page(name: string, options?: PageOptions): Promise<PackagePage | undefined>;
  /** The same without waiting: only what is fresh in the cache (offline: of any age). */
  pageIfCached(name: string, options?: PageOptions): PackagePage | undefined;
  /** The core metadata of one file, without downloading it whole where that can be. DXPY_METADATA_NEEDS_BUILD for an
   * sdist that does not state its dependencies statically. */
  metadata(file: DistributionFile): Promise<CoreMetadata>;
  metadataIfCached(file: DistributionFile): CoreMetadata | undefined;
  /** The whole file, its SHA-256 (or the best hash given) verified while it streams. DXPY_HASH_MISMATCH. */
  download(file: DownloadableFile, options?: DownloadOptions): Promise<Uint8Array>;
  /** The same file, by name and hashes, on the configured indexes: for locks that were made behind another mirror. */
  findFile(
    project: string,
    filename: string,
    hashes: Readonly<Record<string, string>>,
  ): Promise<DistributionFile | undefined>;
  /**
   * What was read of pages until now, ones that were fetched ahead included; `undefined` where something may not be kept. Says
   * nothing about metadata, which is known by the hashes that pages give.
   */
  readings(): Promise<PageReading[] | undefined>;
  /**
   * Whether reading all of it again would give the same: what is fresh (offline: of any age) is compared where it lies, the rest
   * is asked for again, all at once. Failures of the indexes.
   */
  unchanged(readings: readonly PageReading[]): Promise<boolean>;
  readonly stats: IndexStats;
  /** Writes what is still to be written to the cache. The index must not be used after it. */
  close(): Promise<void>;
}

export interface PageOptions {
  /** Ask only the index of this name (a pin by `tool.uv.sources`). */
  index?: string;
}

export interface IndexStats {
  requests: number;
  /** Bytes of bodies received. */
  bytes: number;
  cachedPages: number;
  cachedMetadata: number;
  /** Answers `304 Not Modified`. */
  revalidated: number;
}

export interface IndexContext {
  home: Home;
  env: Readonly<Record<string, string | undefined>>;
  /** Called once for each warning (a find-links folder that does not exist, a file name that cannot be read). */
  warn?: (message: string) => void;
}

export function createPackageIndex(settings: IndexSettings, context: IndexContext): PackageIndex {
  const stats: IndexStats = { requests: 0, bytes: 0, cachedPages: 0, cachedMetadata: 0, revalidated: 0 };
  const cache = openPackageCache(context.home.index);
  const hosts = openHostMemory(context.home.index);
  const digests = openLocalDigests(context.home.index);
  const credentials = createCredentials(
    [...settings.indexes, ...settings.findLinks.map((url) => ({ url }))],
    context.env,
  );
  const http = createHttp({
    credentials,
    env: context.env,
    offline: settings.offline,
    stats,
    ...(settings.certificates === undefined ? {} : { certificates: settings.certificates }),
    ...(settings.proxy === undefined ? {} : { proxy: settings.proxy }),
  });
  const warned = new Set<string>();
  const source: SourceContext = {
    http,
    cache,
    digests,
    offline: settings.offline,
    stats,
    mustRefresh: (project) =>
      settings.refresh === true || (settings.refresh !== false && settings.refresh.includes(project)),
    warn(message) {
      if (!warned.has(message)) context.warn?.(message);
      warned.add(message);
    },
  };
  const pages = createPageFinder(settings, source);
  const download = (file: DownloadableFile, options?: DownloadOptions) => downloadFile(file, http, options);
  const metadata = createMetadataFinder({ cache, hosts, http, download, stats, offline: settings.offline });
  return {
    settings,
    stats,
    download,
    page: (name, options = {}) => pages.page(name, options.index),
    pageIfCached: (name, options = {}) => pages.pageIfCached(name, options.index),
    findFile: pages.findFile,
    readings: pages.readings,
    unchanged: pages.unchanged,
    metadata: metadata.metadata,
    metadataIfCached: metadata.metadataIfCached,
    async close() {
      await cache.settled();
      hosts.save();
      digests.save();
    },
  };
}
