import { blake3Bytes } from "../platform/blake3.ts";
import {
  type ByteBuilder,
  byteBuilder,
  putNumber,
  putSizedText,
  putTexts,
  reserve,
  setReference,
} from "./byte-builder.ts";
import { type BuildHashOf, isSha256, poolBitmap, poolText, putBody, sortedOutputs } from "./dpl-body.ts";
import {
  dplFailure,
  E,
  ENTRY_FLAGS,
  ENTRY_SIZE,
  FORMAT_VERSION,
  H,
  HEADER_SIZE,
  MAGIC,
  MAX_FILE_SIZE,
  MAX_PACKAGES,
  packVersion,
  textBudget,
} from "./dpl-layout.ts";
import { buildNameTable, type NameRun, type NameTable } from "./dpl-name-table.ts";
import type { Lock, LockedPackage } from "./lock-model.ts";
import { canonicalLock, uniqueTexts } from "./lock-order.ts";
import { packageDerivationText } from "./package-identity.ts";

/** Writes a lock as DPL (docs/formats/dpl.md). */

/** What the DPL was compiled from. */
export interface DplDigests {
  /** Lower-case hex SHA-256 of the text of `pylock.toml`. */
  pylockSha256: string;
  /** The files that the lock was resolved from. Empty: not known, so nobody may call the lock fresh. */
  inputs: readonly DplInput[];
}

export interface DplInput {
  /** Relative to the lock's folder, with `/`. */
  path: string;
  /** Lower-case hex; empty: there was no such file. */
  sha256: string;
}

export interface EncodeOptions {
  /** BLAKE3, 32 bytes: the native engine where a lock has thousands of wheels. */
  blake3?: (data: Uint8Array) => Uint8Array;
}

/**
 * The same lock and digests give the same bytes. Arrays that are not in the writers' order are put in it. Failure
 * DXPY_DPL_BAD_VALUE or DXPY_DPL_TOO_LARGE for what the format cannot hold.
 */
export function encodeDpl(lock: Lock, digests: DplDigests, options: EncodeOptions = {}): Uint8Array {
  const canonical = canonicalLock(lock);
  const { packages } = canonical;
  if (packages.length > MAX_PACKAGES) throw dplFailure("TOO_LARGE", `${packages.length} packages`);
  const runs = nameRuns(packages);
  const table = buildNameTable(runs);

  const inputs = inputsSection(digests.inputs);
  const lockPart = byteBuilder(1024);
  putLock(lockPart, canonical);
  const entries = byteBuilder(Math.max(1, packages.length * ENTRY_SIZE));
  const wheels = packages.reduce((count, entry) => count + entry.wheels.length, 0);
  const bodies = byteBuilder(4096 + packages.length * 512 + wheels * 320);
  putEntries(entries, bodies, canonical, runs, table, options.blake3 ?? blake3Bytes);

  return assemble(digests, table, packages.length, { inputs, lock: lockPart, entries, bodies });
}

interface Sections {
  inputs: ByteBuilder;
  lock: ByteBuilder;
  entries: ByteBuilder;
  bodies: ByteBuilder;
}

function assemble(digests: DplDigests, table: NameTable, packages: number, sections: Sections): Uint8Array {
  const { inputs, lock, entries, bodies } = sections;
  const slotsAt = HEADER_SIZE + inputs.length;
  const lockAt = slotsAt + table.bytes.length;
  const entriesAt = lockAt + lock.length;
  const bodiesAt = entriesAt + entries.length;
  const total = bodiesAt + bodies.length;
  if (total > MAX_FILE_SIZE) throw dplFailure("TOO_LARGE", "the lock is larger than 1 GiB");

  const bytes = new Uint8Array(total);
  bytes.set(contents(inputs), HEADER_SIZE);
  bytes.set(table.bytes, slotsAt);
  bytes.set(contents(lock), lockAt);
  bytes.set(contents(entries), entriesAt);
  bytes.set(contents(bodies), bodiesAt);

  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(H.version, FORMAT_VERSION, true);
  view.setUint16(H.headerSize, HEADER_SIZE, true);
  view.setUint32(H.totalSize, total, true);
  view.setUint32(H.packages, packages, true);
  view.setUint32(H.seed, table.seed, true);
  const place = (at: number, offset: number, length: number) => {
    view.setUint32(at, offset, true);
    view.setUint32(at + 4, length, true);
  };
  place(H.inputs, HEADER_SIZE, inputs.length);
  place(H.slots, slotsAt, table.bytes.length);
  place(H.lock, lockAt, lock.length);
  place(H.entries, entriesAt, entries.length);
  place(H.bodies, bodiesAt, bodies.length);
  view.setUint32(H.inputsCheck, Bun.hash.crc32(contents(inputs)), true);
  view.setUint32(H.lockCheck, Bun.hash.crc32(contents(lock)), true);
  bytes.set(new Bun.CryptoHasher("sha256").update(bytes.subarray(lockAt)).digest(), H.digest);
  bytes.set(digestBytes(digests.pylockSha256, "pylock.toml"), H.textDigest);
  // Last, over the header with this field still zero.
  view.setUint32(H.check, Bun.hash.crc32(bytes.subarray(0, HEADER_SIZE)), true);
  return bytes;
}

