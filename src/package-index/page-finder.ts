import { Failure } from "../platform/errors.ts";
import { isValidName, normalizeName } from "../standards/names.ts";
import { withoutCredentials } from "./credentials.ts";
import type { DistributionFile } from "./distribution.ts";
import { createFlatSource, type FlatSource } from "./flat-source.ts";
import type { IndexLocation, IndexSettings } from "./index-settings.ts";
import { groupByVersion } from "./listing.ts";
import { joinPages, overlayPage, pageOfFiles } from "./overlay-page.ts";
import type { PackagePage } from "./package-page.ts";
import {
  type AnsweringPlace,
  createPageSource,
  type FoundPage,
  type PageSource,
  type SourceContext,
} from "./page-source.ts";

/** Which of several indexes answers for a project, and what find-links add to it. */
export interface PageFinder {
  page(name: string, pin?: string): Promise<PackagePage | undefined>;
  pageIfCached(name: string, pin?: string): PackagePage | undefined;
  findFile(
    project: string,
    filename: string,
    hashes: Readonly<Record<string, string>>,
  ): Promise<DistributionFile | undefined>;
  readings(): Promise<PageReading[] | undefined>;
  unchanged(readings: readonly PageReading[]): Promise<boolean>;
}

/** What was read of a project in one place: the place's number among the indexes and the find-links, and what it had. */
export type PageReading = readonly [place: number, project: string, identity: string];

