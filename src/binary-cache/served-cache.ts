/**
 * What `dx-py cache serve` answers: the files that were uploaded, and the store itself, whose packages are packed when they are
 * asked for the first time and kept. An upload enters only when it is what its name says.
 */
import { readFileSync, statSync } from "node:fs";
import { ensureDir, renameReplacing, uniqueName, writeFileAtomic } from "../platform/atomic-file.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { compressPackage, decompressToFile } from "../store/compressed-package.ts";
import { readDrvOut } from "../store/drv-out.ts";
import { packedSize } from "../store/pack.ts";
import type { Store } from "../store/store.ts";
import { indexPath } from "../store/store-level.ts";
import { verifyObject } from "../store/verify.ts";
import { hasHash, readDerivationBytes } from "./cached-derivations.ts";
import {
  infoText,
  LIMITS,
  type Mapping,
  mappingText,
  objectPath,
  parseEnvironment,
  parseInfo,
  parseMapping,
  pathKind,
} from "./protocol.ts";
import { referencesOf } from "./push.ts";
import { type SecretKey, signMapping, type TrustedKeys, verifyMapping } from "./signature.ts";

export interface ServedCacheOptions {
  store: Store;
  /** Where uploads and packed objects are kept. */
  folder: string;
  /** Signs the mappings of the store's own outputs. Absent: they are answered unsigned. */
  key?: SecretKey;
  /** Uploaded mappings must be signed by one of these, where there are any. */
  trusted: TrustedKeys;
  priority?: number;
}

export interface ServedCache {
  /** A file on the disk, bytes, or `undefined`: there is none. `only`: whether, not what (nothing is packed for that). */
  find(path: string, only?: boolean): Promise<Uint8Array | { file: string } | true | undefined>;
  /** Takes what was received in `file`. Returns what is wrong with it, or `undefined`. */
  accept(path: string, file: string): Promise<string | undefined>;
}

export function servedCache(options: ServedCacheOptions): ServedCache {
  const { store, folder, key } = options;
  const packing = new Map<string, Promise<void>>();
  const placeOf = (path: string) => `${folder}/${path}`;

  async function pack(outputHash: string, place: string): Promise<void> {
    const staging = createStaging(store.home);
    try {
      const file = `${staging}/packed.zst`;
      const { body } = await compressPackage(store, outputHash, file);
      ensureDir(place.slice(0, place.lastIndexOf("/")));
      if (body instanceof Uint8Array) writeFileAtomic(place, body);
      else renameReplacing(file, place);
    } finally {
      removeTree(staging);
    }
  }

  async function ownMapping(buildHash: string): Promise<Uint8Array | undefined> {
    for (const level of store.levels) {
      const outputHash = readDrvOut(level, buildHash);
      if (outputHash === undefined || !store.has(outputHash)) continue;
      const stored = store.open(outputHash);
      try {
        const references = referencesOf(store, buildHash);
        const unsigned = { format: 1 as const, buildHash, outputHash, size: packedSize(stored), references };
        const signatures = key === undefined ? [] : [await signMapping(unsigned, key)];
        return new TextEncoder().encode(mappingText({ ...unsigned, signatures }));
      } finally {
        stored.close();
      }
    }
    return undefined;
  }

  return {
    async find(path, only) {
      const asked = pathKind(path);
      if (asked === undefined) return undefined;
      const place = placeOf(path);
      if (isFile(place)) return { file: place };
      switch (asked.kind) {
        case "info": {
          const keys = key === undefined ? {} : { keys: [key.publicText] };
          const priority = options.priority === undefined ? {} : { priority: options.priority };
          return new TextEncoder().encode(infoText({ format: 1, package: 1, ...keys, ...priority }));
        }
        case "mapping":
          return await ownMapping(asked.hash);
        case "derivation":
          return await readDerivationBytes(store.levels, asked.hash);
        case "environment":
          return undefined;
        case "object": {
          if (!store.has(asked.hash)) return undefined;
          if (only) return true;
          const running =
            packing.get(asked.hash) ?? pack(asked.hash, place).finally(() => packing.delete(asked.hash));
          packing.set(asked.hash, running);
          await running;
          return { file: place };
        }
      }
    },
    async accept(path, file) {
      const asked = pathKind(path);
      if (asked === undefined) return "it is no path of the protocol";
      const place = placeOf(path);
      const problem = await problemOf(path, asked, file, options);
      if (problem !== undefined) return problem;
      ensureDir(place.slice(0, place.lastIndexOf("/")));
      const beside = `${place}.${uniqueName()}`;
      renameReplacing(file, beside);
      renameReplacing(beside, place);
      return undefined;
    },
  };
}

/** Everything is checked again here: the token says who may upload, not that he is right. */
async function problemOf(
  path: string,
  { kind, hash }: NonNullable<ReturnType<typeof pathKind>>,
  file: string,
  options: ServedCacheOptions,
): Promise<string | undefined> {
  try {
    switch (kind) {
      case "info":
        parseInfo(readFileSync(file), "the upload");
        return undefined;
      case "derivation":
        return (await hasHash(readFileSync(file), hash)) ? undefined : "its content is not that of its name";
      case "environment": {
        const { mappings } = parseEnvironment(readFileSync(file), hash, "the upload");
        for (const one of mappings) {
          const problem = await mappingProblem(one, options);
          if (problem !== undefined) return problem;
        }
        return undefined;
      }
      case "mapping": {
        const mapping = parseMapping(readFileSync(file), hash, "the upload");
        const problem = await mappingProblem(mapping, options);
        if (problem !== undefined) return problem;
        const known = knownMapping(`${options.folder}/${path}`, hash);
        if (known === undefined || known.outputHash === mapping.outputHash) return undefined;
        return "there is a mapping to another output already";
      }
      case "object":
        return await objectProblem(hash, file, options);
    }
  } catch (error) {
    return (error as Error).message;
  }
}

async function mappingProblem(mapping: Mapping, { store, folder, trusted }: ServedCacheOptions) {
  if (trusted.size > 0) {
    const answer = await verifyMapping(mapping, trusted);
    if (answer === "wrong") return "a signature is wrong";
    if (answer === "unknown") return "it is not signed by a key that this cache trusts";
  }
  const there = isFile(`${folder}/${objectPath(mapping.outputHash)}`) || store.has(mapping.outputHash);
  return there ? undefined : "its object is not here: upload that first";
}

function knownMapping(place: string, hash: string): Mapping | undefined {
  return isFile(place) ? parseMapping(readFileSync(place), hash, "the cache") : undefined;
}

/** Unpacked into a store folder of its own, looked at to the last file, then thrown away. */
async function objectProblem(hash: string, file: string, { store }: ServedCacheOptions) {
  const staging = createStaging(store.home);
  try {
    const place = indexPath(staging, hash);
    ensureDir(place.slice(0, place.lastIndexOf("/")));
    // Nobody has said yet how large it is: packages shrink to a fifth or so, never to a thousandth.
    const limit = Math.min(LIMITS.object, 64 * 1024 * 1024 + 200 * statSync(file).size);
    await decompressToFile(file, place, limit, "the upload");
    const { ok, faults } = await verifyObject(staging, hash);
    return ok ? undefined : (faults[0] ?? "it is damaged");
  } finally {
    removeTree(staging);
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
