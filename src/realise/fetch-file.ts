/**
 * Fetching gets the bytes of a locked file: from where the lock says it was, or, where that is gone, from whichever
 * configured index has a file of the same name and hashes.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { LockedFile } from "../lock/lock-model.ts";
import type { PackageIndex } from "../package-index/client.ts";
import { Failure } from "../platform/errors.ts";
import { sha256Hex } from "../platform/sha256.ts";
import { withoutCredentials } from "../standards/url-credentials.ts";
import type { FetchDerivation } from "./derivation.ts";
import type { RealiseContext } from "./realise-context.ts";

export interface FetchedFile {
  bytes: Uint8Array;
  derivation: FetchDerivation;
}

/** Origins that did not answer: their other files are looked for elsewhere at once. Lives as long as the process. */
const silentOrigins = new Set<string>();

/**
 * Failures: DXPY_HASH_MISMATCH, DXPY_NO_SOURCE (a local file is gone), DXPY_NO_FILE (the lock says neither where nor what),
 * and those of the index.
 */
export async function fetchFile(
  project: string,
  file: LockedFile,
  context: RealiseContext,
  onBytes?: (count: number) => void,
): Promise<FetchedFile> {
  if (file.path !== undefined) return readLocal(file, file.path, context);
  const index = await context.index();
  const [bytes, url] = await download(project, file, index, onBytes);
  // The index verified it while it streamed: hashing a hundred megabytes again would cost a tenth of a second.
  const sha256 = file.hashes["sha256"] ?? sha256Hex(bytes);
  return { bytes, derivation: fetchDerivation(file.name, sha256, url) };
}

async function download(
  project: string,
  file: LockedFile,
  index: PackageIndex,
  onBytes: ((count: number) => void) | undefined,
): Promise<[Uint8Array, string]> {
  const from = async (url: string): Promise<[Uint8Array, string]> => {
    const wanted = {
      url,
      filename: file.name,
      hashes: file.hashes,
      ...(file.size === undefined ? {} : { size: file.size }),
    };
    return [await index.download(wanted, onBytes === undefined ? {} : { onBytes }), url];
  };
  let failure: unknown;
  if (file.url !== undefined && !silentOrigins.has(originOf(file.url))) {
    try {
      return await from(file.url);
    } catch (error) {
      failure = error;
      const code = error instanceof Failure ? error.code : undefined;
      // The right file is not elsewhere when this one is wrong; offline, the cache was asked already.
      if (code === undefined || code === "DXPY_HASH_MISMATCH") throw error;
      // One that answered, with whatever status, has a cause no deeper than that; one that did not has the network's error.
      const silent = code === "DXPY_INDEX_UNREACHABLE" && (error as Failure).cause !== undefined;
      if (silent && !file.url.startsWith("file:")) silentOrigins.add(originOf(file.url));
    }
  }
  // Only a hash says that a file of the same name elsewhere is the one that is meant, and not somebody else's.
  const known = Object.keys(file.hashes).length > 0;
  const other = known
    ? await index.findFile(project, file.name, file.hashes).catch(() => undefined)
    : undefined;
  if (other !== undefined && other.url !== file.url) return await from(other.url);
  if (file.url !== undefined && failure === undefined) return await from(file.url);
  throw (
    failure ??
    new Failure("DXPY_NO_FILE", `No configured index has ${file.name} with the locked hashes`, {
      context: { package: project, file: file.name },
      hint: "Configure the index that the lock was made with, or lock again.",
    })
  );
}

function readLocal(file: LockedFile, path: string, context: RealiseContext): FetchedFile {
  const full = absolutePath(path, context.projectDir);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(full);
  } catch (cause) {
    throw new Failure("DXPY_NO_SOURCE", `The file ${file.name} that the lock names cannot be read`, {
      context: { path: full },
      cause,
    });
  }
  checkHashes(file, bytes, full);
  return { bytes, derivation: fetchDerivation(file.name, sha256Hex(bytes), Bun.pathToFileURL(full).href) };
}

/** Every hash of the lock that can be computed here must be the file's. */
function checkHashes(file: LockedFile, bytes: Uint8Array, path: string): void {
  for (const [algorithm, wanted] of Object.entries(file.hashes)) {
    if (!/^(sha(224|256|384|512)|md5|sha1)$/.test(algorithm)) continue;
    const found = new Bun.CryptoHasher(algorithm as "sha256").update(bytes).digest("hex");
    if (found === wanted) continue;
    throw new Failure("DXPY_HASH_MISMATCH", `${file.name} is not the file that was locked`, {
      context: {
        path,
        file: file.name,
        detail: `locked  ${algorithm}:${wanted}\nfound   ${algorithm}:${found}`,
      },
      hint: "Lock again if the change is meant.",
    });
  }
}

/** `path` of a lock, which is relative to the project's folder, with `/`. */
export function absolutePath(path: string, projectDir: string): string {
  const absolute = path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path);
  return absolute ? path : resolve(projectDir, path);
}

export function fetchDerivation(filename: string, sha256: string, url: string): FetchDerivation {
  return { format: 1, kind: "fetch", filename, sha256, url: withoutCredentials(url) };
}

function originOf(url: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(url)?.[0] ?? url;
}
