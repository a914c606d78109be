/** Whatever a text or document holds, a parser gives a result or a Failure, soon, and nothing else. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { resolveGroups } from "./dependency-groups.ts";
import { parseEntryPoints } from "./entry-points.ts";
import { parseSdistFilename, parseWheelFilename } from "./filenames.ts";
import { parseRequirementLenient, parseSpecifierSetLenient } from "./lenient-requirements.ts";
import { parseMarker } from "./markers.ts";
import { fullMetadata, parseMetadata } from "./metadata.ts";
import { validatePylock } from "./pylock.ts";
import { readBuildSystem, readProjectTable } from "./pyproject.ts";
import { parseRecord } from "./record.ts";
import { parseRequirement } from "./requirements.ts";
import { parseSpecifierSet } from "./specifiers.ts";
import { expandTagSet } from "./tags.ts";
import { anyMarker, anyRequirement, damaged } from "./testing/generators.ts";
import { parseVersion } from "./version.ts";
import { parseWheelFile } from "./wheel-file.ts";

const textParsers: ((text: string) => unknown)[] = [
  parseVersion,
  parseSpecifierSet,
  parseSpecifierSetLenient,
  parseMarker,
  parseRequirement,
  parseRequirementLenient,
  parseMetadata,
  fullMetadata,
  parseWheelFile,
  parseRecord,
  parseEntryPoints,
  parseWheelFilename,
  parseSdistFilename,
  expandTagSet,
  (text) => parseSdistFilename(text, text.slice(0, 3)),
];
const documentParsers: ((document: unknown) => unknown)[] = [
  readProjectTable,
  readBuildSystem,
  resolveGroups,
  validatePylock,
];

function failsWell(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
  }
}

test("texts of any kind", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    damaged(damaged(anyRequirement)),
    damaged(damaged(anyMarker)),
    fc.string({
      unit: fc.constantFrom(..."[](){}<>=!~,;:@\"'#.-_+*\n\r\t 019avx\ud800\u2028"),
      maxLength: 60,
    }),
  );
  fc.assert(
    fc.property(text, (one) => {
      for (const parse of textParsers) failsWell(() => parse(one));
    }),
    { seed: 9, numRuns: 1500 },
  );
});

test("texts that are long and monotonous", () => {
  const pieces = [
    "(",
    ")",
    "[",
    "]",
    " ",
    "\t",
    "\n",
    "\r",
    "1",
    "1.",
    ".",
    "a",
    "a-",
    "-",
    "<",
    ">=1,",
    "===",
    "'",
    '"',
    ",",
    ";",
    "a=",
    "A: b\n",
    "\n ",
    "1!",
    "1.0a",
    "+",
    "+a.",
    "os_name=='a' and ",
    "(os_name=='a' or ",
    "py3.",
    "a[",
    "\u2028",
    "é",
  ];
  for (const piece of pieces) {
    const long = piece.repeat(60_000 / piece.length);
    for (const text of [
      long,
      `a${long}`,
      `a>=${long}x`,
      `Name: ${long}`,
      `a ; ${long}`,
      `[a]\nb=${long}`,
      `==${long}x`,
    ]) {
      for (const parse of textParsers) failsWell(() => parse(text));
    }
  }
});

test("documents of any kind", () => {
  const key = fc.constantFrom(
    "project",
    "name",
    "version",
    "dynamic",
    "dependencies",
    "optional-dependencies",
    "scripts",
    "entry-points",
    "build-system",
    "requires",
    "backend-path",
    "include-group",
    "lock-version",
    "created-by",
    "packages",
    "wheels",
    "sdist",
    "hashes",
    "url",
    "__proto__",
    "constructor",
    "toString",
  );
  const document = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "medium" },
      fc.constantFrom<unknown>("a", "1.0", "a>=1", "1", "", 1, true, null, new Date(0), Number.NaN, 5n),
      fc.array(tie("value"), { maxLength: 3 }),
      fc
        .array(fc.tuple(key, tie("value")), { maxLength: 5 })
        .map((entries) => Object.fromEntries(entries) as unknown),
    ),
  })).value;
  const wrapped = fc.oneof(
    document,
    document.map((value) => ({ project: value, "build-system": value })),
    document.map((value) => ({
      project: { name: "a", version: "1", dependencies: value, "optional-dependencies": value },
    })),
    document.map((value) => ({
      "lock-version": "1.0",
      "created-by": "x",
      packages: [value],
      environments: value,
    })),
  );
  fc.assert(
    fc.property(wrapped, (one) => {
      for (const parse of documentParsers) failsWell(() => parse(one));
    }),
    { seed: 10, numRuns: 3000 },
  );
});
