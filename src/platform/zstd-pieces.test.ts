import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LARGEST_PIECE, openPieces, packPieces, piecesOf } from "./zstd-pieces.ts";

const PIECE = 32 * 1024;

/** Text that compresses, in its own way at every place. */
function sample(length: number): Buffer {
  const lines: string[] = [];
  for (let n = 0, size = 0; size < length; n += 1) {
    const line = `{"filename":"spam-${n}.zip","hash":"${Bun.hash(String(n)).toString(16)}"},`;
    lines.push(line);
    size += line.length;
  }
  return Buffer.from(lines.join("").slice(0, length));
}

const lengths = fc.oneof(
  fc.constantFrom(0, 1, 2047, 2048, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE),
  fc.nat(5 * PIECE),
);
const contents = fc.oneof(
  lengths.map(sample),
  lengths.map((length) => Buffer.alloc(length, 97)),
  lengths.map((length) => crypto.getRandomValues(Buffer.alloc(Math.min(length, PIECE + 1)))),
);

const packed = (content: Buffer) => packPieces(Buffer.alloc(0), piecesOf(content, PIECE));

describe("bytes in compressed pieces", () => {
  test("any part is read as it was written", () => {
    fc.assert(
      fc.property(contents, fc.nat(), fc.nat(), (content, one, other) => {
        const pieces = openPieces(packed(content), content.length, PIECE)!;
        const [from, to] = [one, other].map((at) => at % (content.length + 1)).sort((a, b) => a - b) as [
          number,
          number,
        ];
        expect(Buffer.compare(pieces.read(from, to)!, content.subarray(from, to))).toBe(0);
        expect(Buffer.compare(pieces.read(0, content.length)!, content)).toBe(0);
        expect(pieces.read(from, content.length + 1)).toBeUndefined();
        expect(pieces.read(-1, to)).toBeUndefined();
        if (from < to) expect(pieces.read(to, from)).toBeUndefined();
      }),
    );
  });

  test("text becomes shorter, and what does not is as long as it was", () => {
    const text = sample(4 * PIECE);
    expect(packed(text).length).toBeLessThan(text.length / 2);
    const noise = crypto.getRandomValues(Buffer.alloc(2 * PIECE));
    expect(packed(noise).length).toBe(noise.length + 8);
    const front = Buffer.from("what goes before");
    const back = Buffer.from("and after");
    const all = Buffer.concat([front, packed(text), back]);
    expect(packPieces(front, piecesOf(text, PIECE), back)).toEqual(all);
  });

  test("so does one piece of every size that there is", () => {
    for (const length of [2048, 60_000, 70_000, 400_000, 1_000_000, LARGEST_PIECE]) {
      const text = sample(length);
      const whole = packPieces(Buffer.alloc(0), piecesOf(text, LARGEST_PIECE));
      expect(whole.length).toBeLessThan(length / 2);
      expect(Buffer.compare(openPieces(whole, length, LARGEST_PIECE)!.read(0, length)!, text)).toBe(0);
    }
  });

  test("a cut, a changed byte and anything at all: nothing, or as many bytes as there should be", () => {
    const content = sample(2 * PIECE + 5000);
    const whole = packed(content);
    const harmless = (bytes: Buffer, length: number) => {
      const got = openPieces(bytes, length, PIECE)?.read(0, length);
      if (got !== undefined) expect(got.length).toBe(length);
      return got;
    };
    for (let at = 0; at < whole.length; at += 1) {
      expect(openPieces(whole.subarray(0, at), content.length, PIECE)).toBeUndefined();
      const changed = Buffer.from(whole);
      changed[at]! ^= 1 << (at % 8);
      harmless(changed, content.length);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(2 ** 32), (noise, length) => {
        expect(harmless(Buffer.from(noise), length)?.length ?? 0).toBeLessThanOrEqual(32 * noise.length);
      }),
    );
    expect(openPieces(whole, content.length - 1, PIECE)?.read(0, content.length - 1)).toBeUndefined();
    expect(openPieces(whole, content.length + PIECE, PIECE)).toBeUndefined();
  });
});

