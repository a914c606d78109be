import {
  cursorOver,
  fail,
  pairs,
  type Region,
  region,
  take,
  takeNumber,
  takeText,
  takeTexts,
} from "./byte-cursor.ts";
import { type DplEntry, dplEntry } from "./dpl-entry.ts";
import {
  ABSENT,
  dplFailure,
  E,
  ENTRY_SIZE,
  FORMAT_VERSION,
  H,
  HEADER_SIZE,
  MAGIC,
  MAX_PACKAGES,
  nameHash,
  REQUIRED_FLAGS,
  SLOT_SIZE,
  slotsOf,
} from "./dpl-layout.ts";
import { type DplSource, fileSource, memorySource } from "./dpl-source.ts";
import type { DplDigests } from "./dpl-writer.ts";
import type { Lock } from "./lock-model.ts";

/**
 * Opens a DPL (docs/formats/dpl.md) without reading it: the header and the inputs at once, an entry when it is asked for.
 * Every region is checked against its checksum before anything in it is believed.
 */

export interface Dpl {
  readonly header: DplHeader;
  /** 32 bytes: the identity of the lock's content, whatever it was compiled from. */
  readonly digest: Uint8Array;
  /** The lock without its packages. */
  readonly lock: Omit<Lock, "packages">;
  /** Every entry of the normalised name: one hash, one or two slots. */
  find(name: string): DplEntry[];
  /** In the lock's order. */
  entries(): DplEntry[];
  entry(index: number): DplEntry;
  close(): void;
}

export interface DplHeader extends DplDigests {
  readonly packages: number;
  readonly requiresPython: string | undefined;
  readonly fingerprint: string;
}

interface Section {
  offset: number;
  length: number;
}

interface Frame {
  source: DplSource;
  path: string | undefined;
  packages: number;
  seed: number;
  slots: Section;
  lock: Section;
  entries: Section;
  bodies: Section;
  lockCheck: number;
}

/**
 * Failure DXPY_DPL_MAGIC, _VERSION, _TRUNCATED or _CORRUPT, here for the header and the inputs, later for an entry that is
 * asked for. A path that cannot be opened throws the system's error. `named` is the path for messages.
 */
export function openDpl(from: Uint8Array | string | DplSource, named?: string): Dpl {
  const path = typeof from === "string" ? from : named;
  const source =
    typeof from === "string" ? fileSource(from) : from instanceof Uint8Array ? memorySource(from) : from;
  try {
    return openSource(source, path);
  } catch (error) {
    source.close();
    throw error;
  }
}

function openSource(source: DplSource, path: string | undefined): Dpl {
  const header = readHeader(source, path);
  const { view, bytes } = header;
  const section = (at: number): Section => ({
    offset: view.getUint32(at, true),
    length: view.getUint32(at + 4, true),
  });
  const frame: Frame = {
    source,
    path,
    packages: view.getUint32(H.packages, true),
    seed: view.getUint32(H.seed, true),
    slots: section(H.slots),
    lock: section(H.lock),
    entries: section(H.entries),
    bodies: section(H.bodies),
    lockCheck: view.getUint32(H.lockCheck, true),
  };
  const inputsPlace = section(H.inputs);
  checkPlaces(frame, inputsPlace, header);
  const inputsRegion = readSection(
    frame,
    inputsPlace,
    view.getUint32(H.inputsCheck, true),
    "the list of inputs",
  );
  const inputs = readInputs(inputsRegion);
  const pylockSha256 = bytes.subarray(H.textDigest, H.textDigest + 32).toHex();
  let lock: Omit<Lock, "packages"> | undefined;
  let entries: DplEntry[] | undefined;

  const dpl: Dpl = {
    header: {
      pylockSha256,
      inputs,
      packages: frame.packages,
      get requiresPython() {
        return dpl.lock.requiresPython;
      },
      get fingerprint() {
        return dpl.lock.fingerprint;
      },
    },
    digest: new Uint8Array(bytes.subarray(H.digest, H.digest + 32)),
    get lock() {
      lock ??= readLockPart(readSection(frame, frame.lock, frame.lockCheck, "the part about the whole lock"));
      return lock;
    },
    find: (name) => find(frame, name),
    entries() {
      if (entries === undefined) {
        source.all();
        entries = Array.from({ length: frame.packages }, (_, i) => readEntry(frame, i));
      }
      return entries;
    },
    entry: (index) => readEntry(frame, index),
    close: () => source.close(),
  };
  return dpl;
}

