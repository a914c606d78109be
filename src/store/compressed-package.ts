/**
 * The packed form of a package object, compressed with zstd (RFC 8878): what a binary cache moves. Decompression is
 * bounded by the size that was promised: what would become more is refused, not written.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { constants, createZstdCompress, createZstdDecompress, zstdCompress } from "node:zlib";
import { writeWhole } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { packedPieces, packedSize } from "./pack.ts";
import { IN_MEMORY, notCompressed, wrongSize } from "./packed-source.ts";
import type { Store } from "./store.ts";

const PIECE = 1024 * 1024;
/** Without zstd's own checksum: every file is compared with its BLAKE3 as it is unpacked. */
const COMPRESSION = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 0 };

/** What a compressed package object must become. */
export interface PackedForm {
  outputHash: string;
  /** Bytes of the packed form, before compression. */
  size: number;
}

export interface CompressedPackage {
  /** Bytes of the packed form. */
  size: number;
  /** The whole, or the file that was given. */
  body: Uint8Array | { file: string; size: number };
}

/** `file` is where it goes when it is too large for memory: a path of the caller's that does not exist. */
export async function compressPackage(store: Store, hash: string, file: string): Promise<CompressedPackage> {
  const stored = store.open(hash);
  try {
    const size = packedSize(stored);
    if (size > IN_MEMORY) {
      await compressToFile(packedPieces(stored), file);
      return { size, body: { file, size: statSync(file).size } };
    }
    const packed = new Uint8Array(size);
    let at = 0;
    for (const piece of packedPieces(stored)) {
      packed.set(piece, at);
      at += piece.length;
    }
    return { size, body: await compressBytes(packed) };
  } finally {
    stored.close();
  }
}

export function compressBytes(packed: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    zstdCompress(packed, { params: COMPRESSION }, (error, body) => (error ? reject(error) : resolve(body)));
  });
}

async function compressToFile(pieces: Iterable<Uint8Array>, file: string): Promise<void> {
  const out = openSync(file, "wx", 0o600);
  try {
    const stream = createZstdCompress({ params: COMPRESSION });
    const done = (async () => {
      for await (const chunk of stream) writeWhole(out, chunk as Uint8Array);
    })();
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; at += PIECE) {
        if (!stream.write(piece.slice(at, at + PIECE))) {
          await new Promise<void>((resolve) => stream.once("drain", () => resolve()));
        }
      }
    }
    stream.end();
    await done;
  } finally {
    closeSync(out);
  }
}

/** From file to file, at most `size` bytes; returns how many. For what is larger, or of unknown size. */
export async function decompressToFile(
  from: string,
  to: string,
  size: number,
  source: string,
): Promise<number> {
  const [file, out] = [openSync(from, "r"), openSync(to, "wx", 0o600)];
  const stream = createZstdDecompress();
  let length = 0;
  try {
    const done = (async () => {
      for await (const chunk of stream) {
        length += (chunk as Uint8Array).length;
        if (length > size) throw wrongSize(length, size, source);
        writeWhole(out, chunk as Uint8Array);
      }
    })();
    const ended = done.then(
      () => false,
      () => false,
    );
    for (;;) {
      const buffer = new Uint8Array(PIECE);
      const got = readSync(file, buffer, 0, PIECE, null);
      if (got === 0) break;
      if (stream.write(buffer.subarray(0, got))) continue;
      const drained = new Promise<boolean>((resolve) => stream.once("drain", () => resolve(true)));
      if (!(await Promise.race([drained, ended]))) break;
    }
    stream.end();
    await done;
    return length;
  } catch (error) {
    throw error instanceof Failure ? error : notCompressed(source);
  } finally {
    stream.destroy();
    closeSync(file);
    closeSync(out);
  }
}
