import { type ByteBuilder, putText, putTexts, reserve, setReference, setWide } from "./byte-builder.ts";
import {
  ABSENT,
  D,
  DEPENDENCY_SIZE,
  dplFailure,
  F,
  FILE_FLAGS,
  FILE_SIZE,
  REFERENCE_SIZE,
  S,
  SOURCE_FLAGS,
  SOURCE_KINDS,
  SOURCE_SIZE,
} from "./dpl-layout.ts";
import { isFileName } from "./file-name.ts";
import type { LockedDependency, LockedFile, LockedPackage, LockedSource } from "./lock-model.ts";
import { uniqueTexts } from "./lock-order.ts";

/** Writes the body of one entry: source, dependencies, files, extras table, and the pool of their texts. */

/** Where texts of this body are in its pool: each is written once. Offsets count from the body's start. */
export interface Pool {
  builder: ByteBuilder;
  start: number;
  texts: Map<string, Reference>;
  /** Bytes of all texts that are referred to, each time they are. */
  referred: number;
}

export interface WrittenBody {
  pool: Pool;
  /** The extras table with each name's number: sorted names that the package's edges ask for or that are asked of it. */
  extras: ReadonlyMap<string, number>;
}

/** BLAKE3 build hash of a wheel. The bytes are only looked at until the next call. */
export type BuildHashOf = (filename: string, sha256: string) => Uint8Array;

export function putBody(
  builder: ByteBuilder,
  entry: LockedPackage,
  askedOf: readonly string[],
  buildHashOf: BuildHashOf,
): WrittenBody {
  const extras = uniqueTexts([...askedOf, ...entry.dependencies.flatMap((edge) => edge.extras ?? [])]);
  const files = entry.sdist === undefined ? entry.wheels : [entry.sdist, ...entry.wheels];
  const start = builder.length;
  const pool: Pool = { builder, start, texts: new Map(), referred: 0 };
  const source = reserve(builder, SOURCE_SIZE);
  const dependencies = reserve(builder, entry.dependencies.length * DEPENDENCY_SIZE);
  const fileRecords = reserve(builder, files.length * FILE_SIZE);
  const extrasTable = reserve(builder, extras.length * REFERENCE_SIZE);
  const outputs = sortedOutputs(entry);
  const outputsAt = reserve(builder, outputs.length === 0 ? 0 : REFERENCE_SIZE);

  putSource(pool, source, entry.source);
  const numbers = new Map(extras.map((extra, number) => [extra, number]));
  for (let i = 0; i < entry.dependencies.length; i += 1) {
    putDependency(pool, dependencies + i * DEPENDENCY_SIZE, entry.dependencies[i]!, numbers);
  }
  for (let i = 0; i < files.length; i += 1) {
    const file = files[i]!;
    const isSdist = i === 0 && entry.sdist !== undefined;
    putFile(pool, fileRecords + i * FILE_SIZE, file, isSdist ? undefined : buildHashOf);
  }
  for (let i = 0; i < extras.length; i += 1) {
    setText(pool, extrasTable + i * REFERENCE_SIZE, extras[i]);
  }
  if (outputs.length > 0) setReference(builder, outputsAt, poolList(pool, outputs.flat()));
  return { pool, extras: numbers };
}

