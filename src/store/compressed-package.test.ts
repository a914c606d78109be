import { expect, test } from "bun:test";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { compressBytes } from "./compressed-package.ts";
import { compressedSource, decompressWhole, WINDOW } from "./packed-source.ts";

const MIB = 1024 * 1024;
/** Both ways: as it is read, in pieces of many sizes, and whole. */
function decompressPackage(bytes: Uint8Array, size: number, name: string): Uint8Array {
  // In one, and in pieces as they come from a network, empty ones among them.
  const cut = Math.floor(bytes.length / 3);
  const parts = [bytes.subarray(0, cut), new Uint8Array(), bytes.subarray(cut)];
  const source = compressedSource(bytes.length % 2 === 0 ? parts : [bytes], size, name);
  const pieces: Uint8Array[] = [];
  for (let step = 1; ; step = Math.min(WINDOW, step * 7)) {
    const piece = source.next(
      Math.min(step, Math.max(1, size - pieces.reduce((sum, one) => sum + one.length, 0))),
    );
    if (piece.length === 0) break;
    pieces.push(piece.slice());
    if (pieces.reduce((sum, one) => sum + one.length, 0) >= size) break;
  }
  source.end();
  const whole = Buffer.concat(pieces);
  expect(Buffer.compare(whole, decompressWhole(bytes, size, name))).toBe(0);
  return whole;
}
const pattern = (length: number) => new Uint8Array(length).map((_, i) => (i * i) >> 7);

test("what is compressed comes back", async () => {
  for (const length of [1, 1000, MIB, 3 * MIB + 17, 9 * MIB + 1]) {
    const packed = pattern(length);
    expect(Buffer.compare(decompressPackage(await compressBytes(packed), length, "x"), packed)).toBe(0);
  }
});

test("more, less, damaged, or something else: a Failure, and never more memory than was promised", async () => {
  const packed = pattern(2 * MIB);
  const compressed = await compressBytes(packed);
  const bomb = zstdCompressSync(new Uint8Array(400 * MIB));
  const refuse = (bytes: Uint8Array, size: number) =>
    expect(() => decompressPackage(bytes, size, "x")).toThrow(Failure);
  refuse(compressed, packed.length - 1);
  refuse(compressed, packed.length + 1);
  refuse(compressed.subarray(0, -1000), packed.length);
  refuse(Buffer.concat([compressed, compressed]), packed.length);
  refuse(bomb, packed.length);
  refuse(new Uint8Array(), 1);
  refuse(compressed, 2 ** 40);
});

test("any damage is a Failure, or changes nothing", async () => {
  const packed = pattern(5000);
  const compressed = await compressBytes(packed);
  fc.assert(
    fc.property(fc.nat(compressed.length - 1), fc.nat(255), (at, value) => {
      const bytes = new Uint8Array(compressed);
      bytes[at] = value;
      try {
        const result = decompressPackage(bytes, packed.length, "x");
        expect(result.length).toBe(packed.length);
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
      }
    }),
    { numRuns: 500 },
  );
});
