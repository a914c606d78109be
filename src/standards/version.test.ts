import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { anyVersion } from "./testing/generators.ts";
import {
  comparePublic,
  compareRelease,
  compareVersions,
  formatVersion,
  hasReleasePrefix,
  isPrerelease,
  nextNumber,
  parseVersion,
  publicVersion,
  tryParseVersion,
} from "./version.ts";

describe("a version", () => {
  test.each([
    ["1.0", "1.0"],
    ["v1.0-ALPHA.1", "1.0a1"],
    ["1.0preview", "1.0rc0"],
    ["1.0-1", "1.0.post1"],
    ["1.0.rev", "1.0.post0"],
    ["01.002", "1.2"],
    ["1!2.0.DEV3", "1!2.0.dev3"],
    ["1.0+Ubuntu_1-02", "1.0+ubuntu.1.2"],
    [" 1.0\n", "1.0"],
    ["12345678901234567890.1", "12345678901234567890.1"],
  ])("%j has the normal form %s", (text, normal) => {
    expect(formatVersion(parseVersion(text))).toBe(normal);
  });

  test.each(["", ".", "1.", ".1", "1..2", "1.0+", "1.0 beta", "french toast", "1.x", "1".repeat(2000)])(
    "is not %j",
    (text) => {
      expect(tryParseVersion(text)).toBeUndefined();
      expect(() => parseVersion(text)).toThrow(Failure);
    },
  );

  test("has its segments", () => {
    const v = parseVersion("1!2.3rc4.post5.dev6+abc.7");
    expect(v).toMatchObject({
      epoch: 1,
      release: [2, 3],
      pre: ["rc", 4],
      post: 5,
      dev: 6,
      local: ["abc", 7],
    });
    expect(publicVersion(v).text).toBe("1!2.3rc4.post5.dev6");
    expect(isPrerelease(v)).toBe(true);
    expect(isPrerelease(parseVersion("1.0.post1"))).toBe(false);
  });

  test("keeps numbers that a double cannot hold", () => {
    const low = parseVersion("9007199254740992");
    const high = parseVersion("9007199254740993");
    expect(compareVersions(low, high)).toBeLessThan(0);
    expect(low.release).toEqual([Number.MAX_SAFE_INTEGER]);
    expect(low.exact?.release).toEqual([9007199254740992n]);
    expect(nextNumber(Number.MAX_SAFE_INTEGER)).toBe(9007199254740992n);
    expect(nextNumber(1)).toBe(2);
  });
});

describe("the order", () => {
  // PEP 440, "Summary of permitted suffixes and relative ordering".
  const ordered = [
    "0.dev0",
    "0",
    "1.0.dev456",
    "1.0a1.dev1",
    "1.0a1",
    "1.0a2.dev456",
    "1.0a12",
    "1.0b1.dev456",
    "1.0b2",
    "1.0b2.post345.dev456",
    "1.0b2.post345",
    "1.0rc1.dev456",
    "1.0rc1",
    "1.0",
    "1.0+abc.5",
    "1.0+abc.7",
    "1.0+5",
    "1.0+5.a",
    "1.0+5.0",
    "1.0.post456.dev34",
    "1.0.post456",
    "1.0.15",
    "1.1.dev1",
    "65535.0",
    "65536.1",
    "20230101",
    "1!0.1",
  ];

  test("is that of PEP 440", () => {
    const versions = ordered.map(parseVersion);
    for (const [i, a] of versions.entries()) {
      for (const [j, b] of versions.entries())
        expect(Math.sign(compareVersions(a, b))).toBe(Math.sign(i - j));
    }
  });

  test("is total, and the same for every spelling", () => {
    fc.assert(
      fc.property(anyVersion, anyVersion, anyVersion, (x, y, z) => {
        const [a, b, c] = [x, y, z].map(parseVersion).sort(compareVersions) as [never, never, never];
        expect(compareVersions(a, b)).toBeLessThanOrEqual(0);
        expect(compareVersions(b, c)).toBeLessThanOrEqual(0);
        expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
        expect(Math.sign(compareVersions(a, c))).toBe(-Math.sign(compareVersions(c, a)) + 0);
        expect(compareVersions(parseVersion(formatVersion(a)), a)).toBe(0);
        expect(parseVersion(formatVersion(a)).text).toBe(formatVersion(a));
      }),
      { seed: 3, numRuns: 3000 },
    );
  });

  test("can set aside the local segment, or all but the release", () => {
    const v = parseVersion("1.0rc1+x");
    expect(comparePublic(v, parseVersion("1.0.0rc1"))).toBe(0);
    expect(compareRelease(v, parseVersion("1.post3"))).toBe(0);
    expect(compareRelease(v, parseVersion("1.0.1"))).toBeLessThan(0);
    expect(hasReleasePrefix(v, parseVersion("1.0.0.0"), 4)).toBe(true);
    expect(hasReleasePrefix(v, parseVersion("1!1.0"), 1)).toBe(false);
  });
});
