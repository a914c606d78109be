/**
 * Requests to web servers that hold a cache: bounded in size and in time, resumed where they broke off, redirected only to
 * web servers, with credentials for the cache's own origin only.
 */
import { Failure } from "../platform/errors.ts";
import { retry } from "../platform/retry.ts";
import { type BackendStats, type BodySink, cacheNeedsCredentials, cacheUnreachable } from "./backend.ts";
import { badAnswer } from "./protocol.ts";

export interface TransferOptions {
  /** What messages call the cache. */
  name: string;
  stats: BackendStats;
  /** `Authorization` for the first request; it does not follow a redirect to another origin. */
  authorization?: string;
  /** A body must come at least at `SLOWEST` bytes a second, and its first byte within this time. Milliseconds; default 15,000. */
  timeout?: number;
  /** Default 3. */
  attempts?: number;
  /** A file of certificates to trust instead of the system's. */
  certificates?: string;
}

export interface TransferRequest {
  method: "GET" | "HEAD" | "PUT";
  /** With everything that the server needs to know (a signed URL); asked anew for each try. Never shown. */
  url: () => string;
  /** For messages. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: () => Uint8Array | Blob;
  bodySize?: number;
  sink?: BodySink;
  limit?: number;
}

export type Transfer = (request: TransferRequest) => Promise<{ status: number; headers: Headers }>;

const MAX_REDIRECTS = 5;
/** Bytes a second: below that, a server stalls rather than serves. */
const SLOWEST = 8 * 1024;
/** A server may be asked again after these. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

class Passing extends Error {}

/** Answers 404 and 410 are answers; every other status that is not a success is a failure. */
export function createTransfer(options: TransferOptions): Transfer {
  const { name, stats } = options;
  const timeout = options.timeout ?? 15_000;

  async function once(request: TransferRequest, progress: Progress) {
    const watch = createWatch(timeout);
    try {
      const response = await follow(request, progress, watch);
      const { status, headers } = response;
      if (status === 404 || status === 410 || (request.method === "HEAD" && response.ok)) {
        await discard(response);
        return { status, headers };
      }
      if (status === 416 && progress.taken > 0) {
        progress.restart();
        throw new Passing("the rest could not be had");
      }
      if (!response.ok) {
        await discard(response);
        if (PASSING.has(status)) throw new Passing(`it answered ${status}`);
        if (status === 401 || status === 403 || status === 407) {
          throw cacheNeedsCredentials(name, request.path, status);
        }
        throw cacheUnreachable(name, request.path, `it answered ${status}`);
      }
      await readBody(response, request, progress, watch);
      return { status, headers };
    } catch (error) {
      // What the watch says is why; what the connection says is how.
      throw watch.signal.aborted ? new Passing(String((watch.signal.reason as Error).message)) : error;
    } finally {
      watch.stop();
    }
  }

  async function follow(request: TransferRequest, progress: Progress, watch: Watch): Promise<Response> {
    let url = request.url();
    const { origin } = new URL(url);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const own = new URL(url).origin === origin;
      stats.requests += 1;
      const body = request.body?.();
      const response = await fetch(url, {
        method: request.method,
        redirect: "manual",
        signal: watch.signal,
        // An answer that unpacks itself could be larger than what was counted.
        decompress: false,
        headers: {
          "user-agent": "dx-py",
          "accept-encoding": "identity",
          ...request.headers,
          ...progress.rangeHeaders(),
          ...(own && options.authorization !== undefined ? { authorization: options.authorization } : {}),
        },
        ...(body === undefined ? {} : { body }),
        ...(options.certificates === undefined ? {} : { tls: { ca: Bun.file(options.certificates) } }),
      } as RequestInit);
      watch.touch(request.bodySize ?? 0);
      const location = response.headers.get("location");
      const redirects = response.status >= 300 && response.status <= 308 && response.status !== 304;
      if (!redirects || location === null) return response;
      await discard(response);
      if (request.method === "PUT") {
        throw cacheUnreachable(name, request.path, "it redirects what is uploaded");
      }
      url = redirectTarget(location, url, request.path);
    }
    throw cacheUnreachable(name, request.path, `it redirects more than ${MAX_REDIRECTS} times`);
  }

