/**
 * A substituter is a place that may have the output of a derivation ready: a binary cache. They are asked after the
 * local stores and before anything is built (DESIGN "Realise"); the chain is empty where none is configured.
 */
import type { Store } from "../store/store.ts";

export interface Substituter {
  /** For messages: the cache's name or URL without credentials. */
  readonly name: string;
  /**
   * Puts the output of `buildHash` into the store and returns its output hash, with what `drv-out` shall say about it;
   * `undefined` when it does not have it. It verifies what it gets; a cache that cannot be reached or lies throws a
   * Failure. `pinned`: the one output that is wanted, for which a lock vouches.
   */
  substitute(buildHash: string, store: Store, pinned?: string): Promise<string | Substituted | undefined>;
  /**
   * Told before it is asked for the packages of one environment: all of them, and those that are missing here. A Failure
   * is a warning.
   */
  prepare?(closure: readonly string[], missing: readonly string[]): Promise<void>;
  /** Told once for each `prepare`, when nothing more is asked: gives back threads and connections. */
  rest?(): Promise<void>;
}

export interface Substituted {
  outputHash: string;
  /** Lines for `drv-out`. */
  notes: Readonly<Record<string, string>>;
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
  pinned?: string,
): Promise<Substituted | undefined> {
  for (const substituter of chain) {
    try {
      const answer = await substituter.substitute(buildHash, store, pinned);
      if (typeof answer === "string") return { outputHash: answer, notes: { substituted: "yes" } };
      if (answer !== undefined) return answer;
    } catch (error) {
      warn(passedOver(substituter, error));
    }
  }
  return undefined;
}

/** Runs `action` between the `prepare` and the `rest` of every substituter of the chain. */
export async function withSubstituters<T>(
  chain: SubstituterChain,
  closure: readonly string[],
  missing: readonly string[],
  warn: (message: string) => void,
  action: () => Promise<T>,
): Promise<T> {
  try {
    await Promise.all(
      chain.map((one) =>
        one.prepare?.(closure, missing).catch((error: unknown) => warn(passedOver(one, error))),
      ),
    );
    return await action();
  } finally {
    await Promise.all(chain.map((one) => one.rest?.()));
  }
}

function passedOver({ name }: Substituter, error: unknown): string {
  return `The binary cache ${name} was passed over: ${(error as Error).message}`;
}
