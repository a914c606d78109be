import { withoutCredentials } from "./credentials.ts";
import type { DistributionFile } from "./distribution.ts";
import { possibleProjects } from "./listing.ts";
import { type FolderListing, folderFiles, listFolder, pathOfFileUrl } from "./local-files.ts";
import {
  type AnsweringPlace,
  fetchThroughCache,
  identityOfFiles,
  isUsable,
  type SourceContext,
} from "./page-source.ts";
import { readSimplePage } from "./simple-page.ts";

/** Files of all projects in one place: a find-links page, a folder, a flat index. */
export interface FlatSource extends AnsweringPlace {
  /** `undefined`: only the server can tell. */
  known(project: string): DistributionFile[] | undefined;
  files(project: string): Promise<DistributionFile[]>;
}

/** The name under which a flat page is cached: no project can have it. */
const FLAT = "flat page";

/** @param location a folder, a `file://` URL or the URL of an HTML page. */
export function createFlatSource(location: string, context: SourceContext): FlatSource {
  if (!/^https?:/i.test(location)) {
    return createFolder(location.startsWith("file:") ? pathOfFileUrl(location) : location, context);
  }
  const index = withoutCredentials(location);
  let listing: ReadonlyMap<string, DistributionFile[]> | undefined;
  let asked: Promise<unknown> | undefined;
  const read = () => {
    if (listing !== undefined) return listing;
    const file = context.cache.file(index, FLAT);
    if (file?.state === "absent" || file === undefined || !isUsable(file, FLAT, context)) return undefined;
    listing = decodeListing(file.page);
    return listing;
  };
  const fetchListing = async () => {
    const request = {
      index,
      url: location,
      project: FLAT,
      parse: (answer: Parameters<Parameters<typeof fetchThroughCache>[0]["parse"]>[0]) =>
        encodeListing(
          readSimplePage(answer.body, {
            url: answer.url,
            index,
            contentType: answer.headers.get("content-type") ?? "",
          }),
        ),
    };
    const answer = await fetchThroughCache(request, context);
    if (answer === null) context.warn(`${index} (find-links) does not exist`);
    listing = answer === null ? new Map() : decodeListing(await answer.page);
  };
  return {
    known: (project) => {
      const known = read();
      return known === undefined ? undefined : (known.get(project) ?? []);
    },
    async files(project) {
      if (read() === undefined) {
        asked ??= fetchListing();
        await asked;
      }
      return listing?.get(project) ?? [];
    },
    identity(project) {
      const known = read();
      return known === undefined ? undefined : identityOfFiles(known.get(project) ?? []);
    },
  };
}

function createFolder(folder: string, context: SourceContext): FlatSource {
  let listing: FolderListing | undefined;
  const known = (project: string) => {
    if (listing === undefined) {
      listing = listFolder(folder);
      // Machines share settings that name folders which only some of them have.
      if (listing === undefined) context.warn(`${folder} (find-links) does not exist`);
      listing ??= { byProject: new Map() };
    }
    return folderFiles(folder, listing.byProject.get(project) ?? [], folder, context.digests);
  };
  return {
    known,
    files: async (project) => known(project),
    identity: (project) => identityOfFiles(known(project)),
  };
}

function encodeListing(files: readonly DistributionFile[]): Uint8Array {
  return Buffer.from(JSON.stringify(files));
}

/** The checksum of the cache has been compared: this is what `encodeListing` wrote. */
function decodeListing(bytes: Uint8Array): Map<string, DistributionFile[]> {
  const byProject = new Map<string, DistributionFile[]>();
  for (const file of JSON.parse(Buffer.from(bytes).toString()) as DistributionFile[]) {
    for (const project of possibleProjects(file.filename)) {
      const list = byProject.get(project);
      if (list === undefined) byProject.set(project, [file]);
      else list.push(file);
    }
  }
  return byProject;
}