/** Build hash and output hash of each pinned output, by build hash. */
export function sortedOutputs({ outputs = {} }: LockedPackage): [string, string][] {
  return Object.entries(outputs).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** An offset from the body's start and a length; absent: ABSENT, 0. */
export type Reference = readonly [offset: number, length: number];
const NOTHING: Reference = [ABSENT, 0];

/** Where the text is in the pool; it is written there where it is not yet. */
export function poolText(pool: Pool, text: string | undefined): Reference {
  if (text === undefined) return NOTHING;
  let place = pool.texts.get(text);
  if (place === undefined) {
    const offset = pool.builder.length - pool.start;
    place = [offset, putText(pool.builder, text)];
    pool.texts.set(text, place);
  }
  pool.referred += place[1];
  return place;
}

/** One bit per name of the extras table, lowest first, as many bytes as the highest set bit needs. */
export function poolBitmap(
  pool: Pool,
  chosen: readonly string[] | undefined,
  numbers: ReadonlyMap<string, number>,
): Reference {
  if (chosen === undefined) return NOTHING;
  const bits = chosen.map((extra) => numbers.get(extra)!);
  const size = bits.length === 0 ? 0 : (Math.max(...bits) >>> 3) + 1;
  const offset = reserve(pool.builder, size);
  pool.referred += bits.length * 8;
  for (const bit of bits) pool.builder.bytes[offset + (bit >>> 3)]! |= 1 << (bit & 7);
  return [offset - pool.start, size];
}

function setText(pool: Pool, at: number, text: string | undefined): void {
  setReference(pool.builder, at, poolText(pool, text));
}

function putSource(pool: Pool, at: number, source: LockedSource): void {
  const { builder } = pool;
  builder.bytes[at + S.kind] = SOURCE_KINDS.indexOf(source.kind);
  const git = source.kind === "git" ? source : undefined;
  const directory = source.kind === "directory" ? source : undefined;
  const archive = source.kind === "archive" ? source : undefined;
  if (directory !== undefined) {
    builder.bytes[at + S.flags] =
      (directory.editable ? SOURCE_FLAGS.editable : 0) |
      (directory.virtual === undefined ? 0 : SOURCE_FLAGS.virtualGiven) |
      (directory.virtual === true ? SOURCE_FLAGS.virtual : 0);
  }
  setText(pool, at + S.url, directory === undefined ? (source as { url?: string }).url : undefined);
  setText(pool, at + S.path, directory?.path ?? archive?.path);
  setText(pool, at + S.requestedRevision, git?.requestedRevision);
  setText(pool, at + S.commitId, git?.commitId);
  setText(pool, at + S.subdirectory, source.kind === "index" ? undefined : source.subdirectory);
  setWide(builder, at + S.size, archive?.size, "the size of an archive");
  setHashes(pool, at + S.hashes, archive === undefined ? undefined : Object.entries(archive.hashes));
}

function putDependency(
  pool: Pool,
  at: number,
  edge: LockedDependency,
  numbers: ReadonlyMap<string, number>,
): void {
  setText(pool, at + D.name, edge.name);
  setText(pool, at + D.version, edge.version);
  setText(pool, at + D.marker, edge.marker);
  setReference(pool.builder, at + D.extras, poolBitmap(pool, edge.extras, numbers));
}

const SHA256 = /^[0-9a-f]{64}$/;

/** Whether the digest can stand as 32 bytes. */
export function isSha256(digest: string | undefined): digest is string {
  return digest !== undefined && SHA256.test(digest);
}

function putFile(pool: Pool, at: number, file: LockedFile, buildHashOf: BuildHashOf | undefined): void {
  const { builder } = pool;
  if (!isFileName(file.name))
    throw dplFailure("BAD_VALUE", `${JSON.stringify(file.name)} is not the name of a file`);
  const { sha256 } = file.hashes;
  const plain = isSha256(sha256);
  const urlEndsInName = file.url !== undefined && file.name !== "" && file.url.endsWith(file.name);
  setText(pool, at + F.name, file.name);
  setText(pool, at + F.url, urlEndsInName ? file.url!.slice(0, -file.name.length) : file.url);
  setText(pool, at + F.path, file.path);
  setWide(builder, at + F.size, file.size, `the size of ${file.name}`);
  setWide(builder, at + F.uploadTime, file.uploadTime, `the upload time of ${file.name}`);
  if (plain) builder.bytes.set(Uint8Array.fromHex(sha256), at + F.sha256);
  const buildHash = plain ? buildHashOf?.(file.name, sha256) : undefined;
  if (buildHash !== undefined) builder.bytes.set(buildHash, at + F.buildHash);
  const flags =
    (plain ? FILE_FLAGS.sha256 : 0) |
    (buildHash === undefined ? 0 : FILE_FLAGS.buildHash) |
    (urlEndsInName ? FILE_FLAGS.urlEndsInName : 0);
  builder.view.setUint32(at + F.flags, flags, true);
  const others = plain ? otherHashes(file.hashes) : Object.entries(file.hashes);
  setHashes(pool, at + F.hashes, others.length === 0 ? undefined : others);
}

function otherHashes(hashes: Readonly<Record<string, string>>): [string, string][] {
  const others: [string, string][] = [];
  for (const algorithm in hashes) {
    if (algorithm !== "sha256") others.push([algorithm, hashes[algorithm]!]);
  }
  return others;
}

/** A list of texts in the pool: algorithm, digest, algorithm, digest …, by algorithm. */
function setHashes(pool: Pool, at: number, hashes: [string, string][] | undefined): void {
  if (hashes === undefined) {
    setReference(pool.builder, at, NOTHING);
    return;
  }
  const sorted = [...hashes].sort(([a], [b]) => (a < b ? -1 : 1));
  setReference(pool.builder, at, poolList(pool, sorted.flat()));
}

function poolList(pool: Pool, texts: readonly string[]): Reference {
  const start = pool.builder.length;
  putTexts(pool.builder, texts);
  pool.referred += pool.builder.length - start;
  return [start - pool.start, pool.builder.length - start];
}
