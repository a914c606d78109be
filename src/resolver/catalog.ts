import type { PackageIndex } from "../package-index/client.ts";
import type { DistributionFile } from "../package-index/distribution.ts";
import type { PackagePage } from "../package-index/package-page.ts";
import { Failure } from "../platform/errors.ts";
import { parseRequirementLenient } from "../standards/lenient-requirements.ts";
import { fromMarker } from "../standards/marker-algebra/from-marker.ts";
import type { MarkerArena, MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import type { CoreMetadata } from "../standards/metadata.ts";
import { parseVersion } from "../standards/version.ts";
import type { BuildInterface, SourceMetadata } from "./build-interface.ts";
import { type CandidatePolicy, Candidates, requiredPython } from "./candidates.ts";
import { NeedList, type UnusableVersion } from "./need-list.ts";
import type { Need } from "./needs.ts";
import type { PythonBounds } from "./python-requirement.ts";
import type { PackageSource } from "./request.ts";
import { sourceOfUrl } from "./source-of-url.ts";
import { VersionSpace } from "./version-space.ts";

/** Where a project comes from: the indexes as they are configured, one index by name, or a direct source. */
export type Origin =
  | { kind: "index"; index?: string }
  | { kind: "source"; source: Exclude<PackageSource, { kind: "index" }> };

/** What one version asks for. */
export interface VersionNeeds {
  needs: NeedList;
  extras: ReadonlySet<string>;
  requiresPython?: PythonBounds;
  requiresPythonText?: string;
}

/** A project from one origin, with its versions as integers. */
export interface Project {
  name: string;
  origin: Origin;
  space: VersionSpace;
  /** Absent when no index has the project, and for direct sources. */
  candidates?: Candidates;
  /** Direct sources only. */
  direct?: SourceMetadata;
}

export interface CatalogContext {
  index: PackageIndex;
  build: BuildInterface | undefined;
  arena: MarkerArena;
  /** The Pythons of the whole resolution. */
  python: MarkerTree;
  policy(name: string, page: PackagePage): CandidatePolicy;
  /** The versions that will probably be chosen: what to fetch ahead. */
  likelyChoices(project: Project): readonly number[];
}

type Loaded<T> = T | Promise<T>;

/** So many times somebody waits for one project before it is worth fetching more of it. */
const PATIENCE = 2;
/** Versions to fetch ahead at most. */
const MOST_AHEAD = 64;

/**
 * Projects and what their versions need, each asked for once. Answers at once what is at hand, so that a solver that
 * has everything cached never waits; what is not at hand is fetched ahead, along the versions likely to be chosen.
 */
export class Catalog {
  readonly #context: CatalogContext;
  #projects = new Map<string, Loaded<Project>>();
  #needs = new Map<Project, Map<number, Loaded<VersionNeeds | UnusableVersion>>>();
  #requirements = new Map<string, Need | UnusableVersion>();
  /** How often somebody waited for the metadata of a version of a project. */
  #waits = new Map<Project, number>();
  pages = 0;
  metadata = 0;

  constructor(context: CatalogContext) {
    this.#context = context;
  }

  project(name: string, origin: Origin): Loaded<Project> {
    const key = originKey(name, origin);
    const known = this.#projects.get(key);
    if (known !== undefined) return known;
    const loaded = origin.kind === "source" ? this.#loadSource(name, origin) : this.#loadPage(name, origin);
    this.#projects.set(key, loaded);
    if (loaded instanceof Promise) {
      loaded.then(
        (project) => {
          this.#projects.set(key, project);
          this.#fetchAhead(project);
        },
        // Whoever needs the project meets the failure; nobody else does.
        () => {},
      );
    }
    return loaded;
  }

  /**
   * A project that was loaded before, by its `originKey`: one that the solver knows a requirement on always was. In a
   * fork where its source no longer counts, nothing needs it any more, and the project it was until then will do.
   */
  loaded(name: string, key: string): Project {
    const known = this.#projects.get(key);
    if (known !== undefined && !(known instanceof Promise)) return known;
    for (const project of this.#projects.values()) {
      if (!(project instanceof Promise) && project.name === name) return project;
    }
    throw new Error(`${key} is not loaded`);
  }

  /** The requirements of the version at an index of the project's list. */
  needs(project: Project, i: number): Loaded<VersionNeeds | UnusableVersion> {
    let versions = this.#needs.get(project);
    if (versions === undefined) {
      versions = new Map();
      this.#needs.set(project, versions);
    }
    const known = versions.get(i);
    if (known !== undefined) return known;
    const loaded = this.#loadNeeds(project, i);
    versions.set(i, loaded);
    if (loaded instanceof Promise) {
      const memory = versions;
      loaded.then(
        (needs) => {
          memory.set(i, needs);
          this.#fetchNeeded(needs);
        },
        () => {},
      );
    }
    return loaded;
  }

  /**
   * Told that the solver waits for a version of a project. Who waits again and again for one project is walking down its versions:
   * then the metadata of those that come next is fetched meanwhile, twice as many each time. `next`: in the order in which they would
   * be tried.
   */
  waitedFor(project: Project, next: () => Iterable<number>): void {
    const { candidates } = project;
    const waits = (this.#waits.get(project) ?? 0) + 1;
    this.#waits.set(project, waits);
    if (candidates === undefined || waits < PATIENCE) return;
    let left = Math.min(MOST_AHEAD, 2 ** waits);
    for (const i of next()) {
      if (left === 0) return;
      const candidate = candidates.get(i);
      // An sdist is a download of its own kind, and perhaps a build: not on suspicion.
      if (!candidate.usable || candidate.file.kind !== "wheel") continue;
      left -= 1;
      // Whoever comes to need it meets the failure; nobody else does.
      this.#context.index.metadata(candidate.file).catch(() => {});
    }
  }

  #loadPage(name: string, origin: Origin & { kind: "index" }): Loaded<Project> {
    const { index } = this.#context;
    const options = origin.index === undefined ? {} : { index: origin.index };
    const cached = index.pageIfCached(name, options);
    if (cached !== undefined) return this.#fromPage(name, origin, cached);
    return index.page(name, options).then((page) => this.#fromPage(name, origin, page));
  }

  #fromPage(name: string, origin: Origin, page: PackagePage | undefined): Project {
    this.pages += 1;
    if (page === undefined) return { name, origin, space: new VersionSpace(noList) };
    const candidates = new Candidates(page, this.#context.policy(name, page));
    return { name, origin, space: new VersionSpace(page), candidates };
  }

  async #loadSource(name: string, origin: Origin & { kind: "source" }): Promise<Project> {
    const { build } = this.#context;
    if (build === undefined) {
      throw new Failure(
        "DXPY_METADATA_NEEDS_BUILD",
        `${name} comes from a direct source, and nothing here can read it`,
        {
          context: { package: name },
        },
      );
    }
    const direct = await build.metadataOfSource(origin.source, name);
    const version = parseVersion(direct.metadata.version);
    const space = new VersionSpace({ count: 1, version: () => version, versionText: () => version.text });
    return { name, origin, space, direct };
  }

  #loadNeeds(project: Project, i: number): Loaded<VersionNeeds | UnusableVersion> {
    if (project.direct !== undefined)
      return this.#readMetadata(project.direct.metadata, project.direct.sources);
    const candidate = project.candidates!.get(i);
    if (!candidate.usable) return { problem: "has no usable file" };
    const cached = this.#context.index.metadataIfCached(candidate.file);
    if (cached !== undefined) return this.#readMetadata(cached);
    return this.#fetchMetadata(candidate.file);
  }

  async #fetchMetadata(file: DistributionFile): Promise<VersionNeeds | UnusableVersion> {
    try {
      return this.#readMetadata(await this.#context.index.metadata(file));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.code === "DXPY_METADATA_NEEDS_BUILD" && this.#context.build !== undefined) {
        return this.#readMetadata(await this.#context.build.metadataOfSdist(file));
      }
      if (error.code === "DXPY_BAD_METADATA") return { problem: `has invalid metadata (${error.message})` };
      throw error;
    }
  }

  #readMetadata(
    metadata: CoreMetadata,
    sources?: Record<string, PackageSource[]>,
  ): VersionNeeds | UnusableVersion {
    this.metadata += 1;
    const read = (text: string) => {
      const need = this.#need(text);
      if ("problem" in need || sources === undefined) return need;
      const source = sources[need.name]?.find((one) => one.kind !== "index");
      return source === undefined ? need : { ...need, source };
    };
    const needs = new NeedList(metadata.requiresDist, this.#context.arena, read);
    const out: VersionNeeds = { needs, extras: new Set(metadata.providesExtra) };
    const bounds =
      metadata.requiresPython === undefined ? undefined : requiredPython(metadata.requiresPython);
    if (bounds !== undefined) {
      out.requiresPython = bounds;
      out.requiresPythonText = metadata.requiresPython!;
    }
    return out;
  }

  /** Versions of a project repeat each other's requirements: each text is read once. */
  #need(text: string): Need | UnusableVersion {
    const known = this.#requirements.get(text);
    if (known !== undefined) return known;
    let need: Need | UnusableVersion;
    try {
      const requirement = parseRequirementLenient(text);
      need = {
        name: requirement.normalized,
        extras: requirement.extras,
        specifier: requirement.specifier,
        marker: fromMarker(this.#context.arena, requirement.marker),
        text,
      };
      if (requirement.url !== undefined) need.source = sourceOfUrl(requirement.url);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      need = { problem: `has a requirement that cannot be read: \`${text}\`` };
    }
    this.#requirements.set(text, need);
    return need;
  }

  /** Asks for the metadata of the versions that will probably be chosen. */
  #fetchAhead(project: Project): void {
    for (const i of this.#context.likelyChoices(project)) {
      const needs = this.needs(project, i);
      if (!(needs instanceof Promise)) this.#fetchNeeded(needs);
    }
  }

  /** Asks for the pages of what a version needs without any extra. */
  #fetchNeeded(needs: VersionNeeds | UnusableVersion): void {
    if ("problem" in needs) return;
    const base = needs.needs.for(undefined);
    if ("problem" in base) return;
    const { arena, python } = this.#context;
    for (const { name, source, marker } of base) {
      if (source === undefined && !arena.isDisjoint(marker, python))
        void this.project(name, { kind: "index" });
    }
  }
}

const noList = {
  count: 0,
  version(): never {
    throw new RangeError("a list without versions");
  },
  versionText(): never {
    throw new RangeError("a list without versions");
  },
};

export function originKey(name: string, origin: Origin): string {
  if (origin.kind === "index") return origin.index === undefined ? name : `${name} from ${origin.index}`;
  return `${name} at ${JSON.stringify(origin.source)}`;
}