export function createPageFinder(settings: IndexSettings, context: SourceContext): PageFinder {
  const sources = settings.indexes.map((location) => createSource(location, context));
  const flats = settings.findLinks.map((location) => createFlatSource(location, context));
  const found = new Map<string, PackagePage | undefined>();
  const places: (AnsweringPlace & { ask(project: string): Promise<unknown> })[] = [
    ...sources.map((source) => ({ identity: source.identity, ask: source.page })),
    ...flats.map((flat) => ({ identity: flat.identity, ask: flat.files })),
  ];
  const read = new Map<number, Set<string>>();
  const note = (place: PageSource | FlatSource, project: string) => {
    const at = "location" in place ? sources.indexOf(place) : sources.length + flats.indexOf(place);
    const projects = read.get(at);
    if (projects === undefined) read.set(at, new Set([project]));
    else projects.add(project);
  };

  const sourcesFor = (pin: string | undefined): PageSource[] => {
    if (pin === undefined) return sources.filter(({ location }) => !location.explicit);
    const pinned = sources.filter(({ location }) => location.name === pin);
    if (pinned.length === 0) throw unknownIndex(pin, settings.indexes);
    return pinned;
  };
  // Who pins a package to an index wants none of it from elsewhere.
  const flatsFor = (pin: string | undefined): FlatSource[] => (pin === undefined ? flats : []);

  const combine = (project: string, pages: readonly PackagePage[], extra: readonly DistributionFile[]) => {
    const [first, ...others] = pages;
    if (first === undefined) {
      const own = pageOfFiles(project, extra[0]?.index ?? "", extra);
      return own.count === 0 ? undefined : own;
    }
    // Of a file that several places have, the first counts; find-links come before all.
    if (others.length === 0)
      return extra.length === 0 ? first : overlayPage(first, groupByVersion(project, extra));
    return joinPages(project, pages, extra, settings.strategy === "unsafe-first-match");
  };
  /** Where all indexes are asked, one that lets nobody in is one that has nothing: as uv does, but not silently. */
  const pageUnlessRefused = async (source: PageSource, project: string): Promise<FoundPage> => {
    note(source, project);
    try {
      return await source.page(project);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "DXPY_AUTH_REQUIRED") throw error;
      context.warn(`${withoutCredentials(source.location.url)} is left out: ${error.message}`);
      return null;
    }
  };
  const isEnough = (pages: readonly PackagePage[]) => settings.strategy === "first-index" && pages.length > 0;

  return {
    async page(name, pin) {
      const project = normalizeName(name);
      if (!isValidName(project)) return undefined;
      const key = `${pin ?? ""} ${project}`;
      if (found.has(key)) return found.get(key);
      const pages: PackagePage[] = [];
      const extra = Promise.all(
        flatsFor(pin).map((flat) => {
          note(flat, project);
          return flat.files(project);
        }),
      );
      // An index that fails is told first; what then becomes of the find-links is of no interest.
      extra.catch(() => {});
      if (settings.strategy === "first-index") {
        for (const source of sourcesFor(pin)) {
          const page = await source.page(project);
          note(source, project);
          if (page !== null) pages.push(page);
          if (isEnough(pages)) break;
        }
      } else {
        const all = await Promise.all(sourcesFor(pin).map((source) => pageUnlessRefused(source, project)));
        pages.push(...all.filter((page) => page !== null));
      }
      const page = combine(project, pages, (await extra).flat());
      found.set(key, page);
      return page;
    },
    pageIfCached(name, pin) {
      const project = normalizeName(name);
      const key = `${pin ?? ""} ${project}`;
      if (found.has(key)) return found.get(key);
      if (!isValidName(project)) return undefined;
      const pages: PackagePage[] = [];
      for (const source of sourcesFor(pin)) {
        const page: FoundPage | undefined = source.known(project);
        if (page === undefined) return undefined;
        note(source, project);
        if (page !== null) pages.push(page);
        if (isEnough(pages)) break;
      }
      const extra: DistributionFile[] = [];
      for (const flat of flatsFor(pin)) {
        const files = flat.known(project);
        if (files === undefined) return undefined;
        note(flat, project);
        extra.push(...files);
      }
      const page = combine(project, pages, extra);
      found.set(key, page);
      return page;
    },
    async findFile(project, filename, hashes) {
      const name = normalizeName(project);
      if (!isValidName(name)) return undefined;
      const places: (() => Promise<readonly DistributionFile[]>)[] = [
        ...flats.map((flat) => () => flat.files(name)),
        ...sources.map((source) => async () => {
          const page = await source.page(name);
          if (page === null) return [];
          return Array.from({ length: page.count }, (_, i) => page.files(i)).flat();
        }),
      ];
      for (const place of places) {
        const file = (await place()).find((one) => one.filename === filename && agree(one.hashes, hashes));
        if (file !== undefined) return { ...file, hashes: { ...file.hashes, ...hashes } };
      }
      return undefined;
    },
    async readings() {
      await context.cache.settled();
      const readings: PageReading[] = [];
      for (const [at, projects] of [...read].sort(([a], [b]) => a - b)) {
        for (const project of [...projects].sort()) {
          const identity = places[at]?.identity(project);
          if (identity === undefined) return undefined;
          readings.push([at, project, identity]);
        }
      }
      return readings;
    },
    async unchanged(readings) {
      const stale: PageReading[] = [];
      for (const reading of readings) {
        const [at, project, identity] = reading;
        if (places[at] === undefined || !isValidName(project)) return false;
        const now = places[at].identity(project);
        if (now === undefined) stale.push(reading);
        else if (now !== identity) return false;
      }
      if (stale.length === 0) return true;
      if (context.offline) return false;
      await Promise.all(stale.map(([at, project]) => places[at]?.ask(project)));
      await context.cache.settled();
      return stale.every(([at, project, identity]) => places[at]?.identity(project) === identity);
    },
  };
}

/** No hash contradicts; where an index gives none that can be compared, the download is what is checked. */
function agree(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return Object.entries(a).every(
    ([algorithm, digest]) => b[algorithm] === undefined || b[algorithm] === digest,
  );
}

function createSource(location: IndexLocation, context: SourceContext): PageSource {
  if (location.format !== "flat") return createPageSource(location, context);
  const flat = createFlatSource(location.url, context);
  const { identity } = flat;
  const pageOf = (project: string, files: readonly DistributionFile[]): FoundPage => {
    const page = pageOfFiles(project, withoutCredentials(location.url), files);
    return page.count === 0 ? null : page;
  };
  return {
    location,
    known(project) {
      const files = flat.known(project);
      return files === undefined ? undefined : pageOf(project, files);
    },
    page: async (project) => pageOf(project, await flat.files(project)),
    identity,
  };
}

function unknownIndex(name: string, indexes: readonly IndexLocation[]): Failure {
  const names = indexes.flatMap((location) => (location.name === undefined ? [] : [location.name]));
  return new Failure(
    "DXPY_UNKNOWN_INDEX",
    `a package is pinned to the index "${name}", and there is no index of that name`,
    {
      context: { index: name },
      hint:
        names.length === 0
          ? "Define it in `[[tool.uv.index]]`."
          : `The named indexes are: ${names.join(", ")}.`,
      exitCode: 2,
    },
  );
}