/**
 * The same lock compiled from other inputs: everything behind them only moves. `bytes` must be what `encodeDpl` made, or what a reader
 * found sound.
 */
export function withInputs(bytes: Uint8Array, inputs: readonly DplInput[]): Uint8Array {
  const old = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const list = contents(inputsSection(inputs));
  const rest = bytes.subarray(old.getUint32(H.slots, true));
  const total = HEADER_SIZE + list.length + rest.length;
  if (total > MAX_FILE_SIZE) throw dplFailure("TOO_LARGE", "the lock is larger than 1 GiB");
  const made = new Uint8Array(total);
  made.set(bytes.subarray(0, HEADER_SIZE));
  made.set(list, HEADER_SIZE);
  made.set(rest, HEADER_SIZE + list.length);
  const view = new DataView(made.buffer);
  const moved = total - bytes.length;
  for (const at of [H.slots, H.lock, H.entries, H.bodies])
    view.setUint32(at, old.getUint32(at, true) + moved, true);
  view.setUint32(H.totalSize, total, true);
  view.setUint32(H.inputs + 4, list.length, true);
  view.setUint32(H.inputsCheck, Bun.hash.crc32(list), true);
  view.setUint32(H.check, 0, true);
  view.setUint32(H.check, Bun.hash.crc32(made.subarray(0, HEADER_SIZE)), true);
  return made;
}

function contents(builder: ByteBuilder): Uint8Array {
  return builder.bytes.subarray(0, builder.length);
}

function digestBytes(sha256: string, what: string): Uint8Array {
  if (!isSha256(sha256)) throw dplFailure("BAD_VALUE", `${JSON.stringify(sha256)} is no SHA-256 of ${what}`);
  return Uint8Array.fromHex(sha256);
}

const NO_DIGEST = new Uint8Array(32);

function inputsSection(inputs: readonly DplInput[]): ByteBuilder {
  const builder = byteBuilder(256);
  putNumber(builder, inputs.length);
  for (const { path, sha256 } of inputs) {
    putNumber(builder, sha256 === "" ? 0 : 1);
    const digest = sha256 === "" ? NO_DIGEST : digestBytes(sha256, path);
    const at = reserve(builder, 32);
    builder.bytes.set(digest, at);
    putSizedText(builder, path);
  }
  return builder;
}

function putLock(builder: ByteBuilder, lock: Lock): void {
  const settings = sortedPairs(lock.settings ?? {});
  putNumber(builder, (lock.requiresPython === undefined ? 0 : 1) | (settings.length === 0 ? 0 : 2));
  putSizedText(builder, lock.requiresPython ?? "");
  putSizedText(builder, lock.fingerprint);
  putTexts(builder, lock.environments);
  putTexts(builder, lock.extras);
  putTexts(builder, lock.dependencyGroups);
  putTexts(builder, lock.defaultGroups);
  putTexts(builder, sortedPairs(lock.options));
  putTexts(builder, lock.forks ?? []);
  if (settings.length > 0) putTexts(builder, settings);
}

/** Name, value, name, value …, sorted by name. */
function sortedPairs(record: Readonly<Record<string, string>>): string[] {
  return Object.entries(record)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flat();
}

/** Entries of one name are neighbours, because packages are sorted by name first. */
function nameRuns(packages: readonly LockedPackage[]): NameRun[] {
  const runs: NameRun[] = [];
  for (let i = 0; i < packages.length; i += 1) {
    const { name } = packages[i]!;
    const last = runs.at(-1);
    if (last?.name === name) last.count += 1;
    else runs.push({ name, first: i, count: 1 });
  }
  return runs;
}

