import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { intersection, isDisjoint, setsEqual } from "../standards/marker-algebra/integer-set.ts";
import { parseSpecifierSet, setContains } from "../standards/specifiers.ts";
import { compareVersions, parseVersion } from "../standards/version.ts";
import { isPinned, VersionSpace } from "./version-space.ts";

function spaceOf(texts: readonly string[]): VersionSpace {
  const versions = texts.map((text) => parseVersion(text)).sort(compareVersions);
  return new VersionSpace({
    count: versions.length,
    version: (i) => versions[i]!,
    versionText: (i) => versions[i]!.text,
  });
}

const texts = [
  "1.0.dev1",
  "1.0a1",
  "1.0",
  "1.0+cpu",
  "1.0.post1",
  "1.1",
  "2.0rc1",
  "2.0",
  "2.1",
  "3.0",
  "10.0",
];

const specifiers = fc
  .array(
    fc
      .tuple(
        fc.constantFrom("==", "!=", "<", "<=", ">", ">=", "~="),
        fc.constantFrom("1.0", "1.0a1", "1.1", "1.5", "2.0", "2.0rc1", "9.9"),
      )
      .map(([op, version]) => `${op}${version}`),
    { maxLength: 3 },
  )
  .map((parts) => parts.join(","));

describe("versions as integers", () => {
  test("a set holds the versions that the specifiers admit", () => {
    const space = spaceOf(texts);
    fc.assert(
      fc.property(specifiers, (text) => {
        const set = parseSpecifierSet(text);
        const held = Array.from(space.indices(space.setOf(set), false));
        const admitted = Array.from({ length: space.count }, (_, i) => i).filter((i) =>
          setContains(set, space.list.version(i), { prereleases: true }),
        );
        expect(held).toEqual(admitted);
        expect(Array.from(space.indices(space.setOf(set), true))).toEqual(admitted.toReversed());
      }),
      { numRuns: 400 },
    );
  });

  test("bounds between two versions keep their order", () => {
    const space = spaceOf(["1.0", "9.0"]);
    const set = (text: string) => space.setOf(parseSpecifierSet(text));
    expect(isDisjoint(set("<5"), set(">=5"))).toBe(true);
    expect(isDisjoint(set("<=5"), set(">=5"))).toBe(false);
    expect(isDisjoint(set("<6"), set(">=5"))).toBe(false);
    expect(isDisjoint(set("==5"), set("==6"))).toBe(true);
    expect(setsEqual(intersection(set(">=5"), set(">=6")), set(">=6"))).toBe(true);
  });

  test("a gap with very many bounds loses precision, nothing else", () => {
    const space = spaceOf(["1.0", "9.0"]);
    for (let i = 0; i < 3000; i++) {
      const set = space.setOf(parseSpecifierSet(`>=1.${i},<8.${i}`));
      expect(Array.from(space.indices(set, true)).every((index) => index === 0)).toBe(true);
    }
  });

  test("no versions at all", () => {
    const space = spaceOf([]);
    expect(Array.from(space.indices(space.setOf(parseSpecifierSet(">=1")), true))).toEqual([]);
  });

  test("a version that is widened reaches to its neighbours", () => {
    const space = spaceOf(["1.0", "2.0", "3.0"]);
    const middle = space.widened(space.at(1));
    expect(Array.from(space.indices(middle, false))).toEqual([1]);
    expect(isDisjoint(middle, space.setOf(parseSpecifierSet("==2.5")))).toBe(false);
    expect(isDisjoint(space.widened(space.at(2)), space.setOf(parseSpecifierSet(">=99")))).toBe(false);
    expect(space.onlyIndex([space.at(1), space.at(1) + 1])).toBe(1);
    expect(space.onlyIndex(middle)).toBeUndefined();
  });

  test("what names one version", () => {
    expect(["==1.0", "===1.0", ">=1,==1.5"].map((text) => isPinned(parseSpecifierSet(text)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(["", ">=1", "==1.*"].map((text) => isPinned(parseSpecifierSet(text)))).toEqual([
      false,
      false,
      false,
    ]);
  });
});
