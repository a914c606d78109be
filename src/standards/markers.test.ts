import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import type { MarkerEnvironment } from "./marker-environment.ts";
import { evaluateMarker, formatMarker, parseMarker } from "./markers.ts";
import { anyLockMarker, anyMarker } from "./testing/generators.ts";

const linux: MarkerEnvironment = {
  implementation_name: "cpython",
  implementation_version: "3.12.1",
  os_name: "posix",
  platform_machine: "x86_64",
  platform_python_implementation: "CPython",
  platform_release: "6.1.0-generic",
  platform_system: "Linux",
  platform_version: "#1 SMP",
  python_full_version: "3.12.1",
  python_version: "3.12",
  sys_platform: "linux",
};
const holds = (text: string, more: object = {}) => evaluateMarker(parseMarker(text), { ...linux, ...more });

describe("a marker", () => {
  test.each([
    ["python_version >= '3.9'", true],
    ["'3.9' <= python_version", true],
    ["python_version < '3.9' or os.name == 'posix' and sys_platform == 'linux'", true],
    ["(python_version < '3.9' or os_name == 'posix') and sys_platform == 'win32'", false],
    ["python_version in '3.11 3.12'", true],
    ["'linux' in sys_platform", true],
    ["'win' not in sys_platform", true],
    ["python_full_version == '3.12.*'", true],
    ["platform_release >= '5'", false],
    ["platform_machine > 'a'", false],
    ["python_implementation == 'CPython'", true],
    ["extra == 'x'", false],
    ["'x' in extras", false],
    ["'x' not in dependency_groups", true],
    // Of no meaning, so false.
    ["'a' == 'a'", false],
    ["os_name == sys_platform", false],
    ["os_name ~= 'posix'", false],
    ["extras == 'x'", false],
  ])("%s: %p", (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  test("compares names of extras and groups in their normal form", () => {
    expect(holds("extra == 'Foo_Bar'", { extra: "foo.bar" })).toBe(true);
    expect(holds("'Foo_Bar' in extras", { extras: ["x", "foo.BAR"] })).toBe(true);
    expect(holds("'dev' not in dependency_groups", { dependency_groups: ["Dev"] })).toBe(false);
  });

  test("takes an untagged build of Python for a version", () => {
    expect(holds("python_full_version >= '3.14.0a1'", { python_full_version: "3.14.0a1+" })).toBe(true);
  });

  test("reads back what it prints", () => {
    fc.assert(
      fc.property(fc.oneof(anyMarker, anyLockMarker), (text) => {
        const marker = parseMarker(text);
        expect(parseMarker(formatMarker(marker))).toEqual(marker);
      }),
      { seed: 5, numRuns: 2000 },
    );
  });

  test("is printed with parentheses where kinds mix", () => {
    expect(
      formatMarker(parseMarker("(os_name=='a' and (os_name=='b' and os_name=='c'))or os_name=='\"'")),
    ).toBe('(os_name == "a" and os_name == "b" and os_name == "c") or os_name == \'"\'');
  });

  test.each([
    ["os_name", "an operator is expected"],
    ["os_name == x", "a marker variable or a quoted string is expected"],
    ["os_name == 'x", "a marker variable or a quoted string is expected"],
    ["(os_name == 'x'", "the parenthesis is not closed"],
    ["os_name == 'x') ", "`and`, `or` or the end is expected"],
    ["", "a marker variable or a quoted string is expected"],
    ["(".repeat(5000), "nested deeper"],
    [`os_name == '${"x".repeat(70_000)}'`, "longer than"],
  ])("%.20s: %s", (text, reason) => {
    expect(() => parseMarker(text)).toThrow(Failure);
    expect(() => parseMarker(text)).toThrow(reason);
  });
});
