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
