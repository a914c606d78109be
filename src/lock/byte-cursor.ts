import { ABSENT, type DplFault, dplFailure, textBudget } from "./dpl-layout.ts";

/** Reads one checked region of a DPL: numbers, texts and lists, every offset bounded by the region. */
export interface Region {
  bytes: Uint8Array;
  view: DataView;
  /** What the region is, for messages: `the entry of "numpy"`. */
  what: string;
  path: string | undefined;
  /** While set: how many more bytes of text may be made from the region (see `withinBudget`). */
  budget?: number;
  /** Where the pool of the region's texts begins: they are decoded together. */
  textsFrom?: number;
  /** The pool as one text, when all of it is ASCII (then a character is a byte); empty otherwise. */
  texts?: string;
}

// `ignoreBOM` keeps a leading U+FEFF, which is part of the text.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function region(bytes: Uint8Array, what: string, path: string | undefined): Region {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), what, path };
}

export function fail(of: Region, what: string, fault: DplFault = "CORRUPT"): never {
  throw dplFailure(fault, `${of.what} ${what}`, of.path);
}

/** Texts may be shared, so that a crafted region could expand without limit: a reading of the whole is bounded. */
export function withinBudget<T>(of: Region, read: () => T): T {
  of.budget = textBudget(of.bytes.length);
  try {
    return read();
  } finally {
    delete of.budget;
  }
}

function spend(of: Region, size: number): void {
  if (of.budget === undefined) return;
  of.budget -= size;
  if (of.budget < 0) fail(of, "expands to more than its size allows");
}

function decode(of: Region, offset: number, length: number): string {
  if (offset + length > of.bytes.length) fail(of, "points outside itself");
  spend(of, length);
  if (of.textsFrom !== undefined && offset >= of.textsFrom) {
    of.texts ??= plainTexts(of.bytes.subarray(of.textsFrom));
    if (of.texts !== "") return of.texts.substring(offset - of.textsFrom, offset - of.textsFrom + length);
  }
  try {
    return decoder.decode(of.bytes.subarray(offset, offset + length));
  } catch {
    return fail(of, "holds a text that is not UTF-8");
  }
}

/** A thousand file names are a thousand calls of the decoder, or one and as many slices. */
function plainTexts(bytes: Uint8Array): string {
  try {
    const text = decoder.decode(bytes);
    return text.length === bytes.length ? text : "";
  } catch {
    // What is not UTF-8 may belong to no text: each is decoded by itself.
    return "";
  }
}

/** The text that the reference at `at` points to; `pointsInto` is the region of the text, which is `of` within a body. */
export function textAt(of: Region, at: number, pointsInto: Region = of): string | undefined {
  const offset = of.view.getUint32(at, true);
  const length = of.view.getUint32(at + 4, true);
  return offset === ABSENT ? undefined : decode(pointsInto, offset, length);
}

export function bytesAt(of: Region, at: number, pointsInto: Region = of): Uint8Array | undefined {
  const offset = of.view.getUint32(at, true);
  const length = of.view.getUint32(at + 4, true);
  if (offset === ABSENT) return undefined;
  if (offset + length > pointsInto.bytes.length) fail(pointsInto, "points outside itself");
  return pointsInto.bytes.subarray(offset, offset + length);
}

export function requiredTextAt(of: Region, at: number, pointsInto: Region = of): string {
  return textAt(of, at, pointsInto) ?? fail(of, "lacks a text that it must have");
}

/** 64 bits; all ones: absent. */
export function wideAt(of: Region, at: number): number | undefined {
  const low = of.view.getUint32(at, true);
  const high = of.view.getUint32(at + 4, true);
  if (low === ABSENT && high === ABSENT) return undefined;
  if (high > 0x1f_ffff) fail(of, "holds a number beyond 2^53 − 1");
  return high * 0x1_0000_0000 + low;
}

/** A place in a region that is read from front to back. */
export interface Cursor {
  of: Region;
  at: number;
  end: number;
}

export function cursorOver(of: Region): Cursor {
  return { of, at: 0, end: of.bytes.length };
}

export function take(cursor: Cursor, size: number): number {
  const start = cursor.at;
  if (start + size > cursor.end) fail(cursor.of, "ends too early");
  cursor.at += size;
  return start;
}

export function takeNumber(cursor: Cursor): number {
  return cursor.of.view.getUint32(take(cursor, 4), true);
}

export function takeText(cursor: Cursor): string {
  const length = takeNumber(cursor);
  return decode(cursor.of, take(cursor, length), length);
}

export function takeTexts(cursor: Cursor): string[] {
  const count = takeNumber(cursor);
  // Each text takes at least its length: a count that cannot fit is refused before anything is allocated.
  if (count * 4 > cursor.end - cursor.at) fail(cursor.of, "counts more texts than it can hold");
  return Array.from({ length: count }, () => takeText(cursor));
}

/** Pairs of texts as a record. */
export function pairs(texts: readonly string[], of: Region): Record<string, string> {
  if (texts.length % 2 !== 0) fail(of, "holds half a pair");
  return Object.fromEntries(
    Array.from({ length: texts.length / 2 }, (_, i) => [texts[2 * i]!, texts[2 * i + 1]!] as const),
  );
}

export function listAt(of: Region, at: number): string[] | undefined {
  const start = of.view.getUint32(at, true);
  const end = start + of.view.getUint32(at + 4, true);
  if (start === ABSENT) return undefined;
  if (end > of.bytes.length) fail(of, "points outside itself");
  const cursor = { of, at: start, end };
  const texts = takeTexts(cursor);
  if (cursor.at !== end) fail(of, "holds bytes that belong to nothing");
  return texts;
}

/** Names of the set bits, in the table's order. */
export function bitmapNames(bitmap: Uint8Array, table: readonly string[], of: Region): string[] {
  const names: string[] = [];
  for (let byte = 0; byte < bitmap.length; byte += 1) {
    for (let bits = bitmap[byte]!; bits !== 0; bits &= bits - 1) {
      const number = byte * 8 + (31 - Math.clz32(bits & -bits));
      spend(of, 8);
      names.push(table[number] ?? fail(of, "marks an extra that is not in its table"));
    }
  }
  return names;
}
