/** Generators of versions, specifiers, requirements and the like for property tests: mostly near each other, so that edges meet. */
import fc from "fast-check";

const small = fc.constantFrom("0", "1", "2", "3", "00", "01", "10", "65534", "65535", "65536");
const rareNumber = fc.constantFrom("9007199254740991", "9007199254740992", "123456789012345678901234567890");
const number = fc.oneof({ weight: 12, arbitrary: small }, { weight: 1, arbitrary: rareNumber });
const separator = fc.constantFrom("", ".", "-", "_");
const maybe = (part: fc.Arbitrary<string>, weight = 2) =>
  fc.oneof({ weight, arbitrary: fc.constant("") }, { weight: 1, arbitrary: part });

const join = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((all) => all.join(""));

const release = fc.array(number, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("."));
const pre = join(
  separator,
  fc.constantFrom("a", "b", "rc", "c", "alpha", "BETA", "pre", "preview"),
  separator,
  maybe(number),
);
const post = fc.oneof(
  join(fc.constant("-"), number),
  join(separator, fc.constantFrom("post", "rev", "r", "POST"), separator, maybe(number)),
);
const dev = join(separator, fc.constantFrom("dev", "DEV"), separator, maybe(number));
const localPart = fc.constantFrom(
  "0",
  "1",
  "01",
  "abc",
  "ABC",
  "a1",
  "1a",
  "cpu",
  "cu118",
  "12345678901234567890",
);
const local = fc
  .tuple(localPart, fc.array(fc.tuple(fc.constantFrom(".", "-", "_"), localPart), { maxLength: 2 }))
  .map(([first, rest]) => `+${first}${rest.map((pair) => pair.join("")).join("")}`);
const epoch = join(number, fc.constant("!"));

/** A valid version in any spelling, without a local segment. */
export const anyPublicVersion = join(
  maybe(fc.constantFrom("v", "V"), 20),
  maybe(epoch, 8),
  release,
  maybe(pre),
  maybe(post),
  maybe(dev),
);

/** A valid version in any spelling. */
export const anyVersion = join(anyPublicVersion, maybe(local, 4));

const space = fc.constantFrom("", "", "", " ", "  ");

/** A valid specifier in any spelling. */
export const anySpecifier = fc.oneof(
  { weight: 8, arbitrary: join(fc.constantFrom("<", ">", "<=", ">="), space, anyPublicVersion) },
  { weight: 4, arbitrary: join(fc.constantFrom("==", "!="), space, anyVersion) },
  {
    weight: 3,
    arbitrary: join(fc.constantFrom("==", "!="), space, maybe(epoch, 8), release, fc.constant(".*")),
  },
  {
    weight: 2,
    arbitrary: join(
      fc.constant("~="),
      space,
      maybe(epoch, 8),
      number,
      fc.constant("."),
      release,
      maybe(pre),
      maybe(post),
    ),
  },
  { weight: 1, arbitrary: join(fc.constant("==="), space, anyVersion) },
);

/** Zero to three specifiers with commas between. */
export const anySpecifierSet = fc
  .array(join(space, anySpecifier, space), { maxLength: 3 })
  .map((parts) => parts.join(","));

/** The text with a character taken out, put in or changed: mostly invalid, sometimes surprisingly valid. */
export const damaged = (text: fc.Arbitrary<string>) =>
  fc
    .tuple(
      text,
      fc.nat(30),
      fc.nat(2),
      fc.constantFrom(..." .-_+!,;*()[]<>=~'\"@vabrcdeopstl0129\n\t\\é\u00a0"),
    )
    .map(([whole, place, cut, put]) => {
      const at = Math.min(place, whole.length);
      return whole.slice(0, at) + (cut === 2 ? "" : put) + whole.slice(at + (cut > 0 ? 1 : 0));
    });

const name = fc.constantFrom("a", "Foo", "foo.bar", "Foo_Bar-baz", "a1", "x--y", "zope.interface", "A", "0x");
const quoted = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.constantFrom("'", '"')).map(([value, quote]) => quote + value + quote);
const blank = fc.constantFrom("", " ", "  ", "\t");
const blanks = fc.constantFrom(" ", "  ", " \t");

