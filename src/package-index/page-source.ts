import { existsSync, readFileSync } from "node:fs";
import { compactPage } from "./compact-page.ts";
import { withoutCredentials } from "./credentials.ts";
import type { DistributionFile } from "./distribution.ts";
import { freshnessOf, prepareFreshness, revalidationHeaders } from "./freshness.ts";
import type { Http, HttpAnswer } from "./http.ts";
import { offlineFailure } from "./http-failures.ts";
import type { IndexLocation } from "./index-settings.ts";
import { folderFiles, type LocalDigests, listFolder, pathOfFileUrl } from "./local-files.ts";
import { pageOfFiles } from "./overlay-page.ts";
import type { PackageCache } from "./package-cache.ts";
import { confirmPackageFile, type PackageHead, pageDigest } from "./package-file.ts";
import type { PackagePage } from "./package-page.ts";
import { type CompactPage, decodePage, openPage, packPage } from "./page-format.ts";
import { readHtmlPage, SIMPLE_ACCEPT } from "./simple-page.ts";

/** What is shared by all places that pages come from. */
export interface SourceContext {
  http: Http;
  cache: PackageCache;
  digests: LocalDigests;
  offline: boolean;
  /** Whether a project's page must be asked for again whatever the cache says. */
  mustRefresh(project: string): boolean;
  stats: { cachedPages: number; revalidated: number };
  warn(message: string): void;
}

/** `null`: the index has no such project. */
export type FoundPage = PackagePage | null;

const MAX_PAGE = 512 * 1024 * 1024;

/** One index of the Simple API: its pages, from the cache while they are fresh. */
export interface PageSource extends AnsweringPlace {
  location: IndexLocation;
  /** `undefined`: only the index can tell. */
  known(project: string): FoundPage | undefined;
  page(project: string): Promise<FoundPage>;
}

/** A place that answers for projects, as who remembers its answers sees it. */
export interface AnsweringPlace {
  /**
   * A text that stands for what the place has of a project: the same text, the same answer. `undefined`: nothing is at hand that
   * may be used without asking, or what came is not in the cache yet (`PackageCache.settled`).
   */
  identity(project: string): string | undefined;
}

/** The identity of "no such project". */
const ABSENT = "absent";

export function createPageSource(location: IndexLocation, context: SourceContext): PageSource {
  const index = withoutCredentials(location.url);
  if (location.url.startsWith("file:")) return createFolderSource(location, context);
  const decoded = new Map<string, FoundPage>();
  const identities = new Map<string, string>();
  const asked = new Map<string, Promise<FoundPage>>();

  const known = (project: string): FoundPage | undefined => {
    const page = decoded.get(project);
    if (page !== undefined) return page;
    const file = context.cache.file(index, project);
    if (file === undefined || !isUsable(file, project, context)) return undefined;
    context.stats.cachedPages += 1;
    identities.set(project, identityOf(file));
    return remember(project, file.state === "absent" ? null : decodePage(file.page, project, index));
  };
  const remember = (project: string, page: FoundPage) => {
    decoded.set(project, page);
    return page;
  };
  const fetchPage = async (project: string) => {
    const url = projectUrl(location.url, project);
    // It is used as it was made: what is compressed is for the next command.
    let made: CompactPage | undefined;
    const parse = (answer: HttpAnswer) => {
      const source = { url: answer.url, index, contentType: answer.headers.get("content-type") ?? "" };
      made = compactPage(project, answer.body, source);
      return packPage(made);
    };
    const answer = await fetchThroughCache({ index, url, project, parse }, context);
    if (answer === null) {
      identities.set(project, ABSENT);
      return remember(project, null);
    }
    const identify = (bytes: Uint8Array) => {
      const file = context.cache.file(index, project);
      // What was cached has been hashed.
      identities.set(project, (file?.page === bytes ? file.digest : undefined) ?? pageDigest(bytes));
    };
    if (answer.page instanceof Promise) context.cache.expect(answer.page, identify);
    else identify(answer.page);
    if (made !== undefined) return remember(project, openPage(made, project, index));
    return remember(project, decodePage(await answer.page, project, index));
  };
  return {
    location,
    known,
    async page(project) {
      const cached = known(project);
      if (cached !== undefined) return cached;
      let request = asked.get(project);
      if (request === undefined) {
        request = fetchPage(project);
        asked.set(project, request);
      }
      return request;
    },
    identity(project) {
      const own = identities.get(project);
      if (own !== undefined) return own;
      const head = context.cache.head(index, project);
      return head !== undefined && isUsable(head, project, context) ? identityOf(head) : undefined;
    },
  };
}

