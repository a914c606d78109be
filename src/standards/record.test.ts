import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { formatRecord, parseRecord, type RecordRow } from "./record.ts";

const row: fc.Arbitrary<RecordRow> = fc
  .record({
    path: fc.string({ unit: "grapheme", minLength: 1 }).filter((path) => !path.includes("\\")),
    digest: fc.option(fc.string(), { nil: undefined }),
    size: fc.option(fc.nat(10 ** 15 - 1), { nil: undefined }),
  })
  .map(({ path, digest, size }) => ({
    path,
    ...(digest === undefined ? undefined : { hash: { algorithm: "sha256", digest } }),
    ...(size === undefined ? undefined : { size }),
  }));

describe("RECORD", () => {
  test("reads back what it writes", () => {
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        expect(parseRecord(formatRecord(rows))).toEqual(rows);
      }),
      { seed: 8, numRuns: 1000 },
    );
  });

  test("quotes only what it must", () => {
    expect(formatRecord([{ path: "a b.py", size: 3 }, { path: 'x,"y".py' }])).toBe(
      'a b.py,,3\n"x,""y"".py",,\n',
    );
  });

  test("is read as Windows and old tools wrote it", () => {
    expect(parseRecord("a\\b.py,sha256=x,1\r\n\r\nc.py,,")).toEqual([
      { path: "a/b.py", hash: { algorithm: "sha256", digest: "x" }, size: 1 },
      { path: "c.py" },
    ]);
  });

  test.each([
    ["a,,\nb\n", "line 2: 1 columns instead of 3"],
    ["a,b,c,d\n", "line 1: 4 columns"],
    [",,\n", "line 1: an empty path"],
    ["a,md5,\n", "line 1: `md5` is not a hash"],
    ["a,,-1\n", "line 1: `-1` is not a size"],
    ["a,,1e5\n", "is not a size"],
    ['"a\nb",,\n"c,,\n', "line 3: a quote is not closed"],
  ])("%j is refused", (text, reason) => {
    expect(() => parseRecord(text)).toThrow(Failure);
    expect(() => parseRecord(text)).toThrow(reason);
  });
});
