import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { MAX_FILE_SIZE } from "./dpl-layout.ts";

/** Where a DPL's bytes come from: memory, or a file of which only the asked parts are read. */
export interface DplSource {
  /** Bytes in all. */
  readonly size: number;
  /** Shorter than `length` where the source ends before. The result must not be changed. */
  read(offset: number, length: number): Uint8Array;
  /** Everything, once; later reads are slices of it. */
  all(): Uint8Array;
  close(): void;
}

export function memorySource(bytes: Uint8Array): DplSource {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    all: () => bytes,
    close: () => {},
  };
}

/** Enough for the header and the inputs of an ordinary project, so that the warm path reads once. */
const HEAD_SIZE = 4096;

/**
 * Keeps the file open until `all` or `close`: a lock that is replaced meanwhile cannot mix with this one. Errors are those
 * of the system (ENOENT).
 */
export function fileSource(path: string): DplSource {
  const file = openSync(path, "r");
  let open = true;
  let whole: Uint8Array | undefined;
  const close = () => {
    if (open) closeSync(file);
    open = false;
  };
  const readAt = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readSync(file, bytes, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  };
  try {
    const size = fstatSync(file).size;
    const head = readAt(0, Math.min(size, HEAD_SIZE));
    return {
      size,
      read(offset, length) {
        if (whole !== undefined) return whole.subarray(offset, offset + length);
        const end = Math.min(offset + length, size);
        if (end <= head.length) return head.subarray(offset, end);
        return readAt(offset, Math.max(0, end - offset));
      },
      all() {
        whole ??= readAt(0, Math.min(size, MAX_FILE_SIZE));
        close();
        return whole;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
