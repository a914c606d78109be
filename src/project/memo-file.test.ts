import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { decodeMemo, encodeMemo, type Memo, memoName, memosOf, readMemo, writeMemo } from "./memo-file.ts";

const key = (n: number) => n.toString(16).padStart(64, "0");
const memo: Memo = {
  trace: {
    request: key(1),
    preferences: key(2),
    pages: [
      [0, "apple", "0123"],
      [1, "apple", "absent"],
    ],
    builds: [
      [{ source: { kind: "path", path: "./part", editable: true }, name: "part" }, key(3)],
      [
        {
          file: {
            filename: "a-1.tar.gz",
            kind: "sdist",
            url: "u",
            hashes: { sha256: "0" },
            yanked: false,
            index: "i",
          },
        },
        key(4),
      ],
    ],
    chosen: [["apple", "1.0", "sys_platform == 'win32'"]],
    unknownExtras: [{ name: "apple", version: "1.0", extra: "x", known: ["y"] }],
  },
  lock: { text: Buffer.from("the text"), dpl: Buffer.from("the binary form") },
};

describe("what is remembered of a resolution", () => {
  test("is read as it was written", () => {
    expect(decodeMemo(encodeMemo(memo))).toEqual(memo);
  });

  test("counts for nothing once a byte is changed, cut off or added, and whatever else it is", () => {
    const bytes = encodeMemo(memo);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      expect(decodeMemo(changed)).toBeUndefined();
      expect(decodeMemo(bytes.subarray(0, at))).toBeUndefined();
    }
    expect(decodeMemo(Buffer.concat([bytes, Buffer.from("x")]))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (any) => decodeMemo(any) === undefined));
  });

  test("a long lock is kept compressed; a change anywhere in it is none", () => {
    const lines = Array.from(
      { length: 6000 },
      (_, i) => `{ name = "p${i}", sha256 = "${Bun.hash(String(i))}" }`,
    );
    const lock = { text: Buffer.from(lines.join("\n")), dpl: crypto.getRandomValues(Buffer.alloc(60_000)) };
    const bytes = encodeMemo({ ...memo, lock });
    expect(decodeMemo(bytes)).toEqual({ ...memo, lock });
    expect(bytes.length).toBeLessThan(lock.text.length / 2 + lock.dpl.length);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = bytes.slice();
        changed[at]! ^= change;
        expect(decodeMemo(changed)).toBeUndefined();
        expect(decodeMemo(bytes.subarray(0, at))).toBeUndefined();
      }),
    );
  });

  test("lengths that are out of proportion count for nothing, whatever the checksum says", () => {
    for (const at of [12, 16, 20]) {
      for (const length of [0, 1, 1_000_000, 2 ** 28, 2 ** 32 - 1]) {
        const bytes = Buffer.from(encodeMemo(memo));
        bytes.writeUInt32LE(length, at);
        bytes.writeUInt32LE(Bun.hash.crc32(bytes.subarray(12)), 8);
        expect(decodeMemo(bytes)).toBeUndefined();
      }
    }
  });

  test("with a right checksum over wrong content it counts for nothing either", () => {
    const wrong: unknown[] = [
      null,
      [],
      {},
      { ...memo.trace, pages: [["0", "apple", "0123"]] },
      { ...memo.trace, pages: {} },
      { ...memo.trace, builds: [[{ name: "part" }, "0"]] },
      { ...memo.trace, builds: [[null, "0"]] },
      { ...memo.trace, chosen: [["apple", 1, ""]] },
      { ...memo.trace, unknownExtras: [{}] },
      { ...memo.trace, request: 1 },
    ];
    for (const trace of wrong) {
      expect(decodeMemo(encodeMemo({ ...memo, trace: trace as Memo["trace"] }))).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.jsonValue(), (trace) => {
        expect(decodeMemo(encodeMemo({ ...memo, trace: trace as unknown as Memo["trace"] }))).toBeUndefined();
      }),
    );
  });
});

describe("the folder", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/memo-`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("keeps a bounded number, those that were used last", () => {
    for (let i = 0; i < 64; i += 1)
      writeMemo(folder, memoName((100 + i).toString().padEnd(64, "0"), key(9)), memo);
    const names = readdirSync(folder).sort();
    for (const [i, name] of names.entries()) utimesSync(`${folder}/${name}`, 1000 + i, 1000 + i);
    writeFileSync(`${folder}/.tmp-left`, "by a process that was killed");
    utimesSync(`${folder}/.tmp-left`, 1, 1);
    writeMemo(folder, memoName(key(5), key(5)), memo);
    const left = readdirSync(folder);
    expect(left).toHaveLength(64);
    expect(left).not.toContain(".tmp-left");
    expect(left).not.toContain(names[0] as string);
    expect(left).toContain(names[1] as string);
  });

  test("finds the memos of a request, and reads them; a folder that is not there has none", () => {
    const [a, b, c] = [
      memoName(key(7), key(1).replace(/^0/, "1")),
      memoName(key(7), key(1)),
      memoName(key(7).replace("0", "1"), key(1)),
    ];
    for (const [i, name] of [a, b, c].entries()) {
      writeMemo(folder, name, memo);
      utimesSync(`${folder}/${name}`, 1000 + i, 1000 + i);
    }
    expect(memosOf(folder, key(7))).toEqual([b, a]);
    expect(readMemo(folder, a)?.trace).toEqual(memo.trace);
    expect(memosOf(`${folder}/none`, key(7))).toEqual([]);
    expect(readMemo(`${folder}/none`, a)).toBeUndefined();
    writeMemo("/proc/none", a, memo);
  });
});
