import { readSync } from "node:fs";

/** Bytes of which one asks for parts: a file on disk, an archive in memory, or something further away. */
export interface RandomAccess {
  readonly size: number;
  /** The bytes from `offset`; fewer than `length` only where the end is reached. Valid until the next call. */
  read(offset: number, length: number): Uint8Array;
}

export function accessBytes(bytes: Uint8Array): RandomAccess {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/** An open file. Reading a few headers this way is cheaper than mapping: taking a mapping away stops all threads for a moment. */
export function accessFile(file: number, size: number): RandomAccess {
  return {
    size,
    read(offset, length) {
      const buffer = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      return buffer.length === 0
        ? buffer
        : buffer.subarray(0, readSync(file, buffer, 0, buffer.length, offset));
    },
  };
}