  function redirectTarget(location: string, from: string, path: string): string {
    let target: URL;
    try {
      target = new URL(location, from);
    } catch (cause) {
      throw cacheUnreachable(name, path, "it redirects to what is not a URL", cause);
    }
    const { protocol } = target;
    const worse = from.startsWith("https:") && protocol !== "https:";
    if (worse || (protocol !== "http:" && protocol !== "https:")) {
      throw cacheUnreachable(name, path, `it redirects to ${protocol}`);
    }
    target.username = "";
    target.password = "";
    return target.href;
  }

  async function readBody(response: Response, request: TransferRequest, progress: Progress, watch: Watch) {
    const { sink, limit = 64 * 1024 } = request;
    const encoding = response.headers.get("content-encoding");
    if (sink !== undefined && encoding !== null && encoding !== "identity") {
      await discard(response);
      throw badAnswer(name, request.path, `it came as ${encoding.slice(0, 20)}`);
    }
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    progress.begin(response, sink);
    if (progress.taken + (length || 0) > limit) {
      await discard(response);
      throw badAnswer(name, request.path, `it is larger than ${limit} bytes`);
    }
    if (response.body === null) return;
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      watch.touch(value.length);
      stats.received += value.length;
      progress.taken += value.length;
      if (progress.taken > limit) {
        await reader.cancel().catch(() => {});
        throw badAnswer(name, request.path, `it is larger than ${limit} bytes`);
      }
      sink?.take(value);
    }
  }

  return async (request) => {
    const progress = createProgress();
    try {
      return await retry(() => once(request, progress), {
        attempts: options.attempts ?? 3,
        retryable: (error) => !(error instanceof Failure) && isPassing(error),
      });
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw cacheUnreachable(name, request.path, reasonOf(error), error);
    } finally {
      stats.sent += request.bodySize ?? 0;
    }
  };
}

/** What does not get better by asking again. Bun names errors by `code`. */
function isPassing(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code ?? "");
  return !/CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO|INVALID|Unsupported|ConnectionRefused|DNS/i.test(code);
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // Messages of connections hold the URL, and a URL may hold a signature or a password.
  const text = String(message ?? error).replace(/\w+:\/\/\S+/g, "the server");
  return typeof code === "string" && !text.includes(code) ? `${text} (${code})` : text;
}

interface Progress {
  /** Bytes that the sink has. */
  taken: number;
  rangeHeaders(): Record<string, string>;
  begin(response: Response, sink: BodySink | undefined): void;
  restart(): void;
}

/** Where a body was broken off, so that the next try asks for the rest of the same file. */
function createProgress(): Progress {
  let etag: string | undefined;
  return {
    taken: 0,
    rangeHeaders() {
      if (this.taken === 0 || etag === undefined) return {};
      return { range: `bytes=${this.taken}-`, "if-range": etag };
    },
    begin(response, sink) {
      const goesOn =
        response.status === 206 &&
        response.headers.get("content-range")?.startsWith(`bytes ${this.taken}-`) === true;
      const tag = response.headers.get("etag");
      // A weak tag says “as good as the same”, which is not enough for joining halves.
      etag = tag?.startsWith('"') ? tag : undefined;
      if (goesOn && this.taken > 0) return;
      this.taken = 0;
      const length = Number(response.headers.get("content-length") ?? Number.NaN);
      sink?.begin(Number.isSafeInteger(length) ? length : undefined);
    },
    restart() {
      this.taken = 0;
      etag = undefined;
    },
  };
}

interface Watch {
  signal: AbortSignal;
  touch(bytes: number): void;
  stop(): void;
}

/** Aborts when nothing comes, and when what comes is so little at a time that it would never end. */
function createWatch(timeout: number): Watch {
  const controller = new AbortController();
  let deadline = performance.now() + timeout;
  let last = performance.now();
  let timer: ReturnType<typeof setTimeout>;
  const check = () => {
    const left = Math.min(deadline, last + timeout) - performance.now();
    if (left > 0) timer = setTimeout(check, left);
    else controller.abort(new Error(`it is too slow (${timeout / 1000} s)`));
  };
  timer = setTimeout(check, timeout);
  return {
    signal: controller.signal,
    touch(bytes) {
      last = performance.now();
      // What came fast is credit for what comes slowly, but never for more than one timeout.
      deadline = Math.min(deadline + (bytes / SLOWEST) * 1000, Math.max(deadline, last + 2 * timeout));
    },
    stop: () => clearTimeout(timer),
  };
}

async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}
