/**
 * The writer of `layouts.dxc` (docs/formats/dxc.md, "Writing"): records are appended under a lock between processes;
 * a file that is full, damaged or of another version is written anew and renamed into place.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { withLock } from "../platform/file-lock.ts";
import type { Home } from "../platform/home.ts";
import { allRecords, type Dxc, dxcOf, findSlot } from "./dxc.ts";
import {
  type DxcRecord,
  encodeHeader,
  encodeRecord,
  FREE,
  HEADER_SIZE,
  MAX_SLOTS,
  MIN_SLOTS,
  REMOVED,
  SLOT_SIZE,
  slotCheck,
  viewOf,
} from "./dxc-format.ts";
import { describedLayouts } from "./layout-description.ts";

/** Runs `action` as the only writer of the index and of `layouts/`. Readers go on meanwhile. */
export async function withIndexLock<T>(home: Home, action: () => T | Promise<T>): Promise<T> {
  ensureDir(home.root);
  return await withLock(`${home.layoutsIndex}.lock`, action);
}

/** Adds records, replacing those with the same keys. A damaged or unknown file is rebuilt from the layouts first. */
export async function insertRecords(home: Home, records: readonly DxcRecord[]): Promise<void> {
  await withIndexLock(home, () => insertHoldingLock(home, records));
}

/** {@link insertRecords} for who holds the lock already. */
export function insertHoldingLock(home: Home, records: readonly DxcRecord[]): void {
  const dxc = readForWriting(home);
  if (dxc !== undefined && appendInPlace(dxc, records)) return;
  const added = new Set(records.map(({ key }) => key.toHex()));
  const kept = dxc === undefined ? describedLayouts(home, added) : recordsOrDescriptions(home, dxc);
  writeIndex(home, [...kept, ...records]);
}

/** Removes the records of these keys (32 bytes each); aliases that point at a removed layout find nothing any more. */
export async function removeRecords(home: Home, keys: readonly Uint8Array[]): Promise<void> {
  await withIndexLock(home, () => {
    const gone = new Set(keys.map((key) => key.toHex()));
    const dxc = readForWriting(home);
    const all = dxc === undefined ? describedLayouts(home) : recordsOrDescriptions(home, dxc);
    writeIndex(
      home,
      all.filter((r) => !gone.has(r.key.toHex()) && !(r.kind === "alias" && gone.has(r.projectHash.toHex()))),
    );
  });
}

/** Writes the file anew with only its live records, or from the layouts when it is damaged. */
export async function compactIndex(home: Home): Promise<void> {
  await removeRecords(home, []);
}

/** Writes the file anew from the descriptions in `layouts/*`. Aliases are lost; they come back as they are used. */
export async function rebuildIndex(home: Home): Promise<void> {
  await withIndexLock(home, () => writeIndex(home, describedLayouts(home)));
}

function recordsOrDescriptions(home: Home, dxc: Dxc): DxcRecord[] {
  try {
    return [...allRecords(dxc)];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return describedLayouts(home);
  }
}

/** `undefined` when there is none, or none that makes sense. Read, not mapped: it is written right after. */
function readForWriting(home: Home): Dxc | undefined {
  try {
    return dxcOf(new Uint8Array(readFileSync(home.layoutsIndex)), home.layoutsIndex);
  } catch (error) {
    if (error instanceof Failure || (error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}

/** False, with nothing written, when the file must be written anew instead. */
function appendInPlace(dxc: Dxc, records: readonly DxcRecord[]): boolean {
  const { used, live } = occupancy(dxc);
  const garbage = dxc.bytes.length - (HEADER_SIZE + dxc.slots * SLOT_SIZE) - live;
  if (used + records.length > dxc.slots / 2 || (garbage > 4096 && garbage > live)) return false;
  const start = aligned(dxc.bytes.length);
  const encoded = records.map(encodeRecord);
  const size = encoded.reduce((sum, bytes) => sum + aligned(bytes.length), 0);
  if (start + size > 0xffff_ffff) return false;

  const bytes = new Uint8Array(start + size);
  bytes.set(dxc.bytes);
  const grown: Dxc = { path: dxc.path, bytes, view: viewOf(bytes), slots: dxc.slots };
  const slots: number[] = [];
  let end = start;
  for (const [i, record] of records.entries()) {
    bytes.set(encoded[i]!, end);
    const slot = placeOrNothing(grown, record.key);
    if (slot === undefined) return false;
    setSlot(grown, slot, record.key, end, encoded[i]!.length);
    slots.push(slot);
    end += aligned(encoded[i]!.length);
  }
  const file = openSync(dxc.path, "r+");
  try {
    // Records first, slots after them: a reader follows a slot only to what is there.
    writeAt(file, bytes.subarray(start, end), start);
    for (const slot of slots) {
      const at = HEADER_SIZE + slot * SLOT_SIZE;
      writeAt(file, bytes.subarray(at, at + SLOT_SIZE), at);
    }
  } finally {
    closeSync(file);
  }
  return true;
}

function occupancy(dxc: Dxc): { used: number; live: number } {
  let used = 0;
  let live = 0;
  for (let index = 0; index < dxc.slots; index++) {
    const at = HEADER_SIZE + index * SLOT_SIZE;
    const offset = dxc.view.getUint32(at + 8, true);
    if (offset === FREE) continue;
    used++;
    if (offset !== REMOVED) live += aligned(dxc.view.getUint32(at + 12, true));
  }
  return { used, live };
}

function placeOrNothing(dxc: Dxc, key: Uint8Array): number | undefined {
  try {
    return findSlot(dxc, key).slot;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function setSlot(dxc: Dxc, slot: number, key: Uint8Array, offset: number, length: number): void {
  const at = HEADER_SIZE + slot * SLOT_SIZE;
  const prefix = viewOf(key).getUint32(0, true);
  [prefix, slotCheck(slot, prefix, offset, length), offset, length].forEach((word, i) => {
    dxc.view.setUint32(at + 4 * i, word, true);
  });
}

/** The whole file for these records; of several with one key, the last. */
export function encodeIndex(records: readonly DxcRecord[]): Uint8Array {
  const byKey = new Map(records.map((record) => [record.key.toHex(), record]));
  let slots = MIN_SLOTS;
  // A quarter full at most, so that the next records have room.
  while (slots < byKey.size * 4 && slots < MAX_SLOTS) slots *= 2;
  const encoded = [...byKey.values()].map((record) => ({ key: record.key, bytes: encodeRecord(record) }));
  const start = HEADER_SIZE + slots * SLOT_SIZE;
  const bytes = new Uint8Array(encoded.reduce((sum, e) => sum + aligned(e.bytes.length), start));
  bytes.set(encodeHeader(slots));
  const dxc: Dxc = { path: "", bytes, view: viewOf(bytes), slots };
  let end = start;
  for (const { key, bytes: record } of encoded) {
    bytes.set(record, end);
    setSlot(dxc, findSlot(dxc, key).slot, key, end, record.length);
    end += aligned(record.length);
  }
  return bytes;
}

function writeIndex(home: Home, records: readonly DxcRecord[]): void {
  ensureDir(home.tmp);
  writeFileAtomic(home.layoutsIndex, encodeIndex(records), { staging: home.tmp });
}

function aligned(n: number): number {
  return Math.ceil(n / 16) * 16;
}

function writeAt(file: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}
