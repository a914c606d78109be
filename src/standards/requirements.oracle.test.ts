/** Requirements, markers and names against `packaging`, the reference implementation of PEP 508 and PEP 503. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { askPython, oraclePython } from "../../test/oracles.ts";
import type { MarkerEnvironment } from "./marker-environment.ts";
import { evaluateMarker, formatMarker, type Marker, parseMarker } from "./markers.ts";
import { isNormalName, isValidName, normalizeName } from "./names.ts";
import { formatRequirement, parseRequirement } from "./requirements.ts";
import { formatSpecifierSet } from "./specifiers.ts";
import { differences, orNull, sample } from "./testing/compare.ts";
import { anyLockMarker, anyMarker, anyRequirement, damaged } from "./testing/generators.ts";
import { realMarkers, realRequirements } from "./testing/real-inputs.ts";

const python = oraclePython();
// A Python process reads thousands of questions, on a machine that may be busy.
setDefaultTimeout(60_000);

const environments: MarkerEnvironment[] = [
  {
    implementation_name: "cpython",
    implementation_version: "3.11.7",
    os_name: "posix",
    platform_machine: "x86_64",
    platform_python_implementation: "CPython",
    platform_release: "6.1.0-generic",
    platform_system: "Linux",
    platform_version: "#1 SMP",
    python_full_version: "3.11.7",
    python_version: "3.11",
    sys_platform: "linux",
  },
  {
    implementation_name: "pypy",
    implementation_version: "7.3.13",
    os_name: "nt",
    platform_machine: "AMD64",
    platform_python_implementation: "PyPy",
    platform_release: "10",
    platform_system: "Windows",
    platform_version: "10.0.22631",
    python_full_version: "3.14.0rc1+",
    python_version: "3.14",
    sys_platform: "win32",
  },
];

/** What dx-py reads, and `packaging` too, but to no use: see docs/standards.md. */
function isMeaningless(marker: Marker): boolean {
  if (marker.kind !== "compare") return marker.operands.some(isMeaningless);
  const { left, right, op } = marker;
  if (left.kind === right.kind) return true;
  return (
    op === "~=" ||
    op === "===" ||
    (left.kind === "variable" && /^(?:extras|dependency_groups)$/.test(left.name))
  );
}

