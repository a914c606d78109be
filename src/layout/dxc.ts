/**
 * The reader of `layouts.dxc` (docs/formats/dxc.md): one lookup touches the header, a slot or two and one record of
 * the mapping, whatever the size of the file. Takes no lock. On the warm path's first step: imports nothing that costs.
 */
import {
  corrupt,
  type DxcRecord,
  decodeHeader,
  decodeRecord,
  FREE,
  HEADER_SIZE,
  isLayoutRecord,
  MAX_RECORD,
  MIN_RECORD,
  partOf,
  REMOVED,
  SLOT_SIZE,
  slotCheck,
  viewOf,
} from "./dxc-format.ts";

export interface Dxc {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly slots: number;
}

/** Where a key is, or would be: `slot` holds it when `offset` is an offset; otherwise it is free (or reusable). */
export interface SlotPlace {
  slot: number;
  offset: number;
  length: number;
}

/** The index over its bytes. Failures: `DXPY_DXC_CORRUPT`, `DXPY_DXC_VERSION`. */
export function dxcOf(bytes: Uint8Array, path: string): Dxc {
  return { path, bytes, view: viewOf(bytes), slots: decodeHeader(bytes, path) };
}

/** Finds a key's slot. Failure `DXPY_DXC_CORRUPT` when what is on the way makes no sense. */
export function findSlot(dxc: Dxc, key: Uint8Array): SlotPlace {
  const { slots } = dxc;
  const keyView = viewOf(key);
  const wanted = keyView.getUint32(0, true);
  let index = keyView.getUint32(8, true) & (slots - 1);
  let reusable: number | undefined;
  for (let probes = 0; probes < slots; probes++) {
    const { prefix, offset, length } = readSlot(dxc, index);
    if (offset === FREE) return { slot: reusable ?? index, offset: FREE, length: 0 };
    if (offset === REMOVED) reusable ??= index;
    else if (prefix === wanted) {
      const record = recordBytes(dxc, offset, length);
      if (sameKey(record, key)) return { slot: index, offset, length };
      // Two keys with one beginning are next to impossible, a record whose key was damaged is not.
      decodeRecord(record, dxc.path);
    }
    index = (index + 1) & (slots - 1);
  }
  if (reusable !== undefined) return { slot: reusable, offset: FREE, length: 0 };
  throw corrupt(dxc.path, "it has no free slot");
}

/** What a slot holds: the first four bytes of a key, and where its record is. Failure `DXPY_DXC_CORRUPT`. */
function readSlot({ view, path }: Dxc, index: number): { prefix: number; offset: number; length: number } {
  const at = HEADER_SIZE + index * SLOT_SIZE;
  const prefix = view.getUint32(at, true);
  const check = view.getUint32(at + 4, true);
  const offset = view.getUint32(at + 8, true);
  const length = view.getUint32(at + 12, true);
  const sound =
    offset === FREE ? (prefix | check | length) === 0 : check === slotCheck(index, prefix, offset, length);
  if (!sound) throw corrupt(path, `the checksum of slot ${index} is wrong`);
  return { prefix, offset, length };
}

/** The bytes of a record that a slot points at, without a copy. Failure `DXPY_DXC_CORRUPT` when they cannot be there. */
export function recordBytes(dxc: Dxc, offset: number, length: number): Uint8Array {
  if (length < MIN_RECORD || length > MAX_RECORD)
    throw corrupt(dxc.path, `a slot with a record of ${length} bytes`);
  if (offset % 16 !== 0 || offset < HEADER_SIZE + dxc.slots * SLOT_SIZE || offset + length > dxc.bytes.length)
    throw corrupt(dxc.path, `a slot points at ${offset}, where no record can be`);
  return partOf(dxc.bytes, offset, offset + length);
}

function sameKey(record: Uint8Array, key: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) if (record[16 + i] !== key[i]) return false;
  return true;
}

/** The record of a key, or `undefined`. O(1). Failure `DXPY_DXC_CORRUPT`. */
export function findRecord(dxc: Dxc, key: Uint8Array): DxcRecord | undefined {
  const place = findSlot(dxc, key);
  if (place.offset === FREE) return undefined;
  return decodeRecord(recordBytes(dxc, place.offset, place.length), dxc.path);
}

/** Whether a key is a layout's: `findRecord` without what else the record says. Failure `DXPY_DXC_CORRUPT`. */
export function hasLayout(dxc: Dxc, key: Uint8Array): boolean {
  const place = findSlot(dxc, key);
  return place.offset !== FREE && isLayoutRecord(recordBytes(dxc, place.offset, place.length), dxc.path);
}

/** Every record, in the order of the slots. Failure `DXPY_DXC_CORRUPT` at the first that is not whole. */
export function* allRecords(dxc: Dxc): Generator<DxcRecord> {
  for (let index = 0; index < dxc.slots; index++) {
    const { offset, length } = readSlot(dxc, index);
    if (offset !== FREE && offset !== REMOVED) yield decodeRecord(recordBytes(dxc, offset, length), dxc.path);
  }
}
