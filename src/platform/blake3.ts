import { createPortableBlake3 } from "./blake3-portable.ts";

/**
 * BLAKE3 in two sizes. For a few kB: our own, synchronous, no load cost (0.2 ms per kB in a young process, so keep the
 * input short). For whole files: a native module, loaded on demand (6 GB/s), or WebAssembly where it cannot be loaded
 * (0.5 GB/s). Once a thread has loaded it, small inputs are its work too.
 */
export function blake3Bytes(data: string | Uint8Array): Uint8Array {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  if (loaded !== undefined) return loaded.hash(bytes);
  const hasher = createPortableBlake3();
  hasher.update(bytes);
  return hasher.digest();
}

/** Lower-case hex, 64 characters. */
export function blake3Hex(data: string | Uint8Array): string {
  return blake3Bytes(data).toHex();
}

export interface Blake3Stream {
  update(data: Uint8Array): void;
  /** 32 bytes; the stream is used up. */
  digest(): Uint8Array;
}

export interface BulkBlake3 {
  readonly engine: "native" | "wasm";
  /** 32 bytes. */
  hash(data: Uint8Array): Uint8Array;
  create(): Blake3Stream;
}

let bulk: Promise<BulkBlake3> | undefined;
let loaded: BulkBlake3 | undefined;

/** The fast engine, loaded once per thread. */
export function loadBulkBlake3(): Promise<BulkBlake3> {
  bulk ??= loadNative()
    .catch(loadWasm)
    .then((engine) => {
      loaded = engine;
      return engine;
    });
  return bulk;
}

/** Throws where the module has no binary for this platform, or the temporary folder cannot hold programs (`noexec`). */
export async function loadNative(): Promise<BulkBlake3> {
  const native = await import("@napi-rs/blake-hash");
  const asBuffer = (data: Uint8Array) =>
    Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return {
    engine: "native",
    hash: (data) => native.blake3(asBuffer(data)),
    create() {
      const hasher = new native.Blake3Hasher();
      return {
        update: (data) => {
          hasher.update(asBuffer(data));
        },
        digest: () => hasher.digestBuffer(),
      };
    },
  };
}

export async function loadWasm(): Promise<BulkBlake3> {
  const { createBLAKE3 } = await import("hash-wasm");
  const whole = await createBLAKE3();
  // Streams may overlap, and one instance holds one state: finished instances are kept for the next stream.
  const idle = [await createBLAKE3()];
  return {
    engine: "wasm",
    hash: (data) => whole.init().update(data).digest("binary"),
    create() {
      const hasher = idle.pop();
      // More streams at once than there are instances (making one is asynchronous): slow, but right.
      if (hasher === undefined) return createPortableBlake3();
      hasher.init();
      return {
        update: (data) => {
          hasher.update(data);
        },
        digest: () => {
          const digest = hasher.digest("binary");
          idle.push(hasher);
          return digest;
        },
      };
    },
  };
}
