/**
 * Fills a cache from a store: only what is missing, several at once, object first and mapping last, so that a push that was
 * interrupted is simply begun again. Each thing is asked for by its name; the cache is never listed.
 */
import { Failure } from "../platform/errors.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { compressPackage } from "../store/compressed-package.ts";
import { readDrvOutNotes } from "../store/drv-out.ts";
import { packedSize } from "../store/pack.ts";
import type { Store } from "../store/store.ts";
import { type CacheBackend, readBytes } from "./backend.ts";
import { readDerivationBytes } from "./cached-derivations.ts";
import {
  closureKey,
  derivationPath,
  environmentPath,
  environmentText,
  INFO_PATH,
  infoText,
  LIMITS,
  type Mapping,
  mappingPath,
  mappingText,
  objectPath,
  parseInfo,
  parseMapping,
  type References,
} from "./protocol.ts";
import { type SecretKey, signMapping } from "./signature.ts";

export interface PushOptions {
  store: Store;
  backend: CacheBackend;
  /** What to push: build hashes of `package` derivations with their outputs, which are in the store. */
  packages: readonly { buildHash: string; outputHash: string }[];
  /** Environments to name: the build hashes of each; all of them are among `packages`. */
  closures?: readonly (readonly string[])[];
  /** Absent: mappings go unsigned, and count only for those who know the outputs already. */
  key?: SecretKey;
  /** At once. Default 8. */
  lanes?: number;
  onPushed?: (pushed: { name: string; bytes: number; done: number; total: number }) => void;
  warn: (message: string) => void;
}

export interface PushOutcome {
  /** Packages of which something was missing in the cache, and those that it had whole. */
  pushed: number;
  present: number;
  /** Compressed bytes of objects. */
  bytes: number;
  objects: number;
  environments: number;
  requests: number;
}

/** Failures: those of the backend, of `store.open`, and `DXPY_CACHE_CONFLICT`. */
export async function pushPackages(options: PushOptions): Promise<PushOutcome> {
  const { backend, packages } = options;
  const before = backend.stats.requests;
  const outcome: PushOutcome = {
    pushed: 0,
    present: 0,
    bytes: 0,
    objects: 0,
    environments: 0,
    requests: 0,
  };
  await ensureInfo(options);
  const mappings = new Map<string, Mapping>();
  const waiting = [...new Map(packages.map((one) => [one.buildHash, one])).values()];
  const total = waiting.length;
  let failure: { error: unknown } | undefined;
  const lane = async () => {
    for (let next = waiting.pop(); next !== undefined && failure === undefined; next = waiting.pop()) {
      try {
        const { mapping, bytes, objects, name } = await pushPackage(next, options);
        if (mapping !== undefined) mappings.set(next.buildHash, mapping);
        if (bytes === undefined) outcome.present += 1;
        else outcome.pushed += 1;
        outcome.bytes += bytes ?? 0;
        outcome.objects += objects;
        const done = outcome.present + outcome.pushed;
        options.onPushed?.({ name, bytes: bytes ?? 0, done, total });
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.lanes ?? 8, total) }, lane));
  if (failure !== undefined) throw failure.error;
  for (const closure of options.closures ?? []) {
    if (await pushEnvironment(closure, mappings, options)) outcome.environments += 1;
  }
  outcome.requests = backend.stats.requests - before;
  return outcome;
}

async function ensureInfo({ backend, key }: PushOptions): Promise<void> {
  backend.create?.();
  const bytes = await readBytes(backend, INFO_PATH, LIMITS.info);
  if (bytes !== undefined) {
    // Somebody else's format must not be mixed with ours.
    parseInfo(bytes, backend.name);
    return;
  }
  const keys = key === undefined ? {} : { keys: [key.publicText] };
  await backend.write(INFO_PATH, encode(infoText({ format: 1, package: 1, ...keys })));
}

interface Pushed {
  name: string;
  mapping: Mapping | undefined;
  /** `undefined`: all was there. */
  bytes: number | undefined;
  objects: number;
}