function readHeader(source: DplSource, path: string | undefined): Region {
  const bytes = source.read(0, HEADER_SIZE);
  const header = region(bytes, "the header", path);
  const magicIsRight = bytes.length >= 4 && header.view.getUint32(0, true) === MAGIC;
  if (!magicIsRight) {
    const start = JSON.stringify(String.fromCharCode(...bytes.subarray(0, 4)));
    throw dplFailure("MAGIC", `this is not a dx-py.dpl: it starts with ${start} where "DXPL" is due`, path);
  }
  if (bytes.length < 8)
    fail(header, `is ${bytes.length} bytes long, and should be ${HEADER_SIZE}`, "TRUNCATED");
  const version = header.view.getUint16(H.version, true);
  if (version !== FORMAT_VERSION) {
    throw dplFailure(
      "VERSION",
      `format version ${version} is not known; this dx-py knows ${FORMAT_VERSION}`,
      path,
    );
  }
  if (bytes.length < HEADER_SIZE) {
    fail(header, `is ${bytes.length} bytes long, and should be ${HEADER_SIZE}`, "TRUNCATED");
  }
  // Not `slice`: a Buffer's shares its memory.
  const unchecked = new Uint8Array(bytes);
  unchecked.fill(0, H.check, H.check + 4);
  if (header.view.getUint32(H.check, true) !== Bun.hash.crc32(unchecked))
    fail(header, "does not match its checksum");
  if (header.view.getUint16(H.headerSize, true) !== HEADER_SIZE) fail(header, "gives itself a wrong length");
  const unknown = header.view.getUint32(H.flags, true) & REQUIRED_FLAGS;
  if (unknown !== 0) {
    throw dplFailure("VERSION", `the flags 0x${unknown.toString(16)} are not known to this dx-py`, path);
  }
  const total =
    header.view.getUint32(H.totalSize, true) + header.view.getUint32(H.totalSize + 4, true) * 2 ** 32;
  if (total !== source.size) {
    const what = `the file is ${source.size} bytes long, and its header says ${total}`;
    throw dplFailure(source.size < total ? "TRUNCATED" : "CORRUPT", what, path);
  }
  return header;
}

/** The sections lie in their order without gap, and have the sizes that the counts demand. */
function checkPlaces(frame: Frame, inputs: Section, header: Region): void {
  const { slots, lock, entries, bodies, packages, source } = frame;
  let end = HEADER_SIZE;
  for (const { offset, length } of [inputs, slots, lock, entries, bodies]) {
    if (offset !== end) fail(header, "places its sections wrongly");
    end += length;
  }
  if (end !== source.size) fail(header, "places its sections wrongly");
  const slotCount = slots.length / SLOT_SIZE;
  const power = Number.isInteger(slotCount) && slotCount > 0 && (slotCount & (slotCount - 1)) === 0;
  if (!power || packages > MAX_PACKAGES || entries.length !== packages * ENTRY_SIZE) {
    fail(header, "counts wrongly");
  }
}

function readSection(frame: Frame, place: Section, check: number, what: string): Region {
  const bytes = frame.source.read(place.offset, place.length);
  const part = region(bytes, what, frame.path);
  if (bytes.length !== place.length) fail(part, "ends too early", "TRUNCATED");
  if (Bun.hash.crc32(bytes) !== check) fail(part, "does not match its checksum");
  return part;
}

