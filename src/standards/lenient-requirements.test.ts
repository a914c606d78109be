import { describe, expect, test } from "bun:test";
import { Failure } from "../platform/errors.ts";
import { parseRequirementLenient, parseSpecifierSetLenient } from "./lenient-requirements.ts";
import { formatRequirement } from "./requirements.ts";
import { formatSpecifierSet } from "./specifiers.ts";

describe("a requirement of an old package", () => {
  test.each([
    ["elasticsearch-dsl (>=7.2.0<8.0.0)", "elasticsearch-dsl<8.0.0,>=7.2.0"],
    ["jupyter-core2 (!=~5.0,>=4.12)", "jupyter-core2!=5.0.*,>=4.12"],
    ["torch (>=1.9.*)", "torch>=1.9"],
    ["numpy~=1.19.*", "numpy~=1.19"],
    ["pyzmq (!=3.0*,>=2.7)", "pyzmq!=3.0.*,>=2.7"],
    ["redis >=3.6,", "redis>=3.6"],
    ["botocore (>=1.12,) ; extra == 'x'", 'botocore>=1.12; extra == "x"'],
    ["pbr>dev", "pbr>0.0.0dev"],
    ["black (>=9.0.0a1.0)", "black>=9.0.0a1"],
    ["foo2>= '2.7'", "foo2>=2.7"],
    ["click~= 3", "click~=3.0"],
    ["six>=1.5.", "six>=1.5"],
    ["six=>1.5", "six>=1.5"],
    ["six=1.5", "six==1.5"],
    ["a[b]>=1.0<2 ; python_version>'3'", 'a[b]<2,>=1.0; python_version > "3"'],
  ])("%s is read as %s", (text, meant) => {
    const requirement = parseRequirementLenient(text);
    expect(formatRequirement(requirement)).toBe(meant);
    expect(requirement.text).toBe(text);
  });

  test("that is not understood fails with the text as it was", () => {
    expect(() => parseRequirementLenient("foo >= banana")).toThrow(Failure);
    expect(() => parseRequirementLenient("foo >= banana")).toThrow(/foo >= banana/);
  });

  test("that is valid is left alone", () => {
    expect(formatRequirement(parseRequirementLenient("a===1.0-'x'"))).toBe("a===1.0-'x'");
  });
});

test.each([
  [">=3.6.*", ">=3.6"],
  [">=2.7,!=3.0*,!=3.1*", "!=3.0.*,!=3.1.*,>=2.7"],
  [">=3.6,", ">=3.6"],
  ["~=3", "~=3.0"],
  [">=3.5.*,<4", "<4,>=3.5"],
  ["'>=3.6'", ">=3.6"],
])("Requires-Python: %s is read as %s", (text, meant) => {
  expect(formatSpecifierSet(parseSpecifierSetLenient(text))).toBe(meant);
});