function putEntries(
  entries: ByteBuilder,
  bodies: ByteBuilder,
  lock: Lock,
  runs: readonly NameRun[],
  table: NameTable,
  blake3: (data: Uint8Array) => Uint8Array,
): void {
  const asked = extrasAsked(lock.packages);
  const encoder = new TextEncoder();
  // One buffer for all texts: a thousand small ones cost more than what is done with them.
  let scratch = Buffer.allocUnsafe(4096);
  const buildHashOf: BuildHashOf = (name, sha256) => {
    const text = packageDerivationText(name, sha256);
    if (text.length * 3 > scratch.length) scratch = Buffer.allocUnsafe(text.length * 3);
    return blake3(scratch.subarray(0, encoder.encodeInto(text, scratch).written));
  };
  for (let r = 0; r < runs.length; r += 1) {
    const run = runs[r]!;
    for (let i = run.first; i < run.first + run.count; i += 1) {
      const entry = lock.packages[i]!;
      putEntry(entries, bodies, entry, table.hashes[r]!, asked(entry), buildHashOf);
    }
  }
}

function putEntry(
  entries: ByteBuilder,
  bodies: ByteBuilder,
  entry: LockedPackage,
  hash: number,
  askedOf: readonly string[],
  buildHashOf: BuildHashOf,
): void {
  const start = bodies.length;
  const { pool, extras } = putBody(bodies, entry, askedOf, buildHashOf);
  const version = entry.version === undefined ? undefined : packVersion(entry.version);
  const at = reserve(entries, ENTRY_SIZE);
  const setText = (offset: number, text: string | undefined) =>
    setReference(entries, at + offset, poolText(pool, text));
  setText(E.name, entry.name);
  setText(E.version, version?.exact === false ? entry.version : undefined);
  setText(E.marker, entry.marker);
  setText(E.requiresPython, entry.requiresPython);
  setReference(entries, at + E.extrasBitmap, poolBitmap(pool, askedOf, extras));

  const size = bodies.length - start;
  if (pool.referred > textBudget(size)) throw dplFailure("TOO_LARGE", `the texts of ${entry.name}`);

  const { view } = entries;
  const setNumber = (offset: number, value: number) => view.setUint32(at + offset, value, true);
  setNumber(E.nameHash, hash);
  const pinned = sortedOutputs(entry).length > 0;
  setNumber(
    E.flags,
    (version?.parts ?? 0) |
      (entry.sdist === undefined ? 0 : ENTRY_FLAGS.sdist) |
      (pinned ? ENTRY_FLAGS.outputs : 0),
  );
  setNumber(E.major, version?.major ?? 0);
  setNumber(E.minor, version?.minor ?? 0);
  setNumber(E.patch, version?.patch ?? 0);
  setNumber(E.dependencies, entry.dependencies.length);
  setNumber(E.files, entry.wheels.length + (entry.sdist === undefined ? 0 : 1));
  setNumber(E.extras, extras.size);
  setReference(entries, at + E.body, [start, size]);
  setNumber(E.bodyCheck, Bun.hash.crc32(bodies.bytes.subarray(start, bodies.length)));
  setNumber(E.check, Bun.hash.crc32(entries.bytes.subarray(at + E.nameHash, at + ENTRY_SIZE)));
}

/** The extras that the lock's edges ask of a package: of every version, where the edge names none. */
function extrasAsked(packages: readonly LockedPackage[]): (entry: LockedPackage) => readonly string[] {
  const asked = new Map<string, Set<string>>();
  for (const { dependencies } of packages) {
    for (const { name, version, extras } of dependencies) {
      if (extras === undefined || extras.length === 0) continue;
      const key = askedKey(name, version);
      const names = asked.get(key) ?? new Set();
      for (const extra of extras) names.add(extra);
      asked.set(key, names);
    }
  }
  return ({ name, version }) => {
    const any = asked.get(askedKey(name, undefined));
    const exact = version === undefined ? undefined : asked.get(askedKey(name, version));
    return any === undefined && exact === undefined ? [] : uniqueTexts([...(any ?? []), ...(exact ?? [])]);
  };
}

function askedKey(name: string, version: string | undefined): string {
  return version === undefined ? name : `${name}\n${version}`;
}
