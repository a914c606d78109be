import { Failure } from "../platform/errors.ts";
import { retry } from "../platform/retry.ts";
import { ACCEPT_ENCODING, decodeContent, isIdentity } from "./content-encoding.ts";
import { type Credentials, withoutCredentials } from "./credentials.ts";
import {
  offlineFailure,
  readCertificates,
  statusFailure,
  tooLarge,
  unreachable,
  withoutAnyCredentials,
} from "./http-failures.ts";

/**
 * Requests over Bun's fetch: a bounded number at once over kept connections, redirects followed by hand so that
 * credentials stay with their origin, retries with growing pauses for what may pass, bodies bounded, and errors that
 * never show credentials.
 */
export interface HttpOptions {
  credentials: Credentials;
  env: Readonly<Record<string, string | undefined>>;
  offline: boolean;
  /** A file of certificates to trust instead of the system's. */
  certificates?: string;
  proxy?: string;
  /** Counts requests, and bytes of bodies. */
  stats: { requests: number; bytes: number };
}

export interface HttpRequest {
  method?: "GET" | "HEAD";
  /** A function is asked before each try: a transfer that broke asks for the rest. */
  headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>);
  /** Bytes of body that are accepted, after decompression. */
  limit: number;
  /** Statuses besides 2xx and 304 that are answers rather than errors. */
  accept?: readonly number[];
  /**
   * Makes, for each try, what takes the body piece by piece; then the answer's body is empty. Answering `false` ends
   * the transfer.
   */
  sink?: (response: Response) => (chunk: Uint8Array) => boolean | Promise<boolean>;
  /** Tries in all. Default 4, or DX_PY_HTTP_RETRIES and one. */
  attempts?: number;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  body: Uint8Array;
  /** Where the answer came from, after redirects, without credentials. */
  url: string;
}

export interface Http {
  /** Failures: DXPY_OFFLINE_MISSING, DXPY_INDEX_UNREACHABLE, DXPY_AUTH_REQUIRED, DXPY_ANSWER_TOO_LARGE. */
  request(url: string, request: HttpRequest): Promise<HttpAnswer>;
}

const CONCURRENT = 50;
/** Bytes. */
const SMALL = 192 * 1024;
const MAX_REDIRECTS = 10;
const MAX_PAUSE = 60_000;
const PASSING_STATUS = new Set([408, 429, 500, 502, 503, 504, 520, 522, 524]);
/** What does not get better by asking again. Bun names errors by `code`. */
const LASTING = /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO|ERR_INVALID_URL|UnsupportedProxy|InvalidURL/i;

/** A status that may pass: carries how long the server asks to wait, in milliseconds. */
class PassingStatus extends Error {
  constructor(
    readonly status: number,
    readonly pause: number | undefined,
  ) {
    super(`it answered ${status}`);
  }
}

