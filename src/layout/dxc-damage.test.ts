import { expect, test } from "bun:test";
import fc from "fast-check";
import { blake3Bytes } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import { allRecords, dxcOf, findRecord } from "./dxc.ts";
import { type DxcRecord, HEADER_SIZE, SLOT_SIZE, UNKNOWN_STAMPS } from "./dxc-format.ts";
import { encodeIndex } from "./dxc-writer.ts";

/** Every damage that one byte can do to an index, and every length that it may be cut to. */

const keyOf = (n: number | string) => blake3Bytes(`key ${n}`);

const layoutOf = (n: number): DxcRecord => ({
  kind: "layout",
  key: keyOf(n),
  created: n,
  packages: n,
  links: n,
  stamps: { ...UNKNOWN_STAMPS, siteMtime: BigInt(n) + 1n },
  interpreterSize: 10n,
  interpreterMtimeNs: 20n,
  sitePackages: "lib/python3.12/site-packages",
  scripts: "bin",
});

const RECORDS: DxcRecord[] = [
  layoutOf(1),
  layoutOf(2),
  {
    kind: "alias",
    key: keyOf("alias"),
    projectHash: keyOf(1),
    interpreterSize: 99n,
    interpreterMtimeNs: 1n,
    interpreterPath: "/usr/bin/python3.12",
    watched: [{ path: "/p/setup.py", size: 3n, mtimeNs: 4n }],
  },
];

const questions = [...RECORDS.map(({ key }) => key), keyOf("absent")];
const answers: (DxcRecord | undefined)[] = [...RECORDS, undefined];

/** Each answer is right, or a failure that names the file. */
function ask(bytes: Uint8Array, counts: { right: number; refused: number }): void {
  questions.forEach((key, i) => {
    let said: DxcRecord | undefined;
    try {
      said = findRecord(dxcOf(bytes, "the-index"), key);
    } catch (error) {
      if (!(error instanceof Failure) || !/^DXPY_DXC_(CORRUPT|VERSION)$/.test(error.code)) throw error;
      if (!error.message.includes("the-index")) throw error;
      counts.refused += 1;
      return;
    }
    if (!Bun.deepEquals(said, answers[i])) throw new Error(`a wrong answer to question ${i}`);
    counts.right += 1;
  });
}

test("every change of a byte to every other value: a failure or the right answer", () => {
  const bytes = encodeIndex(RECORDS);
  const counts = { right: 0, refused: 0 };
  for (let at = 0; at < bytes.length; at += 1) {
    const before = bytes[at] as number;
    for (let value = 0; value < 256; value += 1) {
      if (value === before) continue;
      bytes[at] = value;
      ask(bytes, counts);
    }
    bytes[at] = before;
  }
  console.log(
    `.dxc of ${bytes.length} bytes: ${bytes.length * 255} changes, ${counts.right} answers right, ${counts.refused} refused`,
  );
  expect(counts.refused).toBeGreaterThan(0);
});

test("every truncation: a failure or the right answer", () => {
  const bytes = encodeIndex(RECORDS);
  const counts = { right: 0, refused: 0 };
  for (let length = 0; length < bytes.length; length += 1) ask(bytes.subarray(0, length), counts);
  console.log(`.dxc: ${bytes.length} truncations, ${counts.right} answers right, ${counts.refused} refused`);
  const slotsEnd = HEADER_SIZE + 16 * SLOT_SIZE;
  expect(counts.refused).toBeGreaterThan(slotsEnd * questions.length);
});

test("the same records give the same bytes; a table of 10,000 gives each of them, and no other", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(1000), { maxLength: 40 }), (numbers) => {
      const records = numbers.map(layoutOf);
      expect(encodeIndex(records)).toEqual(encodeIndex(records));
    }),
    { numRuns: 50 },
  );
  const many = Array.from({ length: 10_000 }, (_, i) => layoutOf(i));
  const dxc = dxcOf(encodeIndex(many), "p");
  for (const record of many) expect(Bun.deepEquals(findRecord(dxc, record.key), record)).toBe(true);
  for (let i = 0; i < 1000; i += 1) expect(findRecord(dxc, keyOf(`no ${i}`))).toBeUndefined();
  expect([...allRecords(dxc)].length).toBe(10_000);
});

test("bytes with changes at random throw nothing but failures", () => {
  const bytes = encodeIndex(RECORDS);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
      const damaged = bytes.slice();
      for (const [at, value] of changes) damaged[at] = value;
      for (const read of [
        () => [...allRecords(dxcOf(damaged, "p"))],
        () => findRecord(dxcOf(damaged, "p"), keyOf(1)),
      ]) {
        try {
          read();
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }
    }),
    { numRuns: 3000 },
  );
});
