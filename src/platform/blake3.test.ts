import { expect, test } from "bun:test";
import fc from "fast-check";
import { blake3Bytes, blake3Hex, loadBulkBlake3, loadNative, loadWasm } from "./blake3.ts";

/** Lengths around the chunk and tree boundaries of BLAKE3, with the input of its official test vectors. */
const VECTORS: [length: number, hex: string][] = [
  [0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
  [1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"],
  [1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"],
  [1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"],
];
const input = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);

test("the official vectors", () => {
  for (const [length, hex] of VECTORS) expect(blake3Hex(input(length))).toBe(hex);
  expect(blake3Hex("abc")).toBe(blake3Hex(new TextEncoder().encode("abc")));
});

test("all engines agree, whole and in pieces, also in views that do not begin at 0", async () => {
  const engines = [await loadNative(), await loadWasm(), await loadBulkBlake3()];
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), fc.nat(5000), async (data, cut) => {
      const expected = blake3Bytes(data).toHex();
      const shifted = new Uint8Array(data.length + 3);
      shifted.set(data, 3);
      for (const engine of engines) {
        expect(engine.hash(shifted.subarray(3)).toHex()).toBe(expected);
        const streams = [engine.create(), engine.create(), engine.create()];
        for (const stream of streams) stream.update(data.subarray(0, cut));
        for (const stream of streams) stream.update(data.subarray(cut));
        for (const stream of streams) expect(stream.digest().toHex()).toBe(expected);
      }
    }),
    { numRuns: 50 },
  );
});
