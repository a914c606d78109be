import { zlibBinding } from "./zlib-binding.ts";

/**
 * Raw deflate with exact bounds, into one buffer that is used again and again: fresh memory for every file costs more
 * in page faults than the copying it saves.
 */
export interface Inflater {
  /**
   * Inflates `compressed` and hands the pieces, in order, to `sink`; a piece is overwritten by the next. Stops
   * as soon as more than `size` bytes come out. Returns what is wrong ("is damaged", …), or `undefined`.
   */
  inflate(compressed: Uint8Array, size: number, sink: (piece: Uint8Array) => void): string | undefined;
}

/** Larger than nearly every file of a wheel, smaller than the processor's cache. */
const PIECE = 1024 * 1024;

/** Loaded when something is inflated: with the streams that it brings it takes 3 ms, and most commands unpack nothing. */
function zlib(): typeof import("node:zlib") {
  return require("node:zlib") as typeof import("node:zlib");
}

export function createInflater(): Inflater {
  const direct = createDirectInflater();
  return direct !== undefined && works(direct) ? direct : { inflate: inflateWhole };
}

let shared: Inflater | undefined;

/** The one of this thread: `sink` must not inflate with it. */
export function sharedInflater(): Inflater {
  shared ??= createInflater();
  return shared;
}

/** Drives zlib's state by hand: no allocation per file, and a file larger than the buffer comes in pieces. */
function createDirectInflater(): Inflater | undefined {
  const { constants, createInflateRaw } = zlib();
  const binding = zlibBinding(createInflateRaw());
  if (binding === undefined) return undefined;
  const { handle, state } = binding;
  const output = new Uint8Array(PIECE);
  let fault = "";
  handle.onerror = (_message, _errno, code) => {
    fault = code;
  };
  return {
    inflate(compressed, size, sink) {
      handle.reset();
      fault = "";
      let used = 0;
      let produced = 0;
      for (;;) {
        handle.writeSync(
          constants.Z_NO_FLUSH,
          compressed,
          used,
          compressed.length - used,
          output,
          0,
          output.length,
        );
        if (fault !== "") return "is damaged (its compressed data is not valid)";
        const [free = 0, left = 0] = state;
        const got = output.length - free;
        const eaten = compressed.length - used - left;
        used += eaten;
        produced += got;
        if (produced > size) return "is larger than it says";
        if (got > 0) sink(output.subarray(0, got));
        if (got === 0 && eaten === 0) break;
        if (left === 0 && free > 0) break;
      }
      if (used < compressed.length) return "has bytes after the end of its compressed data";
      if (produced < size) return "is smaller than it says";
      return undefined;
    },
  };
}

/** The documented way: one buffer per file, bounded by one byte more than is expected. */
export function inflateWhole(
  compressed: Uint8Array,
  size: number,
  sink: (piece: Uint8Array) => void,
): string | undefined {
  let result: { buffer: Uint8Array; engine: { bytesWritten: number } };
  try {
    result = zlib().inflateRawSync(compressed, {
      chunkSize: Math.max(64, size + 1),
      maxOutputLength: Math.max(1, size),
      info: true,
    } as object) as unknown as typeof result;
  } catch (error) {
    return (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE"
      ? "is larger than it says"
      : "is damaged (its compressed data is not valid)";
  }
  if (result.buffer.length > size) return "is larger than it says";
  if (result.engine.bytesWritten < compressed.length) return "has bytes after the end of its compressed data";
  if (result.buffer.length < size) return "is smaller than it says";
  if (size > 0) sink(result.buffer);
  return undefined;
}

/** Two tries: a sample comes out right, and damage is noticed. */
function works(inflater: Inflater): boolean {
  // "hello hello hello" with raw deflate.
  const sample = Uint8Array.from([0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0x00]);
  let text = "";
  try {
    const fault = inflater.inflate(sample, 17, (piece) => {
      text += new TextDecoder().decode(piece);
    });
    const damaged = inflater.inflate(Uint8Array.from([0xff, 0xff, 0xff]), 17, () => {});
    return fault === undefined && text === "hello hello hello" && damaged !== undefined;
  } catch {
    return false;
  }
}
