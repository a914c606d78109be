import type { PackageIndex } from "../../package-index/client.ts";
import type { DistributionFile } from "../../package-index/distribution.ts";
import type { PackagePage } from "../../package-index/package-page.ts";
import { Failure } from "../../platform/errors.ts";
import type { CoreMetadata } from "../../standards/metadata.ts";
import { normalizeExtra, normalizeName } from "../../standards/names.ts";
import { compareVersions, isPrerelease, parseVersion, type Version } from "../../standards/version.ts";

/** A version as a scenario states it: the packse format, where everything has a default. */
export interface UniverseVersion {
  requires?: string[];
  requires_python?: string;
  extras?: Record<string, string[]>;
  sdist?: boolean;
  wheel?: boolean;
  wheel_tags?: string[];
  yanked?: boolean | string;
  /** Milliseconds since the epoch. */
  uploadTime?: number;
}

export type Universe = Record<string, { versions?: Record<string, UniverseVersion> }>;

const url = "memory:///simple";

/** An index whose every page and file is a few lines of a test. `delay` answers late, and in a shuffled order. */
export function universeIndex(
  universe: Universe,
  options: { delay?: (key: string) => number } = {},
): PackageIndex {
  const pages = new Map<string, PackagePage>();
  const metadata = new Map<string, CoreMetadata>();
  for (const [name, { versions = {} }] of Object.entries(universe)) {
    pages.set(normalizeName(name), pageOf(name, versions, metadata));
  }
  const metadataOf = (file: DistributionFile): CoreMetadata => {
    const found = metadata.get(file.filename);
    if (found === undefined) throw new Failure("DXPY_BAD_METADATA", `${file.filename} has no metadata`);
    return found;
  };
  const later = async (key: string) => {
    const ms = options.delay?.(key) ?? 0;
    if (ms > 0) await Bun.sleep(ms);
  };
  return {
    settings: {
      indexes: [{ url }],
      findLinks: [],
      noIndex: false,
      strategy: "first-index",
      offline: true,
      refresh: false,
    },
    async page(name) {
      await later(name);
      return pages.get(name);
    },
    pageIfCached: (name) => (options.delay === undefined ? pages.get(name) : undefined),
    async metadata(file) {
      await later(file.filename);
      return metadataOf(file);
    },
    metadataIfCached: (file) => (options.delay === undefined ? metadataOf(file) : undefined),
    download: () => Promise.reject(new Failure("DXPY_OFFLINE_MISSING", "nothing here can be downloaded")),
    findFile: async () => undefined,
    readings: async () => undefined,
    unchanged: async () => false,
    stats: { requests: 0, bytes: 0, cachedPages: 0, cachedMetadata: 0, revalidated: 0 },
    close: async () => {},
  };
}

function pageOf(
  name: string,
  versions: Record<string, UniverseVersion>,
  metadata: Map<string, CoreMetadata>,
): PackagePage {
  const entries = Object.entries(versions)
    .map(([text, spec]) => ({
      version: parseVersion(text),
      spec,
      files: filesOf(name, text, spec, metadata),
    }))
    .filter((entry) => entry.files.length > 0)
    .sort((a, b) => compareVersions(a.version, b.version));
  return {
    name: normalizeName(name),
    index: url,
    count: entries.length,
    versionText: (i) => entries[i]!.version.text,
    version: (i) => entries[i]!.version,
    versions: entries.map((entry) => entry.version),
    position: (version: Version) =>
      entries.findIndex((entry) => compareVersions(entry.version, version) === 0),
    isPrerelease: (i) => isPrerelease(entries[i]!.version),
    files: (i) => entries[i]!.files,
  };
}

function filesOf(
  name: string,
  version: string,
  spec: UniverseVersion,
  metadata: Map<string, CoreMetadata>,
): DistributionFile[] {
  const stem = `${normalizeName(name).replaceAll("-", "_")}-${version}`;
  const wheels =
    spec.wheel === false ? [] : (spec.wheel_tags ?? ["py3-none-any"]).map((tag) => `${stem}-${tag}.whl`);
  const names = spec.sdist === false ? wheels : [...wheels, `${stem}.tar.gz`];
  const yanked = spec.yanked === true ? "" : spec.yanked === undefined ? false : spec.yanked;
  return names.map((filename) => {
    metadata.set(filename, metadataOf(name, version, spec));
    return {
      filename,
      kind: filename.endsWith(".whl") ? "wheel" : "sdist",
      url: `memory:///files/${filename}`,
      hashes: {},
      yanked,
      index: url,
      ...(spec.requires_python === undefined ? undefined : { requiresPython: spec.requires_python }),
      ...(spec.uploadTime === undefined ? undefined : { uploadTime: spec.uploadTime }),
    };
  });
}

function metadataOf(name: string, version: string, spec: UniverseVersion): CoreMetadata {
  const extras = Object.entries(spec.extras ?? {});
  const conditional = extras.flatMap(([extra, requires]) =>
    requires.map((requirement) => {
      const [base, marker] = requirement.split(";", 2) as [string, string | undefined];
      return `${base.trim()}; ${marker === undefined ? "" : `(${marker.trim()}) and `}extra == '${extra}'`;
    }),
  );
  return {
    metadataVersion: "2.2",
    name,
    version,
    requiresDist: [...conditional, ...(spec.requires ?? [])],
    providesExtra: extras.map(([extra]) => normalizeExtra(extra)),
    dynamic: [],
    ...(spec.requires_python === undefined ? undefined : { requiresPython: spec.requires_python }),
  };
}
