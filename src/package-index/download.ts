import { Failure } from "../platform/errors.ts";
import { withoutCredentials } from "./credentials.ts";
import type { Http } from "./http.ts";
import { readLocalFile } from "./local-files.ts";

/** Whole files: streamed, hashed while they arrive, taken up where a transfer broke, bounded by the declared size. */

export interface DownloadableFile {
  url: string;
  filename: string;
  hashes: Readonly<Record<string, string>>;
  size?: number;
}

export interface DownloadOptions {
  /** Called with the bytes that arrived since the last call; negative when an attempt starts over. */
  onBytes?: (count: number) => void;
}

/** From the strongest to the weakest; the first that both sides know is compared. */
const ALGORITHMS = ["sha256", "sha512", "sha384", "sha224", "sha1", "md5"] as const;
/** For files whose size nobody told. Bytes. */
const MAX_SIZE = 16 * 1024 ** 3;
/** Up to here the buffer is made at once; the memory is only used as it is filled. Bytes. */
const MAX_RESERVED = 2 * 1024 ** 3;

/** Failures: DXPY_HASH_MISMATCH, DXPY_ANSWER_TOO_LARGE, those of `Http`. */
export async function downloadFile(
  file: DownloadableFile,
  http: Http,
  { onBytes }: DownloadOptions = {},
): Promise<Uint8Array> {
  if (file.url.startsWith("file:")) {
    const bytes = readLocalFile(file.url);
    verify(file, createHash(file), bytes);
    onBytes?.(bytes.length);
    return bytes;
  }
  let transfer = createTransfer(file);
  let etag: string | undefined;
  await http.request(file.url, {
    headers: () => ({
      "accept-encoding": "identity",
      ...(transfer.length > 0 && etag !== undefined
        ? { range: `bytes=${transfer.length}-`, "if-range": etag }
        : {}),
    }),
    limit: file.size ?? MAX_SIZE,
    sink(response) {
      const resumed = response.status === 206 && resumesAt(response.headers, transfer.length);
      if (!resumed) {
        if (transfer.length > 0) onBytes?.(-transfer.length);
        transfer = createTransfer(file, Number(response.headers.get("content-length") ?? Number.NaN));
      }
      const tag = response.headers.get("etag");
      etag = tag?.startsWith('"') ? tag : undefined;
      return (chunk) => {
        transfer.add(chunk, file);
        onBytes?.(chunk.length);
        return true;
      };
    },
  });
  const bytes = transfer.bytes();
  verify(file, transfer.hash, undefined, bytes.length);
  return bytes;
}

function resumesAt(headers: Headers, length: number): boolean {
  return headers.get("content-range")?.startsWith(`bytes ${length}-`) === true;
}

interface Transfer {
  readonly length: number;
  hash: Hash;
  add(chunk: Uint8Array, file: DownloadableFile): void;
  bytes(): Uint8Array;
}

function createTransfer(file: DownloadableFile, announced = Number.NaN): Transfer {
  const expected = file.size ?? announced;
  const whole = expected > 0 && expected <= MAX_RESERVED ? new Uint8Array(expected) : undefined;
  const chunks: Uint8Array[] = [];
  const hash = createHash(file);
  let length = 0;
  return {
    get length() {
      return length;
    },
    hash,
    add(chunk) {
      if (length + chunk.length > (whole?.length ?? MAX_SIZE)) {
        throw new Failure("DXPY_ANSWER_TOO_LARGE", `${file.filename} is larger than the index says`, {
          context: { file: file.filename, url: withoutCredentials(file.url) },
        });
      }
      hash.update(chunk);
      if (whole === undefined) chunks.push(chunk);
      else whole.set(chunk, length);
      length += chunk.length;
    },
    bytes: () => whole?.subarray(0, length) ?? Buffer.concat(chunks),
  };
}

interface Hash {
  update(bytes: Uint8Array): void;
  /** The digest that was expected and the one that came out, in lower-case hex; nothing when none is known. */
  compare(): { algorithm: string; expected: string; actual: string } | undefined;
}

function createHash(file: DownloadableFile): Hash {
  const algorithm = ALGORITHMS.find((name) => file.hashes[name] !== undefined);
  if (algorithm === undefined) return { update: () => {}, compare: () => undefined };
  const hasher = new Bun.CryptoHasher(algorithm);
  const expected = file.hashes[algorithm]!.toLowerCase();
  return {
    update: (bytes) => void hasher.update(bytes),
    compare: () => ({ algorithm, expected, actual: hasher.digest("hex") }),
  };
}

function verify(
  file: DownloadableFile,
  hash: Hash,
  bytes: Uint8Array | undefined,
  length = bytes?.length ?? 0,
): void {
  if (bytes !== undefined) hash.update(bytes);
  const url = withoutCredentials(file.url);
  const result = hash.compare();
  if (result !== undefined && result.actual !== result.expected) {
    throw new Failure("DXPY_HASH_MISMATCH", `${file.filename} is not the file that was expected`, {
      context: {
        file: file.filename,
        url,
        detail: `expected ${result.algorithm} ${result.expected}\nreceived ${result.algorithm} ${result.actual} (${length} bytes)`,
      },
      hint: "The file was replaced on the index or changed on the way. Lock again only if you trust the new one.",
    });
  }
  if (result === undefined && file.size !== undefined && file.size !== length) {
    throw new Failure(
      "DXPY_HASH_MISMATCH",
      `${file.filename} has ${length} bytes, and ${file.size} were expected`,
      {
        context: { file: file.filename, url },
      },
    );
  }
}
