/**
 * The files under `home/index/resolutions`, as docs/formats/dxrm.md has them: each holds a lock, and what has to be as it was for
 * the lock to be what resolving would give.
 */
import { readdirSync, readFileSync, statSync, unlinkSync, utimesSync } from "node:fs";
import type { CompiledLock } from "../lock/lock-files.ts";
import type { PageReading } from "../package-index/page-finder.ts";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import { LARGEST_PIECE, openPieces, packPieces, piecesOf } from "../platform/zstd-pieces.ts";
import type { UnknownExtra } from "../resolver/resolution.ts";
import type { BuildAnswer } from "./recorded-builds.ts";

const MAGIC = 0x4d52_5844; // "DXRM", little-endian
const FORMAT = 2;
const HEAD = 28;
/** Of a file, and of what is in it. Bytes. */
const MAX_CONTENT = 256 * 1024 * 1024;
/** So many are kept, of together so many bytes; those that were used longest ago go. */
const MAX_MEMOS = 64;
const MAX_BYTES = 128 * 1024 * 1024;
const SUFFIX = ".dxrm";

export interface Memo {
  trace: MemoTrace;
  lock: CompiledLock;
}

export interface MemoTrace {
  /** Both keys in full, lower-case hex SHA-256. */
  request: string;
  preferences: string;
  pages: readonly PageReading[];
  builds: readonly BuildAnswer[];
  /** Name, version and marker (empty: always) of what the lock has from indexes. */
  chosen: readonly (readonly [name: string, version: string, marker: string])[];
  unknownExtras: readonly UnknownExtra[];
}

export function encodeMemo({ trace, lock }: Memo): Uint8Array {
  const said = Buffer.from(JSON.stringify(trace));
  const head = Buffer.alloc(HEAD);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt16LE(FORMAT, 4);
  head.writeUInt32LE(said.length, 12);
  head.writeUInt32LE(lock.text.length, 16);
  head.writeUInt32LE(lock.dpl.length, 20);
  const texts = piecesOf(Buffer.concat([said, lock.text]), LARGEST_PIECE);
  const bytes = packPieces(head, texts, Buffer.from(lock.dpl));
  bytes.writeUInt32LE(Bun.hash.crc32(bytes.subarray(12)), 8);
  return bytes;
}

/** `undefined` for anything that is not whole: it is resolved again. */
export function decodeMemo(bytes: Uint8Array): Memo | undefined {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length < HEAD || data.readUInt32LE(0) !== MAGIC || data.readUInt16LE(4) !== FORMAT)
    return undefined;
  if (data.readUInt16LE(6) !== 0 || data.readUInt32LE(24) !== 0) return undefined;
  const textAt = data.readUInt32LE(12);
  const textEnd = textAt + data.readUInt32LE(16);
  const dplAt = data.length - data.readUInt32LE(20);
  if (dplAt < HEAD || textEnd > MAX_CONTENT) return undefined;
  if (Bun.hash.crc32(data.subarray(12)) !== data.readUInt32LE(8)) return undefined;
  const texts = openPieces(data.subarray(HEAD, dplAt), textEnd, LARGEST_PIECE)?.read(0, textEnd);
  if (texts === undefined) return undefined;
  try {
    const trace: unknown = JSON.parse(texts.toString("utf8", 0, textAt));
    if (!isTrace(trace)) return undefined;
    return { trace, lock: { text: texts.subarray(textAt), dpl: data.subarray(dplAt) } };
  } catch {
    return undefined;
  }
}

function isTrace(value: unknown): value is MemoTrace {
  if (typeof value !== "object" || value === null) return false;
  const { request, preferences, pages, builds, chosen, unknownExtras } = value as Record<string, unknown>;
  const isText = (one: unknown) => typeof one === "string";
  const rows = (list: unknown, fits: (row: unknown[]) => boolean) =>
    Array.isArray(list) && list.every((row) => Array.isArray(row) && fits(row));
  return (
    isText(request) &&
    isText(preferences) &&
    rows(pages, (row) => row.length === 3 && Number.isInteger(row[0]) && isText(row[1]) && isText(row[2])) &&
    rows(builds, (row) => row.length === 2 && isQuestion(row[0]) && isText(row[1])) &&
    rows(chosen, (row) => row.length === 3 && row.every(isText)) &&
    Array.isArray(unknownExtras) &&
    unknownExtras.every(isUnknownExtra)
  );
}

function isQuestion(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { file, source, name } = value as Record<string, Record<string, unknown> | string | undefined>;
  if (typeof file === "object")
    return typeof file["filename"] === "string" && typeof file["url"] === "string" && isTable(file["hashes"]);
  return typeof source === "object" && typeof source["kind"] === "string" && typeof name === "string";
}

function isTable(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function isUnknownExtra(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, version, extra, known } = value as Record<string, unknown>;
  return [name, version, extra].every((one) => typeof one === "string") && Array.isArray(known);
}

/** The file's name says which request it answers, and for which preferences. */
export function memoName(request: string, preferences: string): string {
  return `${request.slice(0, 32)}-${preferences.slice(0, 16)}${SUFFIX}`;
}

/** Other memos of a request, the one that was used last first. */
export function memosOf(folder: string, request: string): string[] {
  return listed(folder)
    .filter(({ name }) => name.startsWith(`${request.slice(0, 32)}-`))
    .sort((a, b) => b.time - a.time)
    .map(({ name }) => name);
}

export function readMemo(folder: string, name: string): Memo | undefined {
  const path = `${folder}/${name}`;
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile() || stat.size > MAX_CONTENT) return undefined;
    return decodeMemo(readFileSync(path));
  } catch {
    return undefined;
  }
}

/** It was used: it is kept for longer. */
export function touchMemo(folder: string, name: string): void {
  try {
    const now = new Date();
    utimesSync(`${folder}/${name}`, now, now);
  } catch {
    // A cache that this user may only read.
  }
}

/** Where it cannot be written, it is resolved again the next time. */
export function writeMemo(folder: string, name: string, memo: Memo): void {
  try {
    const bytes = encodeMemo(memo);
    if (bytes.length > MAX_BYTES / 4) return;
    ensureDir(folder);
    writeFileAtomic(`${folder}/${name}`, bytes);
    dropOldest(folder);
  } catch {
    // As said.
  }
}

function dropOldest(folder: string): void {
  let bytes = 0;
  const newestFirst = listed(folder).sort((a, b) => b.time - a.time);
  for (const [i, { name, size }] of newestFirst.entries()) {
    bytes += size;
    if (i >= MAX_MEMOS || bytes > MAX_BYTES) unlinkSync(`${folder}/${name}`);
  }
}

function listed(folder: string): { name: string; time: number; size: number }[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    // What a killed process left unfinished is taken away with the rest, as the oldest.
    const stat = statSync(`${folder}/${name}`, { throwIfNoEntry: false });
    return stat?.isFile() ? [{ name, time: stat.mtimeMs, size: stat.size }] : [];
  });
}