/** How the head of a frame says the length of what is in it: in a single segment or, with a window, in several. */
const shapes = {
  short: (says: number) => Buffer.from([0x60, (says - 256) & 255, (says - 256) >> 8]),
  long: (says: number) => Buffer.concat([Buffer.from([0xa0]), fourBytes(says)]),
  windowed: (says: number) => Buffer.concat([Buffer.from([0x80, 0x48]), fourBytes(says)]),
};

function fourBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A frame of blocks that repeat one byte: `holds` bytes, of which its head says `says`. `more` blocks hold nothing: they make it longer. */
function frame(holds: number, says: number, more = 0, shape: keyof typeof shapes = "short"): Buffer {
  const parts = [Buffer.from("28b52ffd", "hex"), shapes[shape](says), Buffer.alloc(3 * more)];
  for (let left = holds; left > 0; ) {
    const size = Math.min(left, 128 * 1024);
    left -= size;
    const block = Buffer.alloc(4, 97);
    block.writeUIntLE((size << 3) | 2 | (left === 0 ? 1 : 0), 0, 3);
    parts.push(block);
  }
  return Buffer.concat(parts);
}

/** A frame that is in proportion to what is expected of it. */
const enough = (length: number) => Math.ceil(length / 32 / 3);

/** What comes of one piece that should be `length` bytes and is stored as `bytes`. */
function read(bytes: Buffer, length: number, size = PIECE): Buffer | undefined {
  return openPieces(Buffer.concat([fourBytes(bytes.length), bytes]), length, size)?.read(0, length);
}

describe("a hostile piece", () => {
  test("is read where it is none", () => {
    for (const length of [2048, 5000, PIECE]) {
      expect(read(frame(length, length, enough(length)), length)).toEqual(Buffer.alloc(length, 97));
    }
    for (const shape of ["long", "windowed"] as const) {
      const whole = frame(LARGEST_PIECE, LARGEST_PIECE, enough(LARGEST_PIECE), shape);
      expect(read(whole, LARGEST_PIECE, LARGEST_PIECE)?.length).toBe(LARGEST_PIECE);
    }
  });

  test("which says more than it holds, or less, is nothing", () => {
    const sizes = [256, 300, 4999, 5001, PIECE];
    for (const [other, shape] of sizes.flatMap((size) =>
      (["short", "long", "windowed"] as const).map((name) => [size, name] as const),
    )) {
      expect(read(frame(other, 5000, enough(5000), shape), 5000)).toBeUndefined();
      expect(read(frame(5000, other, enough(5000), shape), 5000)).toBeUndefined();
      expect(read(frame(5000, 5000, enough(other), shape), other)).toBeUndefined();
    }
    const before = process.memoryUsage().rss;
    expect(read(frame(50_000_000, 5000, enough(5000)), 5000)).toBeUndefined();
    for (const shape of ["long", "windowed"] as const) {
      const bomb = frame(2_000_000_000, LARGEST_PIECE, enough(LARGEST_PIECE), shape);
      expect(read(bomb, LARGEST_PIECE, LARGEST_PIECE)).toBeUndefined();
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  test("which holds out of proportion is not begun with", () => {
    expect(read(frame(PIECE, PIECE), PIECE)).toBeUndefined();
    expect(read(Buffer.alloc(0), PIECE)).toBeUndefined();
    expect(openPieces(Buffer.alloc(4), 2 ** 52, PIECE)).toBeUndefined();
  });

  test("of several frames is nothing: each could hold as much again", () => {
    const one = frame(PIECE, PIECE);
    const before = process.memoryUsage().rss;
    expect(read(Buffer.concat(Array<Buffer>(2900).fill(one)), PIECE)).toBeUndefined();
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    const whole = frame(PIECE, PIECE, enough(PIECE));
    expect(read(Buffer.concat([whole, Buffer.from("x")]), PIECE)).toBeUndefined();
    expect(read(Buffer.concat([whole, whole]), PIECE)).toBeUndefined();
    expect(read(whole.subarray(0, -4), PIECE)).toBeUndefined();
  });
});
