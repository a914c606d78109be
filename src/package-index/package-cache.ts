import { sha256Hex } from "../platform/sha256.ts";
import {
  appendRecord,
  encodeRecord,
  type PackageFile,
  type PackageFileContent,
  type PackageHead,
  packageFilePath,
  readPackageFile,
  readPackageHead,
  writePackageFile,
} from "./package-file.ts";

/** The files of `home/index` as one process sees them: each is read once. */
export interface PackageCache {
  file(indexUrl: string, project: string): PackageFile | undefined;
  /** The same for who only compares: reads a few bytes where the file was not read yet. */
  head(indexUrl: string, project: string): PackageHead | undefined;
  /** Replaces the page and keeps the records; a page that is still being compressed, when it is. */
  writePage(indexUrl: string, project: string, content: NewPage): void;
  addRecord(indexUrl: string, project: string, key: string, payload: Uint8Array): void;
  /** Waits for a page; what comes of it may use the cache. */
  expect<T>(page: Promise<T>, then: (page: T) => void): void;
  /** When all that was to be written is written. */
  settled(): Promise<void>;
}

export interface NewPage extends Omit<PackageFileContent, "records" | "page"> {
  page: Uint8Array | Promise<Uint8Array>;
}

export function openPackageCache(indexFolder: string): PackageCache {
  const folders = new Map<string, string>();
  const files = new Map<string, PackageFile | undefined>();
  const pathOf = (indexUrl: string, project: string) => {
    let folder = folders.get(indexUrl);
    if (folder === undefined) {
      folder = `${indexFolder}/${sha256Hex(indexUrl).slice(0, 16)}`;
      folders.set(indexUrl, folder);
    }
    return packageFilePath(folder, project);
  };
  const open = (path: string) => {
    if (!files.has(path)) files.set(path, readPackageFile(path));
    return files.get(path);
  };
  const awaited = new Set<Promise<void>>();
  const expect = <T>(page: Promise<T>, then: (page: T) => void) => {
    const done: Promise<void> = page.then(then).finally(() => awaited.delete(done));
    awaited.add(done);
    // Told to who waits for all.
    done.catch(() => {});
  };
  return {
    file: (indexUrl, project) => open(pathOf(indexUrl, project)),
    head(indexUrl, project) {
      const path = pathOf(indexUrl, project);
      return files.has(path) ? files.get(path) : readPackageHead(path);
    },
    writePage(indexUrl, project, { page: given, ...content }) {
      const path = pathOf(indexUrl, project);
      const write = (page: Uint8Array) => {
        // What other processes appended meanwhile is kept too.
        const records = readPackageFile(path)?.records() ?? new Uint8Array();
        files.set(path, writePackageFile(path, { ...content, page, records }));
      };
      if (given instanceof Promise) expect(given, write);
      else write(given);
    },
    expect,
    async settled() {
      await Promise.all(awaited);
    },
    addRecord(indexUrl, project, key, payload) {
      const path = pathOf(indexUrl, project);
      const known = open(path);
      const record = encodeRecord(key, payload);
      if (known === undefined || !known.damaged()) {
        appendRecord(path, record, known !== undefined);
        return;
      }
      const records = Buffer.concat([known.records(), record]);
      files.set(path, writePackageFile(path, { ...contentOf(known), records }));
    },
  };
}

function contentOf(file: PackageFile): Omit<PackageFileContent, "records"> {
  const { state, validatedAt, ttl, page } = file;
  return { state, validatedAt, ttl, page, info: file.info() };
}
