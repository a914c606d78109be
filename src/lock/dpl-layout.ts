import { Failure } from "../platform/errors.ts";

/**
 * The numbers of the DPL format (`dx-py.dpl`), as docs/formats/dpl.md gives them: sizes, offsets, the name hash, packed
 * versions and the failures that both the writer and the reader use.
 */

export const MAGIC = 0x4c50_5844; // "DXPL", little-endian
export const FORMAT_VERSION = 1;
/** Header flags of the low half must be understood; version 1 defines none. */
export const REQUIRED_FLAGS = 0x0000_ffff;

export const HEADER_SIZE = 144;
export const SLOT_SIZE = 16;
export const ENTRY_SIZE = 88;
export const SOURCE_SIZE = 60;
export const DEPENDENCY_SIZE = 32;
export const FILE_SIZE = 116;
export const REFERENCE_SIZE = 8;

/** An absent string, list or index. */
export const ABSENT = 0xffff_ffff;
export const MAX_FILE_SIZE = 0x4000_0000;
export const MAX_PACKAGES = 1_000_000;

/** Offsets in the header. */
export const H = {
  version: 4,
  headerSize: 6,
  flags: 8,
  check: 12,
  totalSize: 16,
  packages: 24,
  seed: 28,
  inputs: 32,
  slots: 40,
  lock: 48,
  entries: 56,
  bodies: 64,
  inputsCheck: 72,
  lockCheck: 76,
  digest: 80,
  textDigest: 112,
} as const;

/** Offsets in an entry. */
export const E = {
  check: 0,
  nameHash: 4,
  body: 8,
  bodyCheck: 16,
  flags: 20,
  major: 24,
  minor: 28,
  patch: 32,
  dependencies: 36,
  files: 40,
  extras: 44,
  name: 48,
  version: 56,
  marker: 64,
  requiresPython: 72,
  extrasBitmap: 80,
} as const;

/** Flags of an entry. The release's number of parts (0 to 3) is in the lowest two bits. */
export const ENTRY_FLAGS = { releaseParts: 3, sdist: 4, outputs: 8, all: 15 } as const;

/** Offsets in the source record that opens a body. */
export const S = {
  kind: 0,
  flags: 1,
  url: 4,
  path: 12,
  requestedRevision: 20,
  commitId: 28,
  subdirectory: 36,
  size: 44,
  hashes: 52,
} as const;
export const SOURCE_FLAGS = { editable: 1, virtualGiven: 2, virtual: 4, all: 7 } as const;
export const SOURCE_KINDS = ["index", "git", "directory", "archive"] as const;

/** Offsets in a dependency record. */
export const D = { name: 0, version: 8, marker: 16, extras: 24 } as const;

/** Offsets in a file record. */
export const F = {
  name: 0,
  url: 8,
  path: 16,
  size: 24,
  uploadTime: 32,
  sha256: 40,
  buildHash: 72,
  flags: 104,
  hashes: 108,
} as const;
export const FILE_FLAGS = { sha256: 1, buildHash: 2, urlEndsInName: 4, all: 7 } as const;

/** How many bytes of text one body may stand for, texts that are used several times counted each time. */
export function textBudget(bodySize: number): number {
  return 1024 * 1024 + bodySize * 64;
}

/** Why a DPL cannot be used; readers fall back to `pylock.toml`. */
export type DplFault = "MAGIC" | "VERSION" | "TRUNCATED" | "CORRUPT" | "TOO_LARGE" | "BAD_VALUE";

export function dplFailure(fault: DplFault, what: string, path?: string): Failure {
  const hint =
    fault === "VERSION"
      ? "Use the dx-py that wrote it, or remove the file: it is compiled again from pylock.toml."
      : fault === "BAD_VALUE" || fault === "TOO_LARGE"
        ? undefined
        : "Remove the file: it is compiled again from pylock.toml, or made by `dx-py lock`.";
  return new Failure(`DXPY_DPL_${fault}`, `${path === undefined ? "The binary lock" : path}: ${what}`, {
    context: path === undefined ? {} : { path },
    ...(hint === undefined ? {} : { hint }),
    exitCode: 2,
  });
}

const encoder = new TextEncoder();

/**
 * The name hash: FNV-1a over the name's UTF-8 with the seed folded into the offset basis, then MurmurHash3's finaliser,
 * because the low bits of FNV-1a alone are poor. An unsigned 32-bit integer.
 */
export function nameHash(name: string, seed: number): number {
  let hash = 0x811c_9dc5 ^ seed;
  for (let i = 0; i < name.length; i += 1) {
    const unit = name.charCodeAt(i);
    if (unit > 127) return hashBytes(encoder.encode(name), seed);
    hash = Math.imul(hash ^ unit, 0x0100_0193);
  }
  return scramble(hash);
}

function hashBytes(bytes: Uint8Array, seed: number): number {
  let hash = 0x811c_9dc5 ^ seed;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x0100_0193);
  return scramble(hash);
}

function scramble(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The one or two slots where a name with this hash can be; `slots` is a power of two. */
export function slotsOf(hash: number, slots: number): [first: number, second: number] {
  const mask = slots - 1;
  return [(hash & mask) >>> 0, (scramble(hash ^ 0x9e37_79b9) & mask) >>> 0];
}

/** A version as the format packs it: three unsigned 32-bit integers. */
export interface PackedVersion {
  major: number;
  minor: number;
  patch: number;
  /** How many numbers the release has, 1 to 3; 0: no version. */
  parts: number;
  /** The numbers alone give the text back. */
  exact: boolean;
}

const PLAIN_RELEASE = /^(0|[1-9]\d{0,9})(?:\.(0|[1-9]\d{0,9}))?(?:\.(0|[1-9]\d{0,9}))?$/;
const LEADING_RELEASE = /^v?(?:\d+!)?(\d+)(?:\.(\d+))?(?:\.(\d+))?/;
const MAX_NUMBER = 0xffff_ffff;

export function packVersion(text: string): PackedVersion {
  const plain = PLAIN_RELEASE.exec(text);
  const match = plain ?? LEADING_RELEASE.exec(text);
  if (match === null) return { major: 0, minor: 0, patch: 0, parts: 1, exact: false };
  const numbers = [match[1], match[2], match[3]].filter((part) => part !== undefined).map(Number);
  const [major = 0, minor = 0, patch = 0] = numbers.map((number) => Math.min(number, MAX_NUMBER));
  const exact = plain !== null && numbers.every((number) => number <= MAX_NUMBER);
  return { major, minor, patch, parts: numbers.length, exact };
}

export function unpackVersion(major: number, minor: number, patch: number, parts: number): string {
  if (parts === 1) return `${major}`;
  return parts === 2 ? `${major}.${minor}` : `${major}.${minor}.${patch}`;
}