export function createHttp(options: HttpOptions): Http {
  const { env, stats } = options;
  const idle =
    1000 * seconds(env["DX_PY_HTTP_TIMEOUT"] ?? env["UV_HTTP_TIMEOUT"] ?? env["PIP_DEFAULT_TIMEOUT"], 30);
  const attempts = 1 + seconds(env["DX_PY_HTTP_RETRIES"] ?? env["UV_HTTP_RETRIES"], 3);
  const gate = createGate(CONCURRENT);
  let extra: { tls?: { ca: string }; proxy?: string } | undefined;

  /** `atOnce`: a small answer may be taken whole. Who waits for it then sees no progress, so a slow one is read in pieces the next time. */
  async function once(url: string, request: HttpRequest, atOnce: boolean): Promise<HttpAnswer> {
    const watch = createWatch(idle);
    try {
      const { response, finalUrl } = await follow(url, request, watch);
      const { status, headers } = response;
      if (PASSING_STATUS.has(status) && !request.accept?.includes(status)) {
        await discard(response);
        throw new PassingStatus(status, retryAfter(headers));
      }
      if (!(response.ok || status === 304 || request.accept?.includes(status))) {
        await discard(response);
        throw statusFailure(finalUrl, status);
      }
      const body = await readBody(response, request, watch, atOnce);
      return { status, headers, body, url: withoutCredentials(finalUrl) };
    } finally {
      watch.stop();
    }
  }

  async function follow(url: string, request: HttpRequest, watch: Watch) {
    let current = url;
    const headers = typeof request.headers === "function" ? request.headers() : request.headers;
    extra ??= {
      ...(options.certificates === undefined ? {} : { tls: { ca: readCertificates(options.certificates) } }),
      ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    };
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const authorization = options.credentials.forUrl(current);
      stats.requests += 1;
      const response = await fetch(withoutCredentials(current), {
        method: request.method ?? "GET",
        headers: {
          "user-agent": "dx-py",
          "accept-encoding": ACCEPT_ENCODING,
          ...headers,
          ...(authorization ? { authorization } : {}),
        },
        redirect: "manual",
        signal: watch.signal,
        decompress: false,
        ...extra,
      });
      const location = response.headers.get("location");
      if (response.status < 301 || response.status > 308 || response.status === 304 || location === null) {
        return { response, finalUrl: current };
      }
      await discard(response);
      current = redirectTarget(location, current);
    }
    throw unreachable(url, `it redirects more than ${MAX_REDIRECTS} times`);
  }

  async function readBody(
    response: Response,
    request: HttpRequest,
    watch: Watch,
    atOnce: boolean,
  ): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const encoding = response.headers.get("content-encoding");
    const encoded = !isIdentity(encoding);
    const whole = async (body: Uint8Array) => {
      const content = encoded ? await decodeContent(body, encoding ?? "", request.limit, response.url) : body;
      if (content === undefined || content.length > request.limit)
        throw tooLarge(response.url, request.limit);
      if (asked === undefined) return content;
      await asked(content);
      return new Uint8Array();
    };
    const asked = request.sink?.(response);
    // Nobody can use half of what is encoded.
    const sink = encoded ? undefined : asked;
    const announced = Number(response.headers.get("content-length") ?? Number.NaN);
    // Most answers are small: a stream costs more than what it carries. One that breaks off is asked for anew.
    if (atOnce && announced <= SMALL && (sink === undefined || response.status === 206)) {
      const body = await response.bytes();
      stats.bytes += body.length;
      return await whole(body);
    }
    if (response.body === null) return new Uint8Array();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      watch.touch();
      length += value.length;
      stats.bytes += value.length;
      if (length > request.limit) {
        await reader.cancel().catch(() => {});
        throw tooLarge(response.url, request.limit);
      }
      if (sink === undefined) chunks.push(value);
      else if (!(await sink(value))) {
        await reader.cancel().catch(() => {});
        break;
      }
    }
    if (sink !== undefined) return new Uint8Array();
    return await whole(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
  }

  return {
    async request(url, request) {
      if (options.offline) throw offlineFailure(url);
      try {
        let pause = 0;
        let tries = 0;
        return await retry(() => gate(() => once(url, request, tries++ === 0)), {
          attempts: request.attempts ?? attempts,
          retryable(error) {
            pause = error instanceof PassingStatus ? (error.pause ?? 0) : 0;
            return isPassing(error);
          },
          sleep: (milliseconds) => Bun.sleep(Math.max(milliseconds, pause)),
        });
      } catch (error) {
        throw error instanceof Failure ? error : unreachable(url, reasonOf(error), error);
      }
    },
  };

  function isPassing(error: unknown): boolean {
    if (error instanceof Failure) return false;
    return error instanceof PassingStatus || !LASTING.test(String((error as { code?: unknown }).code ?? ""));
  }
}

function seconds(text: string | undefined, fallback: number): number {
  const value = Number(text);
  return text === undefined || text === "" || !Number.isFinite(value) || value < 0 ? fallback : value;
}

/** Lets so many run at once; the others wait in order. */
function createGate(places: number): <T>(action: () => Promise<T>) => Promise<T> {
  let free = places;
  const waiting: (() => void)[] = [];
  return async (action) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await action();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

interface Watch {
  signal: AbortSignal;
  touch(): void;
  stop(): void;
}

/** Aborts after so many milliseconds in which nothing arrived. One timer, moved at most once a second. */
function createWatch(idle: number): Watch {
  const controller = new AbortController();
  let last = performance.now();
  let timer: ReturnType<typeof setTimeout>;
  const check = () => {
    const left = last + idle - performance.now();
    if (left > 0) timer = setTimeout(check, left);
    else controller.abort(new Error(`nothing arrived for ${idle / 1000} seconds`));
  };
  timer = setTimeout(check, idle);
  return {
    signal: controller.signal,
    touch() {
      last = performance.now();
    },
    stop: () => clearTimeout(timer),
  };
}

function redirectTarget(location: string, from: string): string {
  let target: URL;
  try {
    target = new URL(location, from);
  } catch (error) {
    throw unreachable(from, "it redirects to what is not a URL", error);
  }
  const downgrade = from.startsWith("https:") && target.protocol === "http:";
  if (downgrade || (target.protocol !== "https:" && target.protocol !== "http:")) {
    throw unreachable(from, `it redirects from ${new URL(from).protocol} to ${target.protocol}`);
  }
  // User names in a redirect are the server's, not the person's.
  target.username = "";
  target.password = "";
  return target.href;
}

async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/** `Retry-After` in milliseconds: seconds or a date, bounded. */
export function retryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const pause = /^\d+$/.test(text.trim()) ? 1000 * Number(text) : Date.parse(text) - Date.now();
  return Number.isNaN(pause) ? undefined : Math.min(MAX_PAUSE, Math.max(0, pause));
}

function reasonOf(error: unknown): string {
  if (error instanceof PassingStatus) return error.message;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = withoutAnyCredentials(String(message ?? error));
  return typeof code === "string" && !text.includes(code) ? `${text} (${code})` : text;
}