async function pushPackage(
  { buildHash, outputHash }: { buildHash: string; outputHash: string },
  options: PushOptions,
): Promise<Pushed> {
  const { store, backend, key } = options;
  const object = store.readPackageObject(outputHash);
  const name = `${object.name} ${object.version}`;
  const there = await readBytes(backend, mappingPath(buildHash), LIMITS.mapping);
  const known = there === undefined ? undefined : parseMapping(there, buildHash, backend.name);
  if (known !== undefined && known.outputHash !== outputHash) {
    // Two builds of one thing that came out differently: whoever came first is what others have already.
    options.warn(`${name}: ${backend.name} has another output of this build; it is kept`);
    return { name, mapping: known, bytes: undefined, objects: 0 };
  }
  if (known?.signatures.some((signature) => signature.key === key?.name) || (known && key === undefined)) {
    return { name, mapping: known, bytes: undefined, objects: 0 };
  }
  const { size, bytes, objects } = await pushObject(outputHash, options);
  const references = referencesOf(store, buildHash);
  const hashes = [buildHash, references.build, references.fetch].filter((hash) => hash !== undefined);
  await Promise.all(hashes.map((hash) => pushDerivation(hash, options)));
  const unsigned = {
    format: 1 as const,
    buildHash,
    outputHash,
    size,
    references: known?.references ?? references,
  };
  const own = key === undefined ? [] : [await signMapping(unsigned, key)];
  const signatures = [...(known?.signatures ?? []), ...own].slice(-LIMITS.signatures);
  const mapping: Mapping = { ...unsigned, signatures };
  await backend.write(mappingPath(buildHash), encode(mappingText(mapping)));
  return { name, mapping, bytes, objects };
}

async function pushObject(outputHash: string, { store, backend }: PushOptions) {
  const path = objectPath(outputHash);
  if (await backend.has(path)) {
    const stored = store.open(outputHash);
    try {
      return { size: packedSize(stored), bytes: 0, objects: 0 };
    } finally {
      stored.close();
    }
  }
  // A damaged object would be found out by everybody who pulls it; here is the one who can mend it.
  const verified = await store.verify(outputHash);
  if (!verified.ok) {
    throw new Failure("DXPY_DAMAGED_PACKAGE", `${outputHash} in the store is damaged and is not pushed`, {
      hint: "Run `dx-py store verify --repair`, then push again.",
    });
  }
  const staging = createStaging(store.home);
  try {
    const { size, body } = await compressPackage(store, outputHash, `${staging}/packed.zst`);
    await backend.write(path, body);
    return { size, bytes: body instanceof Uint8Array ? body.length : body.size, objects: 1 };
  } finally {
    removeTree(staging);
  }
}

/** What `drv-out` says of where the output came from. */
export function referencesOf(store: Pick<Store, "levels">, buildHash: string): References {
  for (const level of store.levels) {
    const notes = readDrvOutNotes(level, buildHash)?.notes;
    if (notes === undefined) continue;
    const { build, fetch } = notes;
    const sound = (hash: string | undefined) => hash !== undefined && /^[0-9a-f]{64}$/.test(hash);
    return { ...(sound(build) ? { build: build! } : {}), ...(sound(fetch) ? { fetch: fetch! } : {}) };
  }
  return {};
}

async function pushDerivation(hash: string, { store, backend }: PushOptions): Promise<void> {
  const bytes = await readDerivationBytes(store.levels, hash);
  if (bytes === undefined || (await backend.has(derivationPath(hash)))) return;
  await backend.write(derivationPath(hash), bytes);
}

/** False when the cache has it already, or not every package of it could be mapped. */
async function pushEnvironment(
  closure: readonly string[],
  mappings: ReadonlyMap<string, Mapping>,
  { backend, store }: PushOptions,
): Promise<boolean> {
  const named = [...new Set(closure)].flatMap((hash) => mappings.get(hash) ?? []);
  if (named.length === 0 || named.length < new Set(closure).size) return false;
  const path = environmentPath(closureKey(closure));
  const texts = await Promise.all(
    named.map(async ({ references: { fetch } }) =>
      fetch === undefined ? undefined : await readDerivationBytes(store.levels, fetch),
    ),
  );
  const fetches = texts.filter((one) => one !== undefined).map((one) => new TextDecoder().decode(one));
  const bytes = encode(environmentText({ format: 1, mappings: named, fetches: [...new Set(fetches)] }));
  const there = await readBytes(backend, path, LIMITS.environment);
  if (there !== undefined && Buffer.compare(there, bytes) === 0) return false;
  await backend.write(path, bytes);
  return true;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