function identityOf(head: PackageHead): string {
  return head.state === "absent" ? ABSENT : head.digest;
}

export function isUsable(file: PackageHead, project: string, context: SourceContext): boolean {
  if (file.state === "unknown") return false;
  if (context.offline) return true;
  const age = Date.now() - file.validatedAt;
  return age >= 0 && age < 1000 * file.ttl && !context.mustRefresh(project);
}

/** `https://host/simple?token` keeps its query. */
function projectUrl(base: string, project: string): string {
  const [path, query] = base.split("?", 2);
  return `${path!.replace(/\/+$/, "")}/${project}/${query === undefined ? "" : `?${query}`}`;
}

export interface CachedRequest {
  index: string;
  /** With credentials, if they are in it. */
  url: string;
  project: string;
  /** Turns an answer into what is cached. */
  parse(answer: HttpAnswer): Uint8Array | Promise<Uint8Array>;
}

/** Asks, with the validators of what the cache holds; `null` for a project that is not there. */
export async function fetchThroughCache(
  request: CachedRequest,
  context: SourceContext,
): Promise<{ page: Uint8Array | Promise<Uint8Array> } | null> {
  const { index, project } = request;
  const shown = withoutCredentials(request.url);
  if (context.offline) throw offlineFailure(request.url);
  const file = context.cache.file(index, project);
  const policy = file === undefined || file.state !== "page" ? undefined : file.info().policy;
  const plain = { accept: SIMPLE_ACCEPT };
  const headers = policy === undefined ? plain : await revalidationHeaders(shown, plain, policy);
  // Loaded while the index answers.
  prepareFreshness();
  const answer = await context.http.request(request.url, { headers, limit: MAX_PAGE, accept: [404, 410] });
  const validatedAt = Date.now();
  if (answer.status === 304 && file !== undefined) {
    context.stats.revalidated += 1;
    const freshness = await freshnessOf(shown, plain, answer, policy);
    if (freshness.ttl === file.ttl) confirmPackageFile(file.path, validatedAt);
    else {
      const { ttl } = freshness;
      context.cache.writePage(index, project, {
        state: "page",
        validatedAt,
        ttl,
        info: { policy: freshness.policy },
        page: file.page,
      });
    }
    return { page: file.page };
  }
  const absent = answer.status === 404 || answer.status === 410;
  const page = absent ? new Uint8Array() : request.parse(answer);
  const freshness = await freshnessOf(shown, plain, answer);
  if (freshness.storable || absent) {
    const state = absent ? "absent" : "page";
    const info = { policy: freshness.policy };
    context.cache.writePage(index, project, { state, validatedAt, ttl: freshness.ttl, info, page });
  }
  return absent ? null : { page };
}

/** An index on this machine: a folder per project, with an `index.html` or with the files themselves. */
function createFolderSource(location: IndexLocation, context: SourceContext): PageSource {
  const listed = new Map<string, readonly DistributionFile[]>();
  const read = (project: string): readonly DistributionFile[] => {
    const folder = `${pathOfFileUrl(location.url)}/${project}`;
    const listing = listFolder(folder);
    if (listing === undefined) return [];
    const html = `${folder}/index.html`;
    const source = {
      url: `${Bun.pathToFileURL(folder).href}/`,
      index: location.url,
      contentType: "text/html",
    };
    return existsSync(html)
      ? readHtmlPage(readFileSync(html, "utf8"), source)
      : folderFiles(folder, listing.byProject.get(project) ?? [], location.url, context.digests);
  };
  const filesOf = (project: string) => {
    const files = listed.get(project) ?? read(project);
    listed.set(project, files);
    return files;
  };
  const pages = new Map<string, FoundPage>();
  const known = (project: string): FoundPage => {
    const page = pages.get(project);
    if (page !== undefined) return page;
    const files = filesOf(project);
    const made = files.length === 0 ? null : pageOfFiles(project, location.url, files);
    pages.set(project, made);
    return made;
  };
  return {
    location,
    known,
    page: async (project) => known(project),
    identity: (project) => identityOfFiles(filesOf(project)),
  };
}

/** Files of this machine: their digests are remembered by size and time, so that asking again costs a look at each. */
export function identityOfFiles(files: readonly DistributionFile[]): string {
  return files.length === 0 ? ABSENT : pageDigest(Buffer.from(JSON.stringify(files)));
}
