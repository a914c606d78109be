/** From a cache's URL to the backend that reads it. */
import { badCacheUrl, type CacheBackend } from "./backend.ts";
import { folderBackend } from "./folder-backend.ts";
import { httpBackend } from "./http-backend.ts";
import { s3Backend } from "./s3-backend.ts";

export interface OpenBackendOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** Where a relative path starts. Absolute. */
  folder: string;
  /** For `Authorization: Bearer`. */
  token?: string;
  /** Milliseconds without enough arriving. Default: DX_PY_CACHE_TIMEOUT in seconds, or 15 s. */
  timeout?: number;
  attempts?: number;
}

/** Failure `DXPY_BAD_CACHE_URL`. Opens no connection. */
export function openBackend(url: string, options: OpenBackendOptions): CacheBackend {
  const { env, folder, ...rest } = options;
  const seconds = Number(env["DX_PY_CACHE_TIMEOUT"]);
  const timeout = rest.timeout ?? (seconds > 0 ? seconds * 1000 : undefined);
  const common = { env, ...rest, ...(timeout === undefined ? {} : { timeout }) };
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case "http":
    case "https":
      if (!URL.canParse(url)) throw badCacheUrl("it", "it is not a URL");
      return httpBackend(url, common);
    case "s3":
      return s3Backend(url, common);
    case "file":
      return folderBackend(filePath(url));
    case undefined:
      if (url === "") throw badCacheUrl("an empty text", "it names nothing");
      return folderBackend(withoutSlash(url.startsWith("/") ? url : `${folder}/${url}`));
    default:
      throw badCacheUrl(url.replace(/\/\/[^/]*@/, "//"), `dx-py has no ${scheme}: caches`);
  }
}

function filePath(url: string): string {
  let path: string;
  try {
    path = Bun.fileURLToPath(url);
  } catch {
    throw badCacheUrl(url, "it is not a path of this machine (`file:///path`)");
  }
  return withoutSlash(path);
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}
