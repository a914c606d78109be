/** Versions and specifiers against `packaging`, the reference implementation of PEP 440. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { askPython, oraclePython } from "../../test/oracles.ts";
import { formatSpecifierSet, setAdmitsPrereleases, setContains, tryParseSpecifierSet } from "./specifiers.ts";
import { differences, sample } from "./testing/compare.ts";
import { anySpecifierSet, anyVersion, damaged } from "./testing/generators.ts";
import { realSpecifiers, realVersions } from "./testing/real-inputs.ts";
import { compareVersions, isPrerelease, publicVersion, tryParseVersion } from "./version.ts";

const python = oraclePython();
// A Python process reads thousands of questions, on a machine that may be busy.
setDefaultTimeout(60_000);

describe.skipIf(python === undefined)("packaging", () => {
  test("parses and normalises versions alike", () => {
    const texts = [...realVersions, ...sample(anyVersion, 4000, 1), ...sample(damaged(anyVersion), 2000, 2)];
    const answers = askPython(
      python!,
      `
import sys, json
from packaging.version import Version, InvalidVersion
for line in sys.stdin:
    try:
        v = Version(json.loads(line))
        print(json.dumps([str(v), v.is_prerelease, v.public, v.epoch, [str(n) for n in v.release], v.local]))
    except InvalidVersion:
        print("null")
`,
      texts,
    );
    const ours = texts.map((text) => {
      const v = tryParseVersion(text);
      if (v === undefined) return null;
      const { epoch, release, local } = v.exact ?? v;
      return [
        v.text,
        isPrerelease(v),
        publicVersion(v).text,
        epoch,
        release.map(String),
        local?.join(".") ?? null,
      ];
    });
    expect(differences(texts, ours, answers)).toEqual([]);
  });

  test("orders versions alike", () => {
    const pairs = sample(fc.tuple(anyVersion, anyVersion), 6000, 3);
    const answers = askPython(
      python!,
      `
import sys, json
from packaging.version import Version
for line in sys.stdin:
    a, b = map(Version, json.loads(line))
    print((a > b) - (a < b))
`,
      pairs,
    );
    const ours = pairs.map(([a, b]) => Math.sign(compareVersions(tryParseVersion(a)!, tryParseVersion(b)!)));
    expect(differences(pairs, ours, answers)).toEqual([]);
  });

  test("parses, prints and applies specifier sets alike", () => {
    const versions = sample(anyVersion, 400, 4).map((text) => tryParseVersion(text)!.text);
    const sets = [
      ...realSpecifiers,
      ...sample(anySpecifierSet, 1500, 5),
      ...sample(damaged(anySpecifierSet), 1000, 6),
    ];
    const near = (text: string) =>
      text.split(",").map((part) =>
        part
          .replace(/^[\s<>=!~]+/, "")
          .replace(/\.\*$/, "")
          .trim(),
      );
    const questions = sets.map((set, i) => {
      const own = near(set).flatMap((text) =>
        ["", ".dev0", "rc1", ".post1", "+x", ".0"].map((tail) => text + tail),
      );
      const some = Array.from({ length: 6 }, (_, k) => versions[(i * 7 + k * 13) % versions.length]!);
      return [set, [...own, ...some, "not a version"]] as const;
    });
    const answers = askPython(
      python!,
      `
import sys, json
from packaging.specifiers import SpecifierSet, InvalidSpecifier
for line in sys.stdin:
    text, versions = json.loads(line)
    try:
        s = SpecifierSet(text)
    except InvalidSpecifier:
        print("null")
        continue
    print(json.dumps([str(s), bool(s.prereleases), [[s.contains(v, prereleases=p) for p in (None, True, False)] for v in versions]]))
`,
      questions,
    );
    const ours = questions.map(([text, candidates]) => {
      const set = tryParseSpecifierSet(text);
      if (set === undefined) return null;
      const contained = candidates.map((v) => [
        setContains(set, v),
        setContains(set, v, { prereleases: true }),
        setContains(set, v, { prereleases: false }),
      ]);
      return [formatSpecifierSet(set), setAdmitsPrereleases(set), contained];
    });
    expect(differences(questions, ours, answers)).toEqual([]);
  });

  test("applies a set to a version object alike", () => {
    const pairs = sample(fc.tuple(anySpecifierSet, anyVersion), 4000, 8);
    const answers = askPython(
      python!,
      `
import sys, json
from packaging.specifiers import SpecifierSet
from packaging.version import Version
for line in sys.stdin:
    s, v = json.loads(line)
    print(json.dumps(SpecifierSet(s).contains(Version(v), prereleases=True)))
`,
      pairs,
    );
    const ours = pairs.map(([set, v]) => setContains(tryParseSpecifierSet(set)!, tryParseVersion(v)!));
    expect(differences(pairs, ours, answers)).toEqual([]);
  });
});
