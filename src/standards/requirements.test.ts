import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { formatRequirement, parseRequirement } from "./requirements.ts";
import { anyRequirement } from "./testing/generators.ts";

function failureOf(text: string, where?: string): Failure {
  try {
    parseRequirement(text, where === undefined ? {} : { where });
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("a requirement", () => {
  test("has its parts", () => {
    const text = "Foo_Bar [Sec, a.b,sec] >= 1.0, <2 ; python_version < '3.9'";
    const requirement = parseRequirement(text);
    expect(requirement).toMatchObject({
      name: "Foo_Bar",
      normalized: "foo-bar",
      extras: ["a-b", "sec"],
      text,
    });
    expect(requirement.specifier.text).toBe(">= 1.0, <2");
    expect(requirement.url).toBeUndefined();
    expect(formatRequirement(requirement)).toBe('Foo_Bar[a-b,sec]<2,>=1.0; python_version < "3.9"');
  });

  test("can name a URL, which ends at white space", () => {
    const requirement = parseRequirement("pip @ https://example.org/pip.zip#sha256=ab;x ; os_name == 'nt'");
    expect(requirement.url).toBe("https://example.org/pip.zip#sha256=ab;x");
    expect(formatRequirement(requirement)).toBe(
      'pip @ https://example.org/pip.zip#sha256=ab;x ; os_name == "nt"',
    );
  });

  test("reads back what it prints", () => {
    fc.assert(
      fc.property(anyRequirement, (text) => {
        const printed = formatRequirement(parseRequirement(text));
        expect(formatRequirement(parseRequirement(printed))).toBe(printed);
      }),
      { seed: 6, numRuns: 2000 },
    );
  });

  test.each([
    ["", "a package name is expected", "\n^"],
    ["-x", "a package name is expected", "-x\n^"],
    ["foo bar", "a semicolon or the end is expected", "foo bar\n    ^"],
    ["foo>=1 <2", "a comma, a semicolon or the end", "foo>=1 <2\n       ^"],
    ["foo[a b]", "a comma is expected between extras", "foo[a b]\n   ~~~~^"],
    ["foo[a", "the bracket around the extras is not closed", "foo[a\n   ~~^"],
    ["foo[a,]", "an extra is expected after the comma", "foo[a,]\n      ^"],
    ["foo(>=1", "the parenthesis around the versions is not closed", "foo(>=1\n   ~~~~^"],
    ["foo>=1.*", "`.*` goes with `==` and `!=` only", "foo>=1.*\n   ~~~~~^"],
    ["foo==1.0a1.*", "`.*` cannot follow a pre-release", "foo==1.0a1.*\n   ~~~~~~~~~^"],
    ["foo>=1+x", "a local version goes with", "foo>=1+x\n   ~~~~~^"],
    ["foo @", "a URL is expected", "foo @\n     ^"],
    ["foo; python_version", "an operator is expected", "foo; python_version\n                   ^"],
  ])("%j: %s", (text, reason, detail) => {
    const failure = failureOf(text);
    expect(failure.code).toBe("DXPY_BAD_REQUIREMENT");
    expect(failure.message).toContain(reason);
    expect(failure.context.detail).toBe(detail);
  });

  test("says where it was found, and shows a long text only around the place", () => {
    const failure = failureOf(`foo>=${"1".repeat(300)}; \u0007nope`, "project.dependencies[3]");
    expect(failure.message).toStartWith("project.dependencies[3]: `foo>=111");
    expect(failure.message.length).toBeLessThan(300);
    expect(failure.context.detail!.split("\n")[0]!.length).toBeLessThan(200);
    expect(failure.context.detail).not.toContain("\u0007");
  });
});
