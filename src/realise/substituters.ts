/**
 * A substituter is a place that may have the output of a derivation ready: a binary cache. They are asked after the
 * local stores and before anything is built (DESIGN "Realise"); the chain is empty where none is configured.
 */
import type { Store } from "../store/store.ts";

export interface Substituter {
  /** For messages: the cache's name or URL without credentials. */
  readonly name: string;
  /**
   * Puts the output of `buildHash` into the store and returns its output hash; `undefined` when it does not have it.
   * It verifies what it gets; a cache that cannot be reached or lies throws a Failure.
   */
  substitute(buildHash: string, store: Store): Promise<string | undefined>;
}

export type SubstituterChain = readonly Substituter[];

/**
 * The first substituter's answer. One that fails is passed over with a warning: a cache saves time, and what it does
 * not give is built.
 */
export async function substitute(
  chain: SubstituterChain,
  buildHash: string,
  store: Store,
  warn: (message: string) => void,
): Promise<string | undefined> {
  for (const substituter of chain) {
    try {
      const outputHash = await substituter.substitute(buildHash, store);
      if (outputHash !== undefined) return outputHash;
    } catch (error) {
      warn(`The binary cache ${substituter.name} was passed over: ${(error as Error).message}`);
    }
  }
  return undefined;
}
