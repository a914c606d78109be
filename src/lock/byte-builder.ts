import { ABSENT, dplFailure, MAX_FILE_SIZE } from "./dpl-layout.ts";

/** A growing buffer for one section of a DPL: little-endian numbers, and texts as UTF-8. */
export interface ByteBuilder {
  /** Bytes written so far. */
  length: number;
  bytes: Uint8Array;
  view: DataView;
}

const encoder = new TextEncoder();

export function byteBuilder(capacity: number): ByteBuilder {
  const bytes = new Uint8Array(capacity);
  return { length: 0, bytes, view: new DataView(bytes.buffer) };
}

/** Reserves `size` zero bytes at the end; their offset. */
export function reserve(builder: ByteBuilder, size: number): number {
  const start = builder.length;
  ensure(builder, size);
  builder.length += size;
  return start;
}

function ensure(builder: ByteBuilder, size: number): void {
  const needed = builder.length + size;
  if (needed <= builder.bytes.length) return;
  if (needed > MAX_FILE_SIZE) throw dplFailure("TOO_LARGE", "the lock is larger than 1 GiB");
  const grown = new Uint8Array(Math.min(MAX_FILE_SIZE, Math.max(needed, builder.bytes.length * 2)));
  grown.set(builder.bytes.subarray(0, builder.length));
  builder.bytes = grown;
  builder.view = new DataView(grown.buffer);
}

/** Appends the text's UTF-8; the number of bytes. A lone surrogate has none: Failure DXPY_DPL_BAD_VALUE. */
export function putText(builder: ByteBuilder, text: string): number {
  if (!text.isWellFormed()) {
    throw dplFailure(
      "BAD_VALUE",
      `${JSON.stringify(text.slice(0, 80))} is not valid Unicode (a lone surrogate)`,
    );
  }
  ensure(builder, text.length * 3);
  const { written } = encoder.encodeInto(text, builder.bytes.subarray(builder.length));
  builder.length += written;
  return written;
}

export function putNumber(builder: ByteBuilder, value: number): void {
  const at = reserve(builder, 4);
  builder.view.setUint32(at, value, true);
}

/** Length, then UTF-8. */
export function putSizedText(builder: ByteBuilder, text: string): void {
  const at = reserve(builder, 4);
  const written = putText(builder, text);
  builder.view.setUint32(at, written, true);
}

/** Count, then each text with its length. */
export function putTexts(builder: ByteBuilder, texts: readonly string[]): void {
  putNumber(builder, texts.length);
  for (const text of texts) putSizedText(builder, text);
}

/** A whole number of bytes or milliseconds as 64 bits; absent: all ones. */
export function setWide(builder: ByteBuilder, at: number, value: number | undefined, what: string): void {
  if (value === undefined) {
    builder.view.setUint32(at, ABSENT, true);
    builder.view.setUint32(at + 4, ABSENT, true);
    return;
  }
  if (!Number.isSafeInteger(value) || value < 0) {
    throw dplFailure("BAD_VALUE", `${what} is ${value}, not a whole number from 0 to 2^53 − 1`);
  }
  builder.view.setUint32(at, value % 0x1_0000_0000, true);
  builder.view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

export function setReference(
  builder: ByteBuilder,
  at: number,
  [offset, length]: readonly [number, number],
): void {
  builder.view.setUint32(at, offset, true);
  builder.view.setUint32(at + 4, length, true);
}
