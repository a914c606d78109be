import { type Pointer, ptr, toArrayBuffer } from "bun:ffi";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { loadLibc } from "./libc.ts";

/** A file's bytes without reading them: mapped read-only, so that it works on files of mode 0444 and of other users. */
export interface Mapping {
  readonly bytes: Uint8Array;
  /** Unmaps. Slices that were handed out become empty; none of them dangles. */
  close(): void;
}

const PROT_READ = 1;
const MAP_SHARED = 1;

/** Bun.mmap is only second choice: it opens for writing. The errors are those of `open`. */
export function mapReadOnly(path: string): Mapping {
  const file = openSync(path, "r");
  try {
    const size = fstatSync(file).size;
    const mapped = size === 0 ? undefined : (mapByLibc(file, size) ?? mapByBun(path));
    if (mapped !== undefined) return mapped;
    return held(new Uint8Array(readFileSync(file)));
  } finally {
    closeSync(file);
  }
}

function mapByLibc(file: number, size: number): Mapping | undefined {
  const libc = loadLibc();
  if (libc === undefined) return undefined;
  const address = libc.symbols.mmap(null, size, PROT_READ, MAP_SHARED, file, 0);
  // MAP_FAILED is the pointer −1, which arrives as a bigint.
  if (typeof address !== "number" || address <= 0) return undefined;
  const buffer = toArrayBuffer(address as Pointer, 0, size);
  let open = true;
  return {
    bytes: new Uint8Array(buffer),
    close() {
      if (!open) return;
      open = false;
      // Moving the buffer away detaches it: every view on it has length 0 from now on.
      const moved = (buffer as ArrayBuffer).transfer();
      if (ptr(new Uint8Array(moved)) === address) libc.symbols.munmap(address as Pointer, size);
    },
  };
}

function mapByBun(path: string): Mapping | undefined {
  try {
    return held(Bun.mmap(path, { shared: true }));
  } catch {
    return undefined;
  }
}

/** Memory that the garbage collector owns: closing is letting go. */
function held(bytes: Uint8Array): Mapping {
  return { bytes, close() {} };
}
