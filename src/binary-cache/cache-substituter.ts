/**
 * A binary cache as a substituter (requirement V5): from a build hash to an object in the store. A mapping counts only with
 * a signature by a trusted key, or when the output is known already; a content only when it has the output hash. A cache
 * that fails once is left alone until the end of the run.
 */
import { Failure } from "../platform/errors.ts";
import { readDrvOut } from "../store/drv-out.ts";
import type { Store } from "../store/store.ts";
import type { CacheBackend } from "./backend.ts";
import { readBytes } from "./backend.ts";
import { type KnownTexts, pullDerivations, textsByHash } from "./cached-derivations.ts";
import {
  badAnswer,
  closureKey,
  environmentPath,
  LIMITS,
  type Mapping,
  mappingPath,
  parseEnvironment,
  parseMapping,
} from "./protocol.ts";
import { createObjectPuller, type ObjectPuller } from "./pull-object.ts";
import { type TrustedKeys, verifyMapping } from "./signature.ts";
import { createTransferGate } from "./transfer-gate.ts";

export interface CacheSubstituterOptions {
  backend: CacheBackend;
  trusted: TrustedKeys;
  /** Told once that mappings are not signed by a key that is trusted, and of each that is not what a lock pins. */
  warn: (message: string) => void;
  /** Threads that unpack. */
  workers?: number;
}

export interface Substituted {
  outputHash: string;
  /** For `drv-out`: the cache, the signer, the derivations that it came from. */
  notes: Readonly<Record<string, string>>;
}

/** A `Substituter` of realise/. */
export interface CacheSubstituter {
  readonly name: string;
  /** `pinned`: the output that a lock vouches for: no other is taken, and that one needs no signature. */
  substitute(buildHash: string, store: Store, pinned?: string): Promise<Substituted | undefined>;
  /** Asks for a whole environment in one request, where enough of it is missing to be worth it. */
  prepare(closure: readonly string[], missing: readonly string[]): Promise<void>;
  /** Gives back threads. */
  rest(): Promise<void>;
}

const PLACES = 32;
/** Bytes of compressed and unpacked packages that may be in memory at once. */
const MEMORY = 384 * 1024 * 1024;
/** Fewer missing packages than this are asked for one by one. */
const WORTH_AN_ENVIRONMENT = 3;

export function createCacheSubstituter(options: CacheSubstituterOptions): CacheSubstituter {
  const { backend, trusted } = options;
  const { name } = backend;
  const known = new Map<string, Mapping>();
  let fetches: KnownTexts = new Map();
  const gate = createTransferGate(PLACES, MEMORY);
  const pullers = new Map<string, ObjectPuller>();
  let failed = false;
  let toldUntrusted = false;
  let users = 0;
  /** Packages that are missing and that the cache says it has. */
  let expected = 0;

  async function mappingFor(buildHash: string): Promise<Mapping | undefined> {
    const found = known.get(buildHash);
    if (found !== undefined) return found;
    const bytes = await gate.run(0, () => readBytes(backend, mappingPath(buildHash), LIMITS.mapping));
    return bytes === undefined ? undefined : parseMapping(bytes, buildHash, name);
  }

  /** Who vouches for the mapping; `undefined`: nobody whom we trust. */
  async function voucher(mapping: Mapping, store: Store, pinned?: string): Promise<string | undefined> {
    if (pinned === mapping.outputHash) return "pinned";
    if (pinned !== undefined) {
      options.warn(unlikePinnedText(name, mapping, pinned));
      return undefined;
    }
    if (knownOutput(mapping.buildHash, store) === mapping.outputHash) return "pinned";
    const answer = await verifyMapping(mapping, trusted);
    if (answer === "wrong") {
      throw badAnswer(name, mappingPath(mapping.buildHash), "its signature is not by the key that it names");
    }
    if (answer !== "unknown") return answer.signer;
    if (!toldUntrusted) {
      toldUntrusted = true;
      options.warn(untrustedText(name, mapping));
    }
    return undefined;
  }

  async function attempt(buildHash: string, store: Store, pinned?: string): Promise<Substituted | undefined> {
    const mapping = await mappingFor(buildHash);
    if (mapping === undefined || failed) return undefined;
    const signer = await voucher(mapping, store, pinned);
    if (signer === undefined) return undefined;
    let puller = pullers.get(store.root);
    if (puller === undefined) {
      const stopped = () => failed;
      puller = createObjectPuller({ backend, store, gate, stopped, expected, ...workersOf(options) });
      pullers.set(store.root, puller);
    }
    const [pulled] = await Promise.all([
      puller.pull(mapping),
      pullDerivations(backend, mapping.references, store, fetches),
    ]);
    if (!pulled) return undefined;
    const { build, fetch } = mapping.references;
    return {
      outputHash: mapping.outputHash,
      notes: {
        substituted: "yes",
        cache: name,
        signer,
        ...(build === undefined ? {} : { build }),
        ...(fetch === undefined ? {} : { fetch }),
      },
    };
  }

  return {
    name,
    async substitute(buildHash, store, pinned) {
      if (failed) return undefined;
      try {
        return await attempt(buildHash, store, pinned);
      } catch (error) {
        // One warning for each cache: what else is under way there fails for the same reason.
        if (failed) return undefined;
        failed = true;
        throw plain(error, name);
      }
    },
    async prepare(closure, missing) {
      users += 1;
      if (failed || missing.length < WORTH_AN_ENVIRONMENT) return;
      const key = closureKey(closure);
      const bytes = await readBytes(backend, environmentPath(key), LIMITS.environment).catch((error) => {
        failed = true;
        throw plain(error, name);
      });
      if (bytes === undefined) return;
      try {
        const environment = parseEnvironment(bytes, key, name);
        for (const one of environment.mappings) known.set(one.buildHash, one);
        expected = missing.length;
        fetches = await textsByHash(environment.fetches ?? []);
      } catch (error) {
        failed = true;
        throw error;
      }
    },
    async rest() {
      users -= 1;
      if (users > 0) return;
      const idle = [...pullers.values()];
      pullers.clear();
      await Promise.all(idle.map((puller) => puller.close()));
    },
  };
}

/** A derivation that was realised here before and collected since: what it gives is known without anybody's word. */
function knownOutput(buildHash: string, store: Store): string | undefined {
  for (const level of store.levels) {
    const output = readDrvOut(level, buildHash);
    if (output !== undefined) return output;
  }
  return undefined;
}

function unlikePinnedText(name: string, { buildHash, outputHash }: Mapping, pinned: string): string {
  const [asked, given, wanted] = [buildHash, outputHash, pinned].map((hash) => hash.slice(0, 12));
  return `The binary cache ${name} has the output ${given} for ${asked}, where the lock pins ${wanted}: it is not taken`;
}

function untrustedText(name: string, mapping: Mapping): string {
  const keys = [...new Set(mapping.signatures.map(({ key }) => key))];
  const by = keys.length === 0 ? "are not signed" : `are signed by ${keys.slice(0, 3).join(", ")}`;
  return `The binary cache ${name} is not trusted: its answers ${by}, and no key of that name is in \`trusted-keys\``;
}

function workersOf({ workers }: CacheSubstituterOptions): { workers?: number } {
  return workers === undefined ? {} : { workers };
}

function plain(error: unknown, name: string): unknown {
  if (error instanceof Failure || !(error instanceof RangeError || error instanceof TypeError)) return error;
  return badAnswer(name, "what was asked", error.message, error);
}
