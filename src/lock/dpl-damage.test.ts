import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { decodeDpl } from "./dpl-decode.ts";
import { openDpl } from "./dpl-reader.ts";
import { type DplDigests, encodeDpl } from "./dpl-writer.ts";
import type { LockedPackage } from "./lock-model.ts";
import { bare, failureOf, lockOf } from "./testing/small-lock.ts";

/** What a damaged or forged binary lock does: it fails with a reason, or gives the right answer. */

const digests: DplDigests = { pylockSha256: "0".repeat(64), inputs: [] };

describe("D11 a corrupted file or wrong magic gives a descriptive error", () => {
  const lock = lockOf(
    [
      bare("a", {
        version: "1.2.3",
        marker: "x",
        dependencies: [{ name: "b", extras: ["p", "q"], marker: "m" }],
        wheels: [{ name: "a.whl", url: "https://index.example/a.whl", hashes: { sha256: "12".repeat(32) } }],
      }),
      bare("b", { version: "1.0rc1", sdist: { name: "b.tar.gz", hashes: { md5: "ff", sha512: "00" } } }),
      bare("b", { version: "2.0", source: { kind: "git", url: "u", commitId: "c" } }),
      bare("c", { source: { kind: "archive", path: "p", hashes: { sha256: "00" } } }),
      bare("d", { source: { kind: "directory", path: ".", editable: true } }),
    ],
    { requiresPython: ">=3.9", options: { o: "v" } },
  );
  const from: DplDigests = {
    pylockSha256: "34".repeat(32),
    inputs: [{ path: "pyproject.toml", sha256: "" }],
  };
  const bytes = encodeDpl(lock, from);

  test("wrong magic says what is there instead", () => {
    const failure = failureOf(() => openDpl(new TextEncoder().encode("lock-version = '1.0'"), "dx-py.dpl"));
    expect(failure.code).toBe("DXPY_DPL_MAGIC");
    expect(failure.message).toContain('"lock"');
    expect(failure.context.path).toBe("dx-py.dpl");
    expect(failure.hint).toContain("pylock.toml");
  });

  test("an unknown version and an unknown required flag are refused by name, an optional flag is not", () => {
    const changed = (at: number, value: number) => {
      const copy = bytes.slice();
      copy[at] = value;
      copy.fill(0, 12, 16);
      new DataView(copy.buffer).setUint32(12, Bun.hash.crc32(copy.subarray(0, 144)), true);
      return copy;
    };
    expect(failureOf(() => openDpl(changed(4, 2))).message).toContain("format version 2");
    expect(failureOf(() => openDpl(changed(8, 4))).code).toBe("DXPY_DPL_VERSION");
    expect(decodeDpl(changed(10, 1)).lock).toEqual(lock);
  });

  test("every truncation fails", () => {
    for (let length = 0; length < bytes.length; length += 1) {
      const failure = failureOf(() => decodeDpl(bytes.subarray(0, length)));
      expect(failure.code).toMatch(/^DXPY_DPL_(MAGIC|TRUNCATED|CORRUPT)$/);
    }
    console.log(`.dpl: ${bytes.length} truncations, all refused`);
    expect(failureOf(() => openDpl(new Uint8Array([...bytes, 0]))).code).toBe("DXPY_DPL_CORRUPT");
  });

  /** The answers of a reader that asks for one thing only: right, or a failure. */
  const answersAreRight = (damaged: Uint8Array, counts: { right: number; refused: number }) => {
    const questions: [() => unknown, unknown][] = [
      ...["a", "b", "c", "d", "absent"].map((name): [() => unknown, unknown] => [
        () =>
          openDpl(damaged)
            .find(name)
            .map((entry) => entry.toLocked()),
        lock.packages.filter((entry) => entry.name === name),
      ]),
      [() => openDpl(damaged).lock.options, lock.options],
      [() => openDpl(damaged).header.inputs, from.inputs],
    ];
    for (const [ask, right] of questions) {
      let answer: unknown;
      try {
        answer = ask();
      } catch (error) {
        if (!(error instanceof Failure) || !error.code.startsWith("DXPY_DPL_")) throw error;
        counts.refused += 1;
        continue;
      }
      if (!Bun.deepEquals(answer, right)) throw new Error("a wrong answer");
      counts.right += 1;
    }
  };

  test("every change of a byte fails, or leaves the answer right", () => {
    const masks = Array.from({ length: 8 }, (_, bit) => 1 << bit).concat(0xff, 0x55);
    const counts = { right: 0, refused: 0 };
    for (let at = 0; at < bytes.length; at += 1) {
      for (const mask of masks) {
        const damaged = bytes.slice();
        damaged[at]! ^= mask;
        expect(failureOf(() => decodeDpl(damaged)).code).toMatch(/^DXPY_DPL_/);
        answersAreRight(damaged, counts);
      }
    }
    console.log(
      `.dpl of ${bytes.length} bytes: ${bytes.length * masks.length} changes, all refused as a whole; of single questions, ` +
        `${counts.right} answered right, ${counts.refused} refused`,
    );
  });

  test("arbitrary bytes, with right checksums or without, throw nothing but failures", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        (changes, resum) => {
          const damaged = bytes.slice();
          for (const [at, value] of changes) damaged[at] = value;
          if (resum) sumAgain(damaged);
          try {
            decodeDpl(damaged);
            openDpl(damaged)
              .entries()
              .map((entry) => [entry.wheels, entry.extras, entry.toLocked()]);
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("a body whose texts are shared beyond measure is refused before it expands", () => {
    const long = "x".repeat(60_000);
    const dependencies = Array.from({ length: 400 }, (_, i) => ({ name: `d${i}`, marker: long }));
    expect(failureOf(() => encodeDpl(lockOf([bare("a", { dependencies })]), digests)).code).toBe(
      "DXPY_DPL_TOO_LARGE",
    );
  });

  test("what cannot be written is a failure, not a wrong file", () => {
    const code = (lockPart: LockedPackage) => failureOf(() => encodeDpl(lockOf([lockPart]), digests)).code;
    expect(code(bare("\ud800"))).toBe("DXPY_DPL_BAD_VALUE");
    expect(code(bare("a", { wheels: [{ name: "../w", hashes: {} }] }))).toBe("DXPY_DPL_BAD_VALUE");
    expect(code(bare("a", { wheels: [{ name: "w", size: -1, hashes: {} }] }))).toBe("DXPY_DPL_BAD_VALUE");
    expect(code(bare("a", { wheels: [{ name: "w", size: 0.5, hashes: {} }] }))).toBe("DXPY_DPL_BAD_VALUE");
    const noDigest = { pylockSha256: "xyz", inputs: [] };
    expect(failureOf(() => encodeDpl(lockOf([]), noDigest)).code).toBe("DXPY_DPL_BAD_VALUE");
  });
});

/** Makes all checksums right again, as someone who forges a file would. */
function sumAgain(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer);
  const clip = (offset: number, length: number) =>
    bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length));
  const at = (field: number) => [view.getUint32(field, true), view.getUint32(field + 4, true)] as const;
  const [entriesAt] = at(56);
  const [bodiesAt] = at(64);
  for (let i = 0; i < 5; i += 1) {
    const entry = entriesAt + i * 88;
    if (entry + 88 > bytes.length) break;
    const body = clip(bodiesAt + view.getUint32(entry + 8, true), view.getUint32(entry + 12, true));
    view.setUint32(entry + 16, Bun.hash.crc32(body), true);
    view.setUint32(entry, Bun.hash.crc32(bytes.subarray(entry + 4, entry + 88)), true);
  }
  const [slotsAt, slotsLength] = at(40);
  for (let slot = slotsAt; slot + 16 <= Math.min(slotsAt + slotsLength, bytes.length); slot += 16) {
    view.setUint32(slot + 12, Bun.hash.crc32(bytes.subarray(slot, slot + 12)), true);
  }
  view.setUint32(72, Bun.hash.crc32(clip(...at(32))), true);
  view.setUint32(76, Bun.hash.crc32(clip(...at(48))), true);
  bytes.set(new Bun.CryptoHasher("sha256").update(clip(at(48)[0], bytes.length)).digest(), 80);
  bytes.fill(0, 12, 16);
  view.setUint32(12, Bun.hash.crc32(bytes.subarray(0, 144)), true);
}
