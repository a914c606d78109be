/** A packed `.dxpkg` as it is read: from its beginning to its end, once, out of a file, of memory, or of zstd. */
import { zstdDecompressSync } from "node:zlib";
import type { Failure } from "../platform/errors.ts";
import { sharedZstdDecoder } from "../platform/zstd.ts";
import { badPackage } from "./dxpkg-layout.ts";

export interface PackedSource {
  /** Bytes in all, as far as is promised. */
  readonly size: number;
  /** The next bytes: so many, at most {@link WINDOW}, and fewer only at the end. They are valid until the next call. */
  next(length: number): Uint8Array;
  /** Failure `DXPY_BAD_PACKAGE` unless everything has been read and it was as much as was promised. */
  end(): void;
}

/** Packages up to here are compressed and unpacked in memory, larger ones through files. Bytes, packed. */
export const IN_MEMORY = 256 * 1024 * 1024;
/** Files up to here come in one piece. Bytes. */
export const WINDOW = 1024 * 1024;

export function bytesSource(bytes: Uint8Array, name: string): PackedSource {
  let at = 0;
  return {
    size: bytes.length,
    next(length) {
      const piece = bytes.subarray(at, at + length);
      at += piece.length;
      return piece;
    },
    end() {
      if (at !== bytes.length) throw wrongSize(bytes.length, at, name);
    },
  };
}

/** What one thread decompresses into, again and again. */
let window: Uint8Array | undefined;

/**
 * Decompresses pieces, in order, while it is read; never holds or makes more than is asked for. One at a time in each thread. `next` throws
 * Failure `DXPY_BAD_PACKAGE` for what is no zstd.
 */
export function compressedSource(compressed: Iterable<Uint8Array>, size: number, name: string): PackedSource {
  const decoder = sharedZstdDecoder();
  if (decoder === undefined) {
    const whole = Buffer.concat(Array.from(compressed, (piece) => piece.slice()));
    return bytesSource(decompressWhole(whole, size, name), name);
  }
  window ??= new Uint8Array(WINDOW);
  const buffer = window;
  let [start, filled, read] = [0, 0, 0];
  decoder.begin(compressed[Symbol.iterator]());

  const fill = (to: number): void => {
    const got = decoder.fill(buffer, filled, to);
    if (got < 0) throw notCompressed(name);
    filled += got;
  };
  return {
    size,
    next(length) {
      if (filled - start < length) {
        buffer.copyWithin(0, start, filled);
        filled -= start;
        start = 0;
        // A byte more than is promised tells too much from enough.
        fill(Math.min(WINDOW, filled + Math.max(0, size + 1 - read - filled)));
      }
      const piece = buffer.subarray(start, Math.min(filled, start + length));
      start += piece.length;
      read += piece.length;
      return piece;
    },
    end() {
      if (start === filled) {
        start = 0;
        filled = 0;
        fill(1);
      }
      const length = read + filled - start;
      if (length !== size || read !== size) throw wrongSize(length, size, name);
    },
  };
}

/** Exactly `size` bytes, at most {@link IN_MEMORY}. Failure `DXPY_BAD_PACKAGE` names `source`. */
export function decompressWhole(compressed: Uint8Array, size: number, source: string): Uint8Array {
  if (size > IN_MEMORY) throw badPackage(source, `its ${size} bytes are too many for memory`);
  let packed: Uint8Array;
  try {
    // A byte more than is right, so that too much is told from exactly enough.
    packed = zstdDecompressSync(compressed, { maxOutputLength: size + 1 });
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") throw wrongSize(size + 1, size, source);
    throw notCompressed(source);
  }
  if (packed.length !== size) throw wrongSize(packed.length, size, source);
  return packed;
}

/** It became `length` bytes, as far as was looked. */
export function wrongSize(length: number, size: number, source: string): Failure {
  const said = length > size ? `more than the ${size} bytes` : `${length} bytes, not the ${size}`;
  return badPackage(source, `it unpacks to ${said} that were promised`);
}

export function notCompressed(source: string): Failure {
  return badPackage(source, "it is not zstd, or it is cut off");
}
