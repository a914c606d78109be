/**
 * The binary cache protocol: where things lie in a cache, and what its small files say (docs/formats/binary-cache.md).
 * A cache may be run by anybody: whatever is read here is checked to the last member before it is used.
 */
import { blake3Hex } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import { checkHash } from "../store/store-level.ts";

/** `dx-cache-info`: that this is a cache, and of which format. */
export interface CacheInfo {
  format: 1;
  /** Version of the `.dxpkg` format of its objects. */
  package: 1;
  /** Lower is asked first, where the settings say nothing. Default 50. */
  priority?: number;
  /** Public keys, `name:base64`, that it says it signs with: for people; trusting one is the reader's decision. */
  keys?: string[];
}

/** `drv-out/<build-hash>`: what a derivation produced, as somebody vouches for it. */
export interface Mapping {
  format: 1;
  buildHash: string;
  outputHash: string;
  /** Bytes of the packed `.dxpkg`, before compression. */
  size: number;
  /** Build hashes of the derivations that it came from. */
  references: References;
  signatures: Signature[];
}

export interface References {
  build?: string;
  fetch?: string;
}

export interface Signature {
  /** Name of the key. */
  key: string;
  /** Base64 of 64 bytes. */
  signature: string;
}

/** `env/<closure-key>`: the mappings of all packages of an environment in one answer. */
export interface CachedEnvironment {
  format: 1;
  mappings: Mapping[];
  /** Texts of the `fetch` derivations that the mappings refer to: so that they cost no requests of their own. */
  fetches?: string[];
}

export const INFO_PATH = "dx-cache-info";
export const KEY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Bytes, except where the name says otherwise. */
export const LIMITS = {
  info: 64 * 1024,
  mapping: 16 * 1024,
  environment: 32 * 1024 * 1024,
  environmentMappings: 20_000,
  derivation: 16 * 1024 * 1024,
  /** A `fetch` derivation within an environment. */
  fetch: 64 * 1024,
  signatures: 16,
  /** The packed form of one package. */
  object: 32 * 1024 ** 3,
} as const;

export function mappingPath(buildHash: string): string {
  return `drv-out/${checkHash(buildHash)}`;
}
export function derivationPath(buildHash: string): string {
  return `drv/${checkHash(buildHash)}.drv`;
}
export function objectPath(outputHash: string): string {
  checkHash(outputHash);
  return `store/${outputHash.slice(0, 2)}/${outputHash.slice(2, 4)}/${outputHash}.dxpkg.zst`;
}
export function environmentPath(closureKey: string): string {
  return `env/${checkHash(closureKey)}`;
}

/** What a path of the protocol is; `undefined` for any other path. */
export function pathKind(
  path: string,
): { kind: "info" | "mapping" | "derivation" | "object" | "environment"; hash: string } | undefined {
  if (path === INFO_PATH) return { kind: "info", hash: "" };
  const object = /^store\/([0-9a-f]{2})\/([0-9a-f]{2})\/([0-9a-f]{64})\.dxpkg\.zst$/.exec(path);
  if (object !== null) {
    const [, first = "", second = "", hash = ""] = object;
    return hash.startsWith(first + second) ? { kind: "object", hash } : undefined;
  }
  const other = /^(drv-out|env|drv)\/([0-9a-f]{64})(\.drv)?$/.exec(path);
  if (other === null || (other[1] === "drv") !== (other[3] !== undefined)) return undefined;
  const kind = other[1] === "drv-out" ? "mapping" : other[1] === "env" ? "environment" : "derivation";
  return { kind, hash: other[2] as string };
}

/** The name of an environment: BLAKE3 over the build hashes of its packages, sorted, each once. */
export function closureKey(buildHashes: Iterable<string>): string {
  const packages = [...new Set(buildHashes)].map(checkHash).sort();
  return blake3Hex(JSON.stringify({ format: 1, kind: "closure", packages }));
}

/** The most that the compressed form of so many bytes can take: anything longer is not what it says. */
export function compressedLimit(size: number): number {
  return size + Math.ceil(size / 128) + 1024;
}

/** What is signed: the mapping without its signatures, behind words that no other signed text begins with. */
export function signedText(mapping: Omit<Mapping, "signatures">): Uint8Array {
  return new TextEncoder().encode(`dx-py binary cache mapping\n${JSON.stringify(canonical(mapping))}`);
}

/** Members in the order of RFC 8785; all values are strings of ASCII and safe integers, which it writes as JSON does. */
function canonical({ buildHash, format, outputHash, references, size }: Omit<Mapping, "signatures">) {
  const { build, fetch } = references;
  return {
    buildHash,
    format,
    outputHash,
    references: { ...(build === undefined ? {} : { build }), ...(fetch === undefined ? {} : { fetch }) },
    size,
  };
}

function canonicalMapping(mapping: Mapping) {
  const { size, ...before } = canonical(mapping);
  const signatures = mapping.signatures.map(({ key, signature }) => ({ key, signature }));
  return { ...before, signatures, size };
}

export function mappingText(mapping: Mapping): string {
  return JSON.stringify(canonicalMapping(mapping));
}

export function environmentText({ mappings, fetches = [] }: CachedEnvironment): string {
  const sorted = [...mappings].sort((a, b) => (a.buildHash < b.buildHash ? -1 : 1));
  return JSON.stringify({
    ...(fetches.length === 0 ? {} : { fetches: [...fetches].sort() }),
    format: 1,
    mappings: sorted.map(canonicalMapping),
  });
}

