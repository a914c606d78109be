import { expect, test } from "bun:test";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { createInflater, inflateWhole } from "./inflate.ts";

const inflater = createInflater();

function run(inflate: typeof inflateWhole, compressed: Uint8Array, size: number) {
  const parts: Uint8Array[] = [];
  const fault = inflate(compressed, size, (piece) => parts.push(piece.slice()));
  return { fault, content: Buffer.concat(parts) };
}

test("the fast way is in use here: Node's zlib binding is as it was", () => {
  expect(inflater.inflate).not.toBe(inflateWhole);
});

test("both ways give the content, whatever its size, one after the other", () => {
  for (const size of [0, 1, 1000, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 3_333_333]) {
    const content = new Uint8Array(size).map((_, i) => (i * i) >> 5);
    const compressed = new Uint8Array(deflateRawSync(content));
    for (const inflate of [inflater.inflate, inflateWhole]) {
      const result = run(inflate, compressed, size);
      expect(result.fault).toBeUndefined();
      expect(Buffer.compare(result.content, content)).toBe(0);
    }
  }
});

test("both ways notice the same: a wrong size, bytes after the end", () => {
  const compressed = new Uint8Array(deflateRawSync(new Uint8Array(500).fill(7)));
  for (const inflate of [inflater.inflate, inflateWhole]) {
    expect(run(inflate, compressed, 499).fault).toBe("is larger than it says");
    expect(run(inflate, compressed, 0).fault).toBe("is larger than it says");
    expect(run(inflate, compressed, 501).fault).toBe("is smaller than it says");
    expect(run(inflate, new Uint8Array([...compressed, 1]), 500).fault).toBe(
      "has bytes after the end of its compressed data",
    );
    expect(run(inflate, Uint8Array.from([0xff, 0xff]), 500).fault).toContain("damaged");
  }
});

test("any bytes: a fault or a content of the size; a fault leaves nothing behind", () => {
  const sample = new Uint8Array(deflateRawSync("sample"));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(200), (bytes, size) => {
      for (const inflate of [inflater.inflate, inflateWhole]) {
        const result = run(inflate, bytes, size);
        if (result.fault === undefined) expect(result.content.length).toBe(size);
        expect(run(inflate, sample, 6).content.toString()).toBe("sample");
      }
    }),
    { numRuns: 500 },
  );
});
