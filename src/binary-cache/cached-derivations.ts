/** The derivations in a cache: provenance of what it gives. They are named by their own content, so anybody may keep them. */
import { readFileSync, statSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import { loadBulkBlake3 } from "../platform/blake3.ts";
import type { Store } from "../store/store.ts";
import { type CacheBackend, readBytes } from "./backend.ts";
import { badAnswer, derivationPath, LIMITS, type References } from "./protocol.ts";

/** Texts of derivations that came with an environment, by their build hash. */
export type KnownTexts = ReadonlyMap<string, Uint8Array>;

/** Each under the hash that it has: a text that nobody asks for by its hash does nothing. */
export async function textsByHash(texts: readonly string[]): Promise<KnownTexts> {
  if (texts.length === 0) return new Map();
  const blake3 = await loadBulkBlake3();
  const encoded = texts.map((text) => new TextEncoder().encode(text));
  return new Map(encoded.map((bytes) => [Buffer.from(blake3.hash(bytes)).toString("hex"), bytes]));
}

/**
 * Brings what an object was made from into the store. What a cache does not have is not missed (an object is no worse without
 * its history); what it has and is not what its name says is a Failure `DXPY_BAD_CACHE_ANSWER`.
 */
export async function pullDerivations(
  backend: CacheBackend,
  references: References,
  store: Pick<Store, "root">,
  known: KnownTexts,
): Promise<void> {
  const wanted = [references.build, references.fetch].filter((hash) => hash !== undefined);
  await Promise.all(wanted.map((hash) => pullDerivation(backend, hash, store, known.get(hash))));
}

async function pullDerivation(
  backend: CacheBackend,
  hash: string,
  { root }: Pick<Store, "root">,
  known: Uint8Array | undefined,
): Promise<void> {
  const path = derivationPath(hash);
  if (statSync(`${root}/${path}`, { throwIfNoEntry: false }) !== undefined) return;
  const bytes = known ?? (await readBytes(backend, path, LIMITS.derivation));
  if (bytes === undefined) return;
  if (known === undefined && !(await hasHash(bytes, hash)))
    throw badAnswer(backend.name, path, "its content is not that of its name");
  ensureDir(`${root}/drv`);
  writeFileAtomic(`${root}/${path}`, bytes, { mode: 0o444 });
}

/** The text of a derivation in one of these store folders, when it is whole. */
export async function readDerivationBytes(
  levels: readonly string[],
  hash: string,
): Promise<Uint8Array | undefined> {
  for (const level of levels) {
    try {
      const bytes = readFileSync(`${level}/${derivationPath(hash)}`);
      if (bytes.length <= LIMITS.derivation && (await hasHash(bytes, hash))) return bytes;
    } catch {
      // The next level may have it.
    }
  }
  return undefined;
}

export async function hasHash(bytes: Uint8Array, hash: string): Promise<boolean> {
  return Buffer.from((await loadBulkBlake3()).hash(bytes)).toString("hex") === hash;
}
