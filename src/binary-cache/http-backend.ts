/** A cache on a web server: any that serves static files; `dx-py cache serve` takes uploads too. */
import { createCredentials, withoutCredentials } from "../package-index/credentials.ts";
import { Failure } from "../platform/errors.ts";
import { type CacheBackend, emptyStats } from "./backend.ts";
import { createTransfer } from "./transfer.ts";

export interface HttpBackendOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** Sent as `Authorization: Bearer`; goes before user names. */
  token?: string;
  /** Milliseconds. */
  timeout?: number;
  attempts?: number;
}

/** `url`: `http:` or `https:`, may hold a user name and password. `.netrc` is asked where it does not. */
export function httpBackend(url: string, options: HttpBackendOptions): CacheBackend {
  const base = withoutCredentials(url)
    .replace(/[?#].*$/, "")
    .replace(/\/*$/, "");
  const stats = emptyStats();
  const credentials = createCredentials(
    [{ url } as Parameters<typeof createCredentials>[0][number]],
    options.env,
  );
  const authorization =
    options.token === undefined ? credentials.forUrl(`${base}/`) : `Bearer ${options.token}`;
  const certificates = options.env["SSL_CERT_FILE"];
  const transfer = createTransfer({
    name: base,
    stats,
    ...(authorization === undefined ? {} : { authorization }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.attempts === undefined ? {} : { attempts: options.attempts }),
    ...(certificates ? { certificates } : {}),
  });
  return transferBackend(base, stats, transfer, (path) => `${base}/${path}`);
}

/** The three verbs over a transfer; `urlOf` makes the URL for a path and a method. */
export function transferBackend(
  name: string,
  stats: CacheBackend["stats"],
  transfer: ReturnType<typeof createTransfer>,
  urlOf: (path: string, method: "GET" | "HEAD" | "PUT") => string,
): CacheBackend {
  return {
    name,
    local: false,
    stats,
    async read(path, body, limit) {
      const url = () => urlOf(path, "GET");
      const { status } = await transfer({ method: "GET", url, path, sink: body, limit });
      return status !== 404 && status !== 410;
    },
    async has(path) {
      const { status } = await transfer({ method: "HEAD", url: () => urlOf(path, "HEAD"), path });
      return status !== 404 && status !== 410;
    },
    async write(path, body) {
      const { status } = await transfer({
        method: "PUT",
        url: () => urlOf(path, "PUT"),
        path,
        headers: { "content-type": "application/octet-stream" },
        body: () => (body instanceof Uint8Array ? body : Bun.file(body.file)),
        bodySize: body instanceof Uint8Array ? body.length : body.size,
      });
      if (status !== 404 && status !== 410) return;
      throw new Failure("DXPY_CACHE_READ_ONLY", `${name} does not take ${path}: it answered ${status}`, {
        context: { url: name },
        hint: "Upload to a folder, a bucket, or `dx-py cache serve --upload-token-file`.",
      });
    },
  };
}
