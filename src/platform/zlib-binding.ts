/** The part of Node's binding to zlib and zstd that is used: it works in buffers of the caller's, where the documented calls make new ones. */
export interface ZlibHandle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): unknown;
  reset(): void;
  onerror: ((message: string, errno: number, code: string) => void) | null;
}

export interface ZlibBinding {
  handle: ZlibHandle;
  /** After each write: how much of the output is free, and how much of the input is left. */
  state: Uint32Array;
}

/** It is not documented, so that whoever gets it tries it before trusting it. `undefined` where it is not as it is known. */
export function zlibBinding(stream: object): ZlibBinding | undefined {
  const { _handle: handle, _writeState: state } = stream as { _handle?: ZlibHandle; _writeState?: unknown };
  const known = typeof handle?.writeSync === "function" && typeof handle.reset === "function";
  return known && state instanceof Uint32Array ? { handle, state } : undefined;
}