export function infoText(info: CacheInfo): string {
  const { format, keys, package: packaged, priority } = info;
  return JSON.stringify({
    format,
    ...(keys === undefined ? {} : { keys }),
    package: packaged,
    ...(priority === undefined ? {} : { priority }),
  });
}

/** An answer that is not what the protocol says. */
export function badAnswer(cache: string, path: string, what: string, cause?: unknown): Failure {
  return new Failure("DXPY_BAD_CACHE_ANSWER", `${cache} gave a wrong answer for ${path}: ${what}`, {
    context: { url: cache, file: path },
    hint: "`dx-py cache verify` looks through the whole cache.",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Failure `DXPY_BAD_CACHE_ANSWER`. */
export function parseInfo(bytes: Uint8Array, cache: string): CacheInfo {
  const wrong = (what: string) => badAnswer(cache, INFO_PATH, what);
  const value = parseObject(bytes, LIMITS.info, wrong);
  if (value["format"] !== 1) throw wrong(`it is of format ${said(value["format"])}, this dx-py reads 1`);
  if (value["package"] !== 1) throw wrong(`its packages are of version ${said(value["package"])}`);
  const { priority, keys } = value;
  if (priority !== undefined && !natural(priority)) throw wrong("its priority is not a number");
  const texts = Array.isArray(keys) && keys.length <= 100 && keys.every((key) => typeof key === "string");
  if (keys !== undefined && !texts) throw wrong("its keys are not a list of texts");
  return {
    format: 1,
    package: 1,
    ...(priority === undefined ? {} : { priority: priority as number }),
    ...(keys === undefined ? {} : { keys: keys as string[] }),
  };
}

/** A mapping for exactly this build hash: what is signed for another build is refused here already. Failure `DXPY_BAD_CACHE_ANSWER`. */
export function parseMapping(bytes: Uint8Array, buildHash: string, cache: string): Mapping {
  const path = mappingPath(buildHash);
  const wrong = (what: string) => badAnswer(cache, path, what);
  const mapping = readMapping(parseObject(bytes, LIMITS.mapping, wrong), wrong);
  if (mapping.buildHash !== buildHash) throw wrong("it is the mapping of another build");
  return mapping;
}

/** An environment whose mappings are those of its key. Failure `DXPY_BAD_CACHE_ANSWER`. */
export function parseEnvironment(bytes: Uint8Array, key: string, cache: string): CachedEnvironment {
  const wrong = (what: string) => badAnswer(cache, environmentPath(key), what);
  const value = parseObject(bytes, LIMITS.environment, wrong);
  if (value["format"] !== 1) throw wrong(`it is of format ${said(value["format"])}`);
  const { mappings, fetches = [] } = value;
  if (!Array.isArray(mappings) || mappings.length > LIMITS.environmentMappings) {
    throw wrong("it has no list of mappings, or too many");
  }
  const read = mappings.map((one) => readMapping(record(one, wrong), wrong));
  if (closureKey(read.map((one) => one.buildHash)) !== key) throw wrong("it is another environment");
  const plain = Array.isArray(fetches) && fetches.length <= LIMITS.environmentMappings;
  if (!plain || !fetches.every((text) => typeof text === "string" && text.length <= LIMITS.fetch)) {
    throw wrong("its fetches are no list of texts, or too many");
  }
  return { format: 1, mappings: read, ...(fetches.length === 0 ? {} : { fetches }) };
}

type Wrong = (what: string) => Failure;

function readMapping(value: Record<string, unknown>, wrong: Wrong): Mapping {
  const { format, buildHash, outputHash, size, references, signatures } = value;
  if (format !== 1) throw wrong(`it is of format ${said(format)}, this dx-py reads 1`);
  if (!isHash(buildHash)) throw wrong("its build hash is not a hash");
  if (!isHash(outputHash)) throw wrong("its output hash is not a hash");
  if (!natural(size) || size > LIMITS.object || size === 0) throw wrong(`its size is ${said(size)}`);
  const linked = record(references, wrong);
  for (const [kind, hash] of Object.entries(linked)) {
    if ((kind !== "build" && kind !== "fetch") || !isHash(hash)) throw wrong("its references are not hashes");
  }
  if (!Array.isArray(signatures) || signatures.length > LIMITS.signatures) {
    throw wrong("it has no list of signatures, or too many");
  }
  return {
    format: 1,
    buildHash,
    outputHash,
    size,
    references: linked as References,
    signatures: signatures.map((one) => readSignature(record(one, wrong), wrong)),
  };
}

function readSignature({ key, signature }: Record<string, unknown>, wrong: Wrong): Signature {
  if (typeof key !== "string" || !KEY_NAME.test(key)) throw wrong("a signature has no key");
  if (typeof signature !== "string" || !/^[A-Za-z0-9+/]{86}==$/.test(signature)) {
    throw wrong("a signature is not one of Ed25519");
  }
  return { key, signature };
}

function parseObject(bytes: Uint8Array, limit: number, wrong: Wrong): Record<string, unknown> {
  if (bytes.length > limit) throw wrong(`it is larger than ${limit} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw wrong("it is not JSON");
  }
  return record(value, wrong);
}

function record(value: unknown, wrong: Wrong): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong("it is not an object");
  return value as Record<string, unknown>;
}

function natural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function said(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 40);
}
