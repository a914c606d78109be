import { expect, test } from "bun:test";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { compressBytes, decompressPackage } from "./compressed-package.ts";
import { zstdFrames } from "./zstd-frames.ts";

const MIB = 1024 * 1024;
const pattern = (length: number) => new Uint8Array(length).map((_, i) => (i * i) >> 7);

test("what is compressed comes back, in one piece or frame by frame, into the same memory", async () => {
  const scratch = {};
  for (const length of [1, 1000, MIB - 1, MIB, MIB + 1, 3 * MIB + 17]) {
    const packed = pattern(length);
    const compressed = await compressBytes(packed);
    const frames = zstdFrames(compressed, 100)!;
    expect(frames.map(({ content }) => content).reduce((a = 0, b = 0) => a + b)).toBe(length);
    expect(frames.length).toBe(Math.ceil(length / MIB));
    expect(Buffer.compare(decompressPackage(compressed, length, "x"), packed)).toBe(0);
    expect(Buffer.compare(decompressPackage(compressed, length, "x", scratch), packed)).toBe(0);
  }
});

test("more, less, damaged, or something else: a Failure, and never more memory than was promised", async () => {
  const packed = pattern(2 * MIB);
  const compressed = await compressBytes(packed);
  const bomb = zstdCompressSync(new Uint8Array(400 * MIB));
  for (const scratch of [undefined, {}]) {
    const refuse = (bytes: Uint8Array, size: number) =>
      expect(() => decompressPackage(bytes, size, "x", scratch)).toThrow(Failure);
    refuse(compressed, packed.length - 1);
    refuse(compressed, packed.length + 1);
    refuse(compressed.subarray(0, -1), packed.length);
    refuse(Buffer.concat([compressed, new Uint8Array(1)]), packed.length);
    refuse(Buffer.concat([compressed, compressed]), packed.length);
    refuse(bomb, packed.length);
    refuse(new Uint8Array(), 1);
    refuse(Buffer.concat(Array(3000).fill(zstdCompressSync(new Uint8Array(0)))), packed.length);
    refuse(compressed, 2 ** 40);
  }
});

test("any damage is a Failure, or changes nothing", async () => {
  const packed = pattern(5000);
  const compressed = await compressBytes(packed);
  fc.assert(
    fc.property(fc.nat(compressed.length - 1), fc.nat(255), fc.boolean(), (at, value, inPieces) => {
      const bytes = new Uint8Array(compressed);
      bytes[at] = value;
      try {
        const result = decompressPackage(bytes, packed.length, "x", inPieces ? {} : undefined);
        expect(result.length).toBe(packed.length);
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
      }
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const framed = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, ...bytes]);
      for (const frame of zstdFrames(framed, 10) ?? []) expect(frame.end).toBeLessThanOrEqual(framed.length);
    }),
  );
});