function readInputs(of: Region): DplDigests["inputs"] {
  const cursor = cursorOver(of);
  const count = takeNumber(cursor);
  if (count * 40 > of.bytes.length) fail(of, "counts more than it can hold");
  const inputs = Array.from({ length: count }, () => {
    const given = takeNumber(cursor);
    if (given > 1) fail(of, "has flags that this version does not know", "VERSION");
    const at = take(cursor, 32);
    const sha256 = given === 0 ? "" : of.bytes.subarray(at, at + 32).toHex();
    return { path: takeText(cursor), sha256 };
  });
  if (cursor.at !== of.bytes.length) fail(of, "holds bytes that belong to nothing");
  return inputs;
}

function readLockPart(of: Region): Omit<Lock, "packages"> {
  const cursor = cursorOver(of);
  const flags = takeNumber(cursor);
  if (flags > 3) fail(of, "has flags that this version does not know", "VERSION");
  const requiresPython = takeText(cursor);
  const known = {
    ...((flags & 1) === 0 ? {} : { requiresPython }),
    fingerprint: takeText(cursor),
    environments: takeTexts(cursor),
    extras: takeTexts(cursor),
    dependencyGroups: takeTexts(cursor),
    defaultGroups: takeTexts(cursor),
    options: pairs(takeTexts(cursor), of),
  };
  const forks = takeTexts(cursor);
  const settings = (flags & 2) === 0 ? undefined : pairs(takeTexts(cursor), of);
  if (cursor.at !== of.bytes.length) fail(of, "holds bytes that belong to nothing");
  return {
    ...known,
    ...(forks.length === 0 ? {} : { forks }),
    ...(settings === undefined ? {} : { settings }),
  };
}

function find(frame: Frame, name: string): DplEntry[] {
  const hash = nameHash(name, frame.seed);
  const [first, second] = slotsOf(hash, frame.slots.length / SLOT_SIZE);
  return (
    findInSlot(frame, first, hash, name) ??
    (second === first ? undefined : findInSlot(frame, second, hash, name)) ??
    []
  );
}

function findInSlot(frame: Frame, slot: number, hash: number, name: string): DplEntry[] | undefined {
  const bytes = frame.source.read(frame.slots.offset + slot * SLOT_SIZE, SLOT_SIZE);
  const part = region(bytes, `slot ${slot} of the table of names`, frame.path);
  if (bytes.length !== SLOT_SIZE) fail(part, "ends too early", "TRUNCATED");
  const { view } = part;
  if (Bun.hash.crc32(bytes.subarray(0, 12)) !== view.getUint32(12, true))
    fail(part, "does not match its checksum");
  const first = view.getUint32(4, true);
  const count = view.getUint32(8, true);
  if (first === ABSENT || view.getUint32(0, true) !== hash) return undefined;
  if (count === 0 || first + count > frame.packages) fail(part, "points outside the entries");
  const entry = readEntry(frame, first);
  if (entry.name !== name) return undefined;
  const found = [entry];
  for (let i = 1; i < count; i += 1) found.push(readEntry(frame, first + i));
  if (found.some((each) => each.name !== name || each.nameHash !== hash)) fail(part, "holds several names");
  return found;
}

function readEntry(frame: Frame, index: number): DplEntry {
  if (index < 0 || index >= frame.packages) throw new RangeError(`no entry ${index}`);
  const bytes = frame.source.read(frame.entries.offset + index * ENTRY_SIZE, ENTRY_SIZE);
  const entry = region(bytes, `entry ${index}`, frame.path);
  if (bytes.length !== ENTRY_SIZE) fail(entry, "ends too early", "TRUNCATED");
  if (Bun.hash.crc32(bytes.subarray(E.nameHash)) !== entry.view.getUint32(E.check, true)) {
    fail(entry, "does not match its checksum");
  }
  const offset = entry.view.getUint32(E.body, true);
  const length = entry.view.getUint32(E.body + 4, true);
  if (offset + length > frame.bodies.length) fail(entry, "points outside the bodies");
  const place = { offset: frame.bodies.offset + offset, length };
  const body = readSection(
    frame,
    place,
    entry.view.getUint32(E.bodyCheck, true),
    `the body of entry ${index}`,
  );
  return dplEntry(index, entry, body);
}