describe.skipIf(python === undefined)("packaging", () => {
  test("parses, prints and evaluates markers alike", () => {
    const texts = [
      ...realMarkers,
      ...sample(anyMarker, 2500, 11),
      ...sample(anyLockMarker, 1000, 12),
      ...sample(damaged(anyMarker), 2500, 13),
    ];
    const contexts = environments.flatMap((env) => [
      { ...env, extra: "", extras: [] as string[], dependency_groups: [] as string[] },
      { ...env, extra: "Foo.Bar", extras: ["A", "foo_bar"], dependency_groups: ["x-Y", "zope.interface"] },
    ]);
    const answers = askPython(
      python!,
      `
import sys, json
from packaging.markers import Marker, InvalidMarker
for line in sys.stdin:
    text, contexts = json.loads(line)
    try:
        m = Marker(text)
    except InvalidMarker:
        print("null")
        continue
    results = []
    for c in contexts:
        c["extras"] = set(c["extras"]); c["dependency_groups"] = set(c["dependency_groups"])
        try:
            results.append(m.evaluate(c))
        except Exception as e:
            results.append(type(e).__name__)
    print(json.dumps([str(m), results]))
`,
      texts.map((text) => [text, contexts]),
    ) as ([string, unknown[]] | null)[];
    // The reference keeps redundant parentheses, so what it prints is compared in what it means to us.
    const theirs = answers.map(
      (answer) => answer && [orNull(() => formatMarker(parseMarker(answer[0]))), ...answer[1]],
    );
    const ours = texts.map((text) =>
      orNull(() => {
        const marker = parseMarker(text);
        return [formatMarker(marker), ...contexts.map((context) => evaluateMarker(marker, context))];
      }),
    );
    const counted = texts.map((text, i) => {
      if (text.includes("\\")) return false;
      const marker = orNull(() => parseMarker(texts[i]!));
      return marker === null || !isMeaningless(marker) || typeof theirs[i]?.[1] === "boolean";
    });
    const pick = <T>(all: readonly T[]) => all.filter((_, i) => counted[i]);
    expect(pick(texts).length).toBeGreaterThan(texts.length * 0.95);
    expect(differences(pick(texts), pick(ours), pick(theirs))).toEqual([]);
  });

  // A backslash in a marker's text is a character here; the reference reads it as Python does.
  test("parses and prints requirements alike", () => {
    const texts = [
      ...realRequirements,
      ...sample(anyRequirement, 4000, 14),
      ...sample(damaged(anyRequirement), 4000, 15),
    ].filter((text) => !text.includes("\\"));
    const script = `
import sys, json
from packaging.requirements import Requirement, InvalidRequirement
from packaging.utils import canonicalize_name as c
for line in sys.stdin:
    try:
        r = Requirement(json.loads(line))
        print(json.dumps([r.name, c(r.name), sorted({c(e) for e in r.extras}), str(r.specifier), r.url, r.marker and str(r.marker)]))
    except InvalidRequirement:
        print("null")
`;
    const read = (text: string) =>
      orNull(() => {
        const { name, normalized, extras, specifier, url, marker } = parseRequirement(text);
        return [
          name,
          normalized,
          extras,
          formatSpecifierSet(specifier),
          url ?? null,
          marker ? formatMarker(marker) : null,
        ];
      });
    // A name cannot end in an underscore (PEP 508), and the reference lets it.
    const answers = (askPython(python!, script, texts) as (unknown[] | null)[]).map((answer) =>
      [answer?.[0], ...((answer?.[2] as string[] | undefined) ?? [])].some((name) =>
        /[-_.]$/.test(String(name)),
      )
        ? null
        : answer,
    );
    const theirs = answers.map(
      (answer) =>
        answer && [...answer.slice(0, 5), answer[5] && formatMarker(parseMarker(answer[5] as string))],
    );
    expect(differences(texts, texts.map(read), theirs)).toEqual([]);

    // What we print, the reference reads back as the same requirement.
    const printed = texts.flatMap((text) => {
      const requirement = orNull(() => parseRequirement(text));
      return requirement === null ? [] : [formatRequirement(requirement)];
    });
    const again = askPython(python!, script, printed) as (unknown[] | null)[];
    expect(
      differences(
        printed,
        printed.map(read),
        again.map(
          (answer) =>
            answer && [...answer.slice(0, 5), answer[5] && formatMarker(parseMarker(answer[5] as string))],
        ),
      ),
    ).toEqual([]);
  });

  test("normalises and checks names alike", () => {
    const names = [
      "Foo",
      "foo.bar",
      "a--b__c..d",
      "-a",
      "a-",
      "_x",
      "A",
      "0",
      "",
      "é",
      "foo bar",
      "Foo_Bar.baz-1",
      "x".repeat(300),
      "a\n",
      ...sample(fc.string({ unit: fc.constantFrom(..."aZ0-_.é \n"), maxLength: 8 }), 2000, 16),
    ];
    const answers = askPython(
      python!,
      `
import sys, json
from packaging.utils import canonicalize_name, is_normalized_name, InvalidName
for line in sys.stdin:
    n = json.loads(line)
    try:
        canonicalize_name(n, validate=True); valid = True
    except InvalidName:
        valid = False
    print(json.dumps([canonicalize_name(n), valid, is_normalized_name(n)]))
`,
      names,
    );
    expect(
      differences(
        names,
        names.map((name) => [normalizeName(name), isValidName(name), isNormalName(name)]),
        answers,
      ),
    ).toEqual([]);
  });
});