const versionVariable = fc.constantFrom(
  "python_version",
  "python_full_version",
  "implementation_version",
  "platform_release",
);
const textVariable = fc.constantFrom(
  "os_name",
  "os.name",
  "sys_platform",
  "sys.platform",
  "platform_system",
  "platform_machine",
  "platform.machine",
  "platform_version",
  "platform_python_implementation",
  "platform.python_implementation",
  "python_implementation",
  "implementation_name",
);
const order = fc.constantFrom("==", "!=", "<", "<=", ">", ">=");
const versionText = fc.constantFrom(
  ..."2.7 3 3.7 3.8 3.10 3.11 3.11.7 3.11.0rc1 3.12 3.* 3.11.* 5.4 6.1.0+x x".split(" "),
);
const platformText = fc.constantFrom(
  ..."posix nt linux Linux win32 darwin x86_64 CPython cpython PyPy #1".split(" "),
);

const join3 = (left: fc.Arbitrary<string>, op: fc.Arbitrary<string>, right: fc.Arbitrary<string>) =>
  fc.oneof(join(left, blank, op, blank, right), join(right, blank, op, blank, left));
const membership = fc.constantFrom("in", "not in", "not  in");

/** A comparison of a variable with a literal that means something. */
const anyComparison = fc.oneof(
  { weight: 6, arbitrary: join3(versionVariable, order, quoted(versionText)) },
  { weight: 4, arbitrary: join3(textVariable, order, quoted(platformText)) },
  { weight: 2, arbitrary: join3(fc.constant("extra"), fc.constantFrom("==", "!="), quoted(name)) },
  {
    weight: 2,
    arbitrary: join(
      quoted(fc.oneof(platformText, versionText)),
      blanks,
      membership,
      blanks,
      fc.oneof(textVariable, versionVariable),
    ),
  },
  {
    weight: 1,
    arbitrary: join(
      fc.oneof(textVariable, versionVariable),
      blanks,
      membership,
      blanks,
      quoted(fc.constantFrom("3.7 3.8 3.11", "linux,darwin", "", "x86_64 arm64", "posix")),
    ),
  },
  {
    weight: 1,
    arbitrary: join(
      versionVariable,
      blank,
      fc.constant("~="),
      blank,
      quoted(fc.constantFrom("3.7", "3.11.2")),
    ),
  },
  { weight: 1, arbitrary: join(versionVariable, blank, fc.constant("==="), blank, quoted(versionText)) },
);

const setComparison = join(
  quoted(name),
  blanks,
  membership,
  blanks,
  fc.constantFrom("extras", "dependency_groups"),
);

const markerOf = (comparison: fc.Arbitrary<string>) =>
  fc.letrec<{ marker: string }>((tie) => ({
    marker: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      comparison,
      fc
        .tuple(tie("marker"), fc.constantFrom(" and ", " or ", "  or  "), tie("marker"))
        .map((parts) => parts.join("")),
      tie("marker").map((inner) => `(${inner})`),
      tie("marker").map((inner) => `( ${inner} ) `),
    ),
  })).marker;

/** A valid marker of core metadata, in any spelling. */
export const anyMarker = markerOf(anyComparison);

/** A valid marker of a lock file: without `extra`, with `extras` and `dependency_groups`. */
export const anyLockMarker = markerOf(
  fc.oneof(
    { weight: 3, arbitrary: anyComparison.filter((text) => !text.includes("extra")) },
    { weight: 2, arbitrary: setComparison },
  ),
);

const extraNames = fc.uniqueArray(name, { maxLength: 3 });
const extras = fc.oneof(
  { weight: 2, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: fc
      .tuple(extraNames, blank)
      .map(([names, space]) => `[${space}${names.join(`${space},`)}${space}]`),
  },
);
// After `===` everything up to white space is the version, commas too.
const versionSet = anySpecifierSet.map((set) => set.trim()).filter((set) => !/===.*,/.test(set));
const versions = fc.oneof(
  versionSet,
  versionSet.map((set) => `(${set})`),
);
const url = fc.constantFrom(
  " @ https://example.org/a-1.0.zip",
  "@git+https://example.org/r@v1#egg=x&subdirectory=y",
  " @ file:///tmp/a%20b.whl",
);

/** A valid requirement, in any spelling. */
export const anyRequirement = fc
  .tuple(
    blank,
    name,
    blank,
    extras,
    fc.oneof({ weight: 5, arbitrary: join(blank, versions) }, { weight: 1, arbitrary: url }),
    fc.oneof(
      { weight: 2, arbitrary: fc.constant("") },
      { weight: 1, arbitrary: join(blanks, fc.constant(";"), blank, anyMarker) },
    ),
  )
  .map((parts) => parts.join(""));
