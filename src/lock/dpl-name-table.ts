import { ABSENT, dplFailure, nameHash, SLOT_SIZE, slotsOf } from "./dpl-layout.ts";

/**
 * The hash table over names: cuckoo hashing, so that a name is in one of two slots whatever the number of packages, and
 * no list of names, however chosen, makes a lookup longer.
 */
export interface NameTable {
  seed: number;
  /** The section: `slots × 16` bytes. */
  bytes: Uint8Array;
  /** The name hash of each name, in the order given. */
  hashes: Uint32Array;
}

/** One distinct name and the run of entries that have it. */
export interface NameRun {
  name: string;
  first: number;
  count: number;
}

const SEEDS_PER_SIZE = 32;
const MAX_MOVES = 500;

/** Deterministic: the first seed that fits, in the smallest table that has one. */
export function buildNameTable(runs: readonly NameRun[]): NameTable {
  let slots = 4;
  while (slots < runs.length * 2.5) slots *= 2;
  for (let doublings = 0; doublings < 4; doublings += 1, slots *= 2) {
    for (let seed = 0; seed < SEEDS_PER_SIZE; seed += 1) {
      const hashes = Uint32Array.from(runs, (run) => nameHash(run.name, seed));
      const places = placeAll(hashes, slots);
      if (places !== undefined) return { seed, hashes, bytes: slotBytes(runs, hashes, places) };
    }
  }
  throw dplFailure("BAD_VALUE", "the package names collide under every seed");
}

/** Which name each slot holds (ABSENT: none), or `undefined` where this seed does not fit. */
function placeAll(hashes: Uint32Array, slots: number): Uint32Array | undefined {
  const places = new Uint32Array(slots).fill(ABSENT);
  for (let i = 0; i < hashes.length; i += 1) {
    if (!place(i, hashes, places)) return undefined;
  }
  return places;
}

function place(name: number, hashes: Uint32Array, places: Uint32Array): boolean {
  let moving = name;
  let [slot, other] = slotsOf(hashes[moving]!, places.length);
  if (places[slot] !== ABSENT) slot = other;
  for (let moves = 0; moves < MAX_MOVES; moves += 1) {
    const evicted = places[slot]!;
    places[slot] = moving;
    if (evicted === ABSENT) return true;
    moving = evicted;
    const [first, second] = slotsOf(hashes[moving]!, places.length);
    slot = slot === first ? second : first;
  }
  return false;
}

function slotBytes(runs: readonly NameRun[], hashes: Uint32Array, places: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(places.length * SLOT_SIZE);
  const view = new DataView(bytes.buffer);
  for (let slot = 0; slot < places.length; slot += 1) {
    const at = slot * SLOT_SIZE;
    const name = places[slot]!;
    const run = name === ABSENT ? undefined : runs[name]!;
    view.setUint32(at, run === undefined ? 0 : hashes[name]!, true);
    view.setUint32(at + 4, run?.first ?? ABSENT, true);
    view.setUint32(at + 8, run?.count ?? 0, true);
    view.setUint32(at + 12, Bun.hash.crc32(bytes.subarray(at, at + 12)), true);
  }
  return bytes;
}
