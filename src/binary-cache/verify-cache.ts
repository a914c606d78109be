/** Looks through a cache as a reader who believes nothing: each mapping, its signature, its object to the last file. */
import { readdirSync } from "node:fs";
import { type Home, homeFolders } from "../platform/home.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { removeObjects } from "../store/collect.ts";
import { openStore } from "../store/store.ts";
import { type CacheBackend, readBytes } from "./backend.ts";
import { createCacheSubstituter } from "./cache-substituter.ts";
import { INFO_PATH, LIMITS, mappingPath, parseInfo, parseMapping } from "./protocol.ts";
import { type TrustedKeys, verifyMapping } from "./signature.ts";

export interface CheckedMapping {
  buildHash: string;
  /** `missing`: the cache has no mapping. */
  state: "good" | "missing" | "untrusted" | "bad";
  signer?: string;
  problem?: string;
}

export interface VerifyCacheOptions {
  backend: CacheBackend;
  trusted: TrustedKeys;
  buildHashes: readonly string[];
  home: Home;
  onChecked?: (checked: CheckedMapping, done: number) => void;
}

/** Failures of the backend, and `DXPY_BAD_CACHE_ANSWER` where it is no cache at all; what is wrong in it is in the results. */
export async function verifyCache(options: VerifyCacheOptions): Promise<CheckedMapping[]> {
  const { backend, buildHashes } = options;
  const info = await readBytes(backend, INFO_PATH, LIMITS.info);
  if (info !== undefined) parseInfo(info, backend.name);
  const staging = createStaging(options.home);
  const home = homeFolders({ DX_PY_HOME: `${staging}/home` });
  const results: CheckedMapping[] = [];
  const waiting = [...buildHashes];
  const lane = async () => {
    for (let hash = waiting.pop(); hash !== undefined; hash = waiting.pop()) {
      const checked = await checkMapping(hash, home, options);
      results.push(checked);
      options.onChecked?.(checked, results.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: 8 }, lane));
    return results.sort((a, b) => (a.buildHash < b.buildHash ? -1 : 1));
  } finally {
    removeTree(staging);
  }
}

async function checkMapping(
  buildHash: string,
  home: Home,
  { backend, trusted }: VerifyCacheOptions,
): Promise<CheckedMapping> {
  try {
    const bytes = await readBytes(backend, mappingPath(buildHash), LIMITS.mapping);
    if (bytes === undefined) return { buildHash, state: "missing" };
    const mapping = parseMapping(bytes, buildHash, backend.name);
    const answer = await verifyMapping(mapping, trusted);
    if (answer === "wrong") return { buildHash, state: "bad", problem: "its signature is wrong" };
    // The content is looked at whoever signed: it must be what the mapping says.
    const store = openStore(home);
    const { outputHash } = mapping;
    const substituter = createCacheSubstituter({
      backend,
      trusted: new Map(),
      warn: () => {},
      workers: 1,
    });
    await substituter.prepare([], []);
    try {
      await substituter.substitute(buildHash, store, outputHash);
    } finally {
      await substituter.rest();
    }
    await removeObjects(home, [outputHash]);
    if (answer === "unknown") return { buildHash, state: "untrusted" };
    return { buildHash, state: "good", signer: answer.signer };
  } catch (error) {
    return { buildHash, state: "bad", problem: (error as Error).message };
  }
}

/** Every mapping of a cache that is a folder; `undefined` for others, which are never listed. */
export function listFolder(backend: CacheBackend): string[] | undefined {
  if (!backend.local) return undefined;
  try {
    const folder = Bun.fileURLToPath(backend.name);
    return readdirSync(`${folder}/drv-out`).filter((name) => /^[0-9a-f]{64}$/.test(name));
  } catch {
    return [];
  }
}
