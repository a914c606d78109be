/** `dx-py cache serve`: a store as a binary cache over HTTP, for a LAN and for CI. */
import { timingSafeEqual } from "node:crypto";
import { closeSync, openSync, statSync } from "node:fs";
import { writeWhole } from "../platform/atomic-file.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { LIMITS, pathKind } from "./protocol.ts";
import { type ServedCacheOptions, servedCache } from "./served-cache.ts";

export interface ServeOptions extends ServedCacheOptions {
  hostname: string;
  /** 0: any that is free. */
  port: number;
  /** Who has it may upload. Absent: nobody may. */
  uploadToken?: string;
  /** Who has it, or the upload token, may read. Absent: everybody may. */
  readToken?: string;
  onRequest?: (request: { method: string; path: string; status: number; bytes: number }) => void;
}

export interface CacheServer {
  url: string;
  port: number;
  stop(): Promise<void>;
}

const IMMUTABLE = "public, max-age=31536000, immutable";

export function serveCache(options: ServeOptions): CacheServer {
  const cache = servedCache(options);

  async function answer(request: Request, path: string): Promise<Response> {
    const { method } = request;
    if (method === "PUT") return await upload(request, path);
    if (method !== "GET" && method !== "HEAD") {
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD, PUT" } });
    }
    if (options.readToken !== undefined && !hasToken(request, options.readToken, options.uploadToken)) {
      return unauthorized();
    }
    const found = await cache.find(path, method === "HEAD");
    if (found === undefined) return new Response(null, { status: 404 });
    if (found === true) return new Response(null, { headers: { "accept-ranges": "bytes" } });
    return found instanceof Uint8Array ? bytesAnswer(found, request) : fileAnswer(found.file, path, request);
  }

  async function upload(request: Request, path: string): Promise<Response> {
    const { uploadToken } = options;
    if (uploadToken === undefined) return new Response("this cache takes no uploads\n", { status: 403 });
    if (!hasToken(request, uploadToken)) return unauthorized();
    const asked = pathKind(path);
    if (asked === undefined) return new Response("not a path of a binary cache\n", { status: 404 });
    const limit = { ...LIMITS, info: LIMITS.info }[asked.kind];
    if (Number(request.headers.get("content-length") ?? 0) > limit)
      return new Response(null, { status: 413 });
    const staging = createStaging(options.store.home);
    try {
      const file = `${staging}/upload`;
      if (!(await receive(request, file, limit))) return new Response(null, { status: 413 });
      const problem = await cache.accept(path, file);
      return problem === undefined
        ? new Response(null, { status: 201 })
        : new Response(`${problem}\n`, { status: 422 });
    } finally {
      removeTree(staging);
    }
  }

  const server = Bun.serve({
    hostname: options.hostname,
    port: options.port,
    idleTimeout: 60,
    maxRequestBodySize: LIMITS.object,
    async fetch(request) {
      const path = new URL(request.url).pathname.slice(1);
      let response: Response;
      try {
        response = await answer(request, path);
      } catch {
        // What is damaged in the store is not the client's to know in detail.
        response = new Response(null, { status: 500 });
      }
      const bytes = Number(response.headers.get("content-length") ?? 0);
      options.onRequest?.({ method: request.method, path, status: response.status, bytes });
      return response;
    },
  });
  return {
    url: `http://${options.hostname.includes(":") ? `[${options.hostname}]` : options.hostname}:${server.port}`,
    port: server.port ?? 0,
    stop: () => server.stop(true),
  };
}

async function receive(request: Request, file: string, limit: number): Promise<boolean> {
  const out = openSync(file, "wx", 0o600);
  let length = 0;
  try {
    if (request.body === null) return true;
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > limit) return false;
      writeWhole(out, chunk);
    }
    return true;
  } finally {
    closeSync(out);
  }
}

function bytesAnswer(bytes: Uint8Array, request: Request): Response {
  // A mapping may be signed by others later: it is asked for again, and is small.
  const etag = `"${Bun.hash.xxHash64(bytes).toString(16)}-${bytes.length}"`;
  if (request.headers.get("if-none-match") === etag)
    return new Response(null, { status: 304, headers: { etag } });
  const headers = { etag, "content-type": "application/json", "content-length": String(bytes.length) };
  return new Response(request.method === "HEAD" ? null : new Uint8Array(bytes), { headers });
}

function fileAnswer(file: string, path: string, request: Request): Response {
  const stats = statSync(file);
  const kind = pathKind(path)?.kind;
  const etag = `"${stats.size.toString(16)}-${Math.floor(stats.mtimeMs).toString(16)}"`;
  const headers: Record<string, string> = {
    etag,
    "accept-ranges": "bytes",
    "content-type": kind === "object" ? "application/zstd" : "application/json",
    "cache-control": kind === "object" || kind === "derivation" ? IMMUTABLE : "no-cache",
  };
  if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
  const range = rangeOf(request, stats.size, etag);
  if (range === "unsatisfiable") {
    return new Response(null, { status: 416, headers: { "content-range": `bytes */${stats.size}` } });
  }
  const { start, end } = range ?? { start: 0, end: stats.size };
  headers["content-length"] = String(end - start);
  if (range !== undefined) headers["content-range"] = `bytes ${start}-${end - 1}/${stats.size}`;
  const body = request.method === "HEAD" ? null : Bun.file(file).slice(start, end);
  return new Response(body, { status: range === undefined ? 200 : 206, headers });
}

/** One range of bytes (RFC 9110, 14.2); several at once are answered with the whole. */
function rangeOf(
  request: Request,
  size: number,
  etag: string,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(request.headers.get("range") ?? "");
  const condition = request.headers.get("if-range");
  if (match === null || (condition !== null && condition !== etag)) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  return start < end ? { start, end } : "unsatisfiable";
}

/** As a bearer token, or as the password of any user: what `.netrc` and URLs can say. */
function hasToken(request: Request, ...tokens: (string | undefined)[]): boolean {
  const header = request.headers.get("authorization") ?? "";
  const [scheme = "", rest = ""] = header.split(" ", 2);
  let given = "";
  if (scheme.toLowerCase() === "bearer") given = rest;
  else if (scheme.toLowerCase() === "basic") {
    try {
      const pair = new TextDecoder().decode(Uint8Array.fromBase64(rest));
      given = pair.slice(pair.indexOf(":") + 1);
    } catch {
      return false;
    }
  }
  const hashed = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
  return (
    given !== "" &&
    tokens.some((token) => token !== undefined && timingSafeEqual(hashed(token), hashed(given)))
  );
}

function unauthorized(): Response {
  return new Response(null, { status: 401, headers: { "www-authenticate": 'Bearer realm="dx-py"' } });
}
