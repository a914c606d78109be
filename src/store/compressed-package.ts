/**
 * The packed form of a package object, compressed with zstd (RFC 8878): what a binary cache moves. Decompression is
 * bounded by the size that was promised: what would become more is refused, not written.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompress,
  zstdDecompressSync,
} from "node:zlib";
import { writeWhole } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { badPackage } from "./dxpkg-layout.ts";
import { packedPieces, packedSize } from "./pack.ts";
import type { Store } from "./store.ts";
import { zstdFrames } from "./zstd-frames.ts";

/** Packages up to here are compressed and unpacked in memory, larger ones through files. Bytes, packed. */
export const IN_MEMORY = 256 * 1024 * 1024;
const PIECE = 1024 * 1024;
/** Content of one zstd frame, as it is written. Bytes. */
const FRAME = 1024 * 1024;
/** Memory that a thread keeps for the next package. Bytes. */
const SCRATCH = 128 * 1024 * 1024;
const COMPRESSION = {
  [constants.ZSTD_c_compressionLevel]: 3,
  [constants.ZSTD_c_checksumFlag]: 1,
};

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

/** Frame by frame, so that a reader can unpack one at a time into memory that it has already. */
export async function compressBytes(packed: Uint8Array): Promise<Uint8Array> {
  const frames: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < packed.length; at += FRAME) {
    frames.push(await compressFrame(packed.subarray(at, at + FRAME)));
  }
  return frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames);
}

function compressFrame(content: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    zstdCompress(content, { params: COMPRESSION }, (error, body) => (error ? reject(error) : resolve(body)));
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

/** Memory for one package after the other: fresh pages would cost as much as the decompression. */
export interface Scratch {
  bytes?: Uint8Array;
}

/**
 * Exactly `size` bytes, at most {@link IN_MEMORY}. With `scratch`, they are valid until it is used again. Failure
 * `DXPY_BAD_PACKAGE` names `source`.
 */
export function decompressPackage(
  compressed: Uint8Array,
  size: number,
  source: string,
  scratch?: Scratch,
): Uint8Array {
  if (size > IN_MEMORY) throw badPackage(source, `its ${size} bytes are too many for memory`);
  // Frames of a few bytes each would be nothing but a way to fill memory.
  const frames = zstdFrames(compressed, 1000 + size / 65_536);
  if (frames === undefined) throw badPackage(source, "it is not zstd, or it is cut off");
  const promised = frames.reduce((sum, { content = 0 }) => sum + content, 0);
  const inPieces = scratch !== undefined && frames.every(({ content }) => content !== undefined);
  try {
    if (!inPieces) {
      // A byte more than is right, so that too much is told from exactly enough.
      const packed = zstdDecompressSync(compressed, { maxOutputLength: size + 1 });
      if (packed.length !== size) throw wrongSize(packed.length, size, source);
      return packed;
    }
    if (promised !== size) throw wrongSize(promised, size, source);
    const packed = scratchOf(size, scratch);
    let at = 0;
    for (const { start, end, content = 0 } of frames) {
      const piece = zstdDecompressSync(compressed.subarray(start, end), { maxOutputLength: content + 1 });
      if (piece.length !== content) throw wrongSize(at + piece.length, size, source);
      packed.set(piece, at);
      at += content;
    }
    return packed;
  } catch (error) {
    throw error instanceof Failure ? error : notCompressed(error, size, source);
  }
}

function scratchOf(size: number, scratch: Scratch): Uint8Array {
  if (size > SCRATCH) return new Uint8Array(size);
  if (scratch.bytes === undefined || scratch.bytes.length < size) {
    scratch.bytes = new Uint8Array(Math.min(SCRATCH, Math.max(size * 2, 8 * FRAME)));
  }
  return scratch.bytes.subarray(0, size);
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
    throw error instanceof Failure ? error : notCompressed(error, size, source);
  } finally {
    stream.destroy();
    closeSync(file);
    closeSync(out);
  }
}

function wrongSize(length: number, size: number, source: string): Failure {
  const said = length > size ? `more than the ${size} bytes` : `${length} bytes, not the ${size}`;
  return badPackage(source, `it unpacks to ${said} that were promised`);
}

function notCompressed(error: unknown, size: number, source: string): Failure {
  if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") return wrongSize(size + 1, size, source);
  return badPackage(source, "it is not zstd, or it is cut off");
}
