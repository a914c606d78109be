import { zlibBinding } from "./zlib-binding.ts";

/** Zstandard (RFC 8878), decompressed into buffers of the caller's: fresh memory for every megabyte costs more than the work itself. */
export interface ZstdDecoder {
  /** Begins with other data: pieces, in order. Each is used up before the next is asked for. */
  begin(compressed: Iterator<Uint8Array>): void;
  /**
   * Writes into `into` from `from` to `to`, and less only where the data ends, be it whole or cut off; returns how many bytes.
   * -1: the data is damaged or is not zstd. Frames that follow each other count as one.
   */
  fill(into: Uint8Array, from: number, to: number): number;
}

let shared: ZstdDecoder | null | undefined;

/** The one of this thread, for one piece of data at a time; `undefined` where the binding is not as it is known. */
export function sharedZstdDecoder(): ZstdDecoder | undefined {
  if (shared === undefined) {
    const decoder = createDecoder();
    shared = decoder !== undefined && works(decoder) ? decoder : null;
  }
  return shared ?? undefined;
}

function createDecoder(): ZstdDecoder | undefined {
  const { createZstdDecompress } = require("node:zlib") as typeof import("node:zlib");
  const binding = zlibBinding(createZstdDecompress());
  if (binding === undefined) return undefined;
  const { handle, state } = binding;
  let fault = false;
  handle.onerror = () => {
    fault = true;
  };
  const nothing = new Uint8Array();
  let pieces: Iterator<Uint8Array> = [][Symbol.iterator]();
  let input: Uint8Array = nothing;
  let used = 0;
  let ended = false;
  return {
    begin(compressed) {
      handle.reset();
      fault = false;
      pieces = compressed;
      input = nothing;
      used = 0;
      ended = false;
    },
    fill(into, from, to) {
      let at = from;
      while (at < to && !fault) {
        if (used === input.length && !ended) {
          const { done, value } = pieces.next();
          ended = done === true;
          input = ended ? nothing : value;
          used = 0;
        }
        handle.writeSync(0, input, used, input.length - used, into, at, to - at);
        const [free = 0, left = 0] = state;
        const got = to - at - free;
        const eaten = input.length - used - left;
        used += eaten;
        at += got;
        if (got === 0 && eaten === 0 && ended) break;
      }
      return fault ? -1 : at - from;
    },
  };
}

/** Two tries: a sample comes out right, in two parts, and damage is noticed. */
function works(decoder: ZstdDecoder): boolean {
  // "hello" in a raw block.
  const sample = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x29, 0, 0, 0x68, 0x65, 0x6c, 0x6c, 0x6f]);
  try {
    const out = new Uint8Array(8);
    decoder.begin([sample.subarray(0, 6), sample.subarray(6)].values());
    const right = decoder.fill(out, 0, 3) === 3 && decoder.fill(out, 3, 8) === 2;
    decoder.begin([new Uint8Array(8).fill(7)].values());
    return right && String.fromCharCode(...out.subarray(0, 5)) === "hello" && decoder.fill(out, 0, 8) === -1;
  } catch {
    return false;
  }
}
