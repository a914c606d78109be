/** A backend is where a cache's files lie: a folder, a web server or a bucket. It knows paths and bytes, nothing of packages. */
import { Failure } from "../platform/errors.ts";

export interface CacheBackend {
  /** The URL for messages, without credentials. */
  readonly name: string;
  /** It opens no connection: allowed when offline. */
  readonly local: boolean;
  readonly stats: BackendStats;
  /**
   * Hands over the body of a file; `false` when it is not there. Failures: `DXPY_CACHE_UNREACHABLE`,
   * `DXPY_CACHE_AUTH_REQUIRED`, `DXPY_BAD_CACHE_ANSWER` for a body of more than `limit` bytes.
   */
  read(path: string, body: BodySink, limit: number): Promise<boolean>;
  /**
   * Where the file is on this machine, for a thread that reads it by itself; `undefined` when it is not there. Absent where files
   * are not on this machine. Failures as of `read`.
   */
  locate?(path: string, limit: number): { path: string; size: number } | undefined;
  /** Whether the file is there, without its body. Failures as of `read`. */
  has(path: string): Promise<boolean>;
  /** Makes the place itself, before the first push; where that is not for clients to do, nothing. */
  create?(): void;
  /** Puts a whole file, or none. Failures as of `read`; `DXPY_CACHE_READ_ONLY`. */
  write(path: string, body: Uint8Array | { file: string; size: number }): Promise<void>;
}

export interface BackendStats {
  requests: number;
  /** Bytes of bodies. */
  received: number;
  sent: number;
}

/** What takes a body. `begin` may be called again: what was taken before is void. */
export interface BodySink {
  /** `announced`: the length that the server promises, for what it is worth. */
  begin(announced: number | undefined): void;
  take(chunk: Uint8Array): void;
}

/** The whole body in memory, as it came: joining it would take its memory twice. `undefined` when the file is not there. Failures of `read`. */
export async function readPieces(
  backend: CacheBackend,
  path: string,
  limit: number,
): Promise<Uint8Array[] | undefined> {
  let pieces: Uint8Array[] = [];
  const found = await backend.read(
    path,
    {
      begin() {
        pieces = [];
      },
      take: (chunk) => pieces.push(chunk),
    },
    limit,
  );
  return found ? pieces : undefined;
}

/** The same in one, for what is small. */
export async function readBytes(
  backend: CacheBackend,
  path: string,
  limit: number,
): Promise<Uint8Array | undefined> {
  const pieces = await readPieces(backend, path, limit);
  if (pieces === undefined) return undefined;
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

export function emptyStats(): BackendStats {
  return { requests: 0, received: 0, sent: 0 };
}

export function cacheUnreachable(name: string, path: string, what: string, cause?: unknown): Failure {
  return new Failure("DXPY_CACHE_UNREACHABLE", `${name} could not be asked for ${path}: ${what}`, {
    context: { url: name },
    hint: "Check the network and the cache's URL; `dx-py cache info URL` asks it.",
    ...(cause === undefined ? {} : { cause }),
  });
}

export function cacheNeedsCredentials(name: string, path: string, status: number): Failure {
  return new Failure(
    "DXPY_CACHE_AUTH_REQUIRED",
    `${name} answered ${status} for ${path}: it wants credentials, or others`,
    {
      context: { url: name },
      hint: "Give a token in DX_PY_CACHE_TOKEN, a user name and password in the URL or `.netrc`, or AWS credentials for a bucket.",
    },
  );
}

export function badCacheUrl(url: string, what: string): Failure {
  return new Failure("DXPY_BAD_CACHE_URL", `${url} cannot be a binary cache: ${what}`, {
    hint: "A cache is a folder (`file:///path` or `/path`), a web server (`https://…`) or a bucket (`s3://bucket/prefix`).",
    exitCode: 2,
  });
}
