/**
 * Bytes of a file of the cache, compressed so that a part of them is read without the rest: pieces of one size (the last one may be
 * shorter), each a Zstandard frame (RFC 8878) of its own. A u32 for each piece, little-endian: where its stored bytes end, counted
 * from the end of these numbers; then the stored bytes. How many bytes there are in all, and in a piece, is known to who stores them.
 *
 * A piece is stored as it is where a frame would not be shorter, would be less than a thirty-second of it, or is not worth its
 * while; then it has its own length. So what a file makes in memory is never out of proportion to the file.
 */

/** Of the largest pieces: Bun decompresses into memory of the stated length up to 16 MB, beyond that into as much as comes. Bytes. */
export const LARGEST_PIECE = 4 * 1024 * 1024;
/** Shorter pieces fit into a block of the disk however they are stored. Bytes. */
const WORTHWHILE = 2048;
/** So much longer than a frame is its content at most. */
const MOST_GAIN = 32;

/** `front`, the pieces, and `back`. All pieces but the last have one size. The same content gives the same bytes. */
export function packPieces(front: Buffer, pieces: readonly Buffer[], back: Buffer = NOTHING): Buffer {
  const compress = (piece: Buffer) => Bun.zstdCompressSync(piece, { level: LEVEL });
  return assemble(
    front,
    pieces.map((piece) => (isWorthwhile(piece) ? shorter(piece, compress(piece)) : piece)),
    back,
  );
}

/** The same, compressed by other threads. */
export async function packPiecesAside(
  front: Buffer,
  pieces: readonly Buffer[],
  back: Buffer = NOTHING,
): Promise<Buffer> {
  const stored = pieces.map(async (piece) =>
    isWorthwhile(piece) ? shorter(piece, await Bun.zstdCompress(piece, { level: LEVEL })) : piece,
  );
  return assemble(front, await Promise.all(stored), back);
}

const NOTHING = Buffer.alloc(0);
/** What is compressed is mostly hashes: higher levels take longer and gain nothing. */
const LEVEL = 1;

function assemble(front: Buffer, stored: readonly Buffer[], back: Buffer): Buffer {
  const ends = Buffer.allocUnsafe(4 * stored.length);
  let end = 0;
  for (const [i, piece] of stored.entries()) {
    end += piece.length;
    ends.writeUInt32LE(end, 4 * i);
  }
  return Buffer.concat([front, ends, ...stored, back]);
}

function isWorthwhile(piece: Buffer): boolean {
  return piece.length >= WORTHWHILE;
}

function shorter(piece: Buffer, frame: Buffer): Buffer {
  return isInProportion(frame.length, piece.length) && isFrameOf(frame, piece.length) ? frame : piece;
}

/** Of what is in one place already. */
export function piecesOf(content: Buffer, size: number): Buffer[] {
  const count = Math.ceil(content.length / size);
  return Array.from({ length: count }, (_, i) => content.subarray(i * size, (i + 1) * size));
}

export interface Pieces {
  /** The bytes from `from` to `to`, decompressed at the first need; `undefined`: damaged, or there are no such bytes. */
  read(from: number, to: number): Buffer | undefined;
}

/**
 * What {@link packPieces} wrote, of `length` bytes; `undefined` where it cannot be that. Nothing is decompressed or looked at in full
 * before it is asked for, and never more than `length` bytes come out.
 */
export function openPieces(data: Buffer, length: number, size: number): Pieces | undefined {
  const count = Math.ceil(length / size);
  if (4 * count > data.length) return undefined;
  const endOf = (i: number) => 4 * count + (i === 0 ? 0 : data.readUInt32LE(4 * (i - 1)));
  if (endOf(count) !== data.length) return undefined;
  const known: (Buffer | undefined)[] = [];
  const pieceAt = (i: number) =>
    (known[i] ??= expand(data, endOf(i), endOf(i + 1), Math.min(size, length - i * size)));
  return {
    read(from, to) {
      if (!(from >= 0 && from <= to && to <= length)) return undefined;
      const parts: Buffer[] = [];
      for (let at = from; at < to; ) {
        const i = Math.floor(at / size);
        const piece = pieceAt(i);
        if (piece === undefined) return undefined;
        const part = piece.subarray(at - i * size, to - i * size);
        parts.push(part);
        at += part.length;
      }
      return parts.length === 1 ? parts[0] : Buffer.concat(parts);
    },
  };
}

function isInProportion(stored: number, length: number): boolean {
  return stored < length && stored * MOST_GAIN >= length;
}

function expand(data: Buffer, start: number, end: number, length: number): Buffer | undefined {
  if (start > end || end > data.length) return undefined;
  const stored = data.subarray(start, end);
  if (stored.length === length) return stored;
  if (!isInProportion(stored.length, length) || !isFrameOf(stored, length)) return undefined;
  try {
    const content = Bun.zstdDecompressSync(stored);
    return content.length === length ? content : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether bytes are one frame that says that `length` bytes are in it, as it is written for so many, without dictionary and
 * checksum (section 3.1.1.1). Of frames that follow each other the decompressor would make more than the first one says.
 */
function isFrameOf(frame: Buffer, length: number): boolean {
  if (frame.length < 12 || frame.readUInt32LE(0) !== 0xfd2f_b528) return false;
  const shape = frame[4];
  let at: number;
  let says: number;
  // In a single segment, its length in two bytes, or in four; or in four after a byte for the window.
  if (shape === 0x60) [at, says] = [7, frame.readUInt16LE(5) + 256];
  else if (shape === 0xa0) [at, says] = [9, frame.readUInt32LE(5)];
  else if (shape === 0x80) [at, says] = [10, frame.readUInt32LE(6)];
  else return false;
  if (says !== length) return false;
  // Section 3.1.1.2: three bytes say whether a block is the last, its type (1: one byte, repeated) and its size.
  while (at + 3 <= frame.length) {
    const head = frame.readUIntLE(at, 3);
    at += 3 + ((head >> 1) % 4 === 1 ? 1 : head >> 3);
    if (head % 2 === 1) return at === frame.length;
  }
  return false;
}
