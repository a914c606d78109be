import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { evaluateMarker, formatMarker, type Marker, type MarkerContext, parseMarker } from "../markers.ts";
import { createMarkerArena, evaluateTree, fromMarker } from "./from-marker.ts";
import { falseMarker, trueMarker } from "./marker-arena.ts";
import { pythonBounds } from "./marker-python.ts";
import { separation } from "./marker-separation.ts";
import { formatPythonPoint, pythonPoint } from "./python-versions.ts";
import { markerText, toMarker } from "./to-marker.ts";

const linux: MarkerContext = {
  implementation_name: "cpython",
  implementation_version: "3.12.1",
  os_name: "posix",
  platform_machine: "x86_64",
  platform_python_implementation: "CPython",
  platform_release: "6.1",
  platform_system: "Linux",
  platform_version: "#1",
  python_full_version: "3.12.1",
  python_version: "3.12",
  sys_platform: "linux",
};

const platforms: Partial<MarkerContext>[] = [
  {},
  { os_name: "nt", platform_system: "Windows", sys_platform: "win32", platform_machine: "AMD64" },
  { platform_system: "Darwin", sys_platform: "darwin", platform_machine: "arm64" },
  { platform_system: "FreeBSD", sys_platform: "freebsd14" },
];

const environments = fc
  .tuple(
    fc.constantFrom(...platforms),
    fc.constantFrom("3.8.0", "3.9.1", "3.10.0", "3.10.2", "3.11.9", "3.12.1", "3.13.0", "4.0.0"),
    fc.constantFrom("CPython", "PyPy"),
    fc.constantFrom(undefined, "test", "docs"),
  )
  .map(
    ([platform, python, implementation, extra]): MarkerContext => ({
      ...linux,
      ...platform,
      python_full_version: python,
      python_version: python.split(".").slice(0, 2).join("."),
      platform_python_implementation: implementation,
      implementation_name: implementation.toLowerCase(),
      extra,
    }),
  );

const comparisons = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("python_version", "python_full_version"),
      fc.constantFrom("<", "<=", "==", "!=", ">", ">="),
      fc.constantFrom("3.8", "3.9", "3.10", "3.10.2", "3.11.0", "3.12", "4"),
    )
    .map(([name, op, value]) => `${name} ${op} '${value}'`),
  fc.constantFrom(
    "python_version == '3.*'",
    "python_full_version == '3.10.*'",
    "python_full_version != '3.11.*'",
    "python_full_version ~= '3.9.1'",
    "python_version in '3.9 3.10'",
    "python_version not in '3.12'",
    "'3.10' <= python_version",
    "sys_platform == 'linux'",
    "sys_platform != 'win32'",
    "platform_system == 'Windows'",
    "platform_system != 'Darwin'",
    "os_name == 'nt'",
    "os_name != 'posix'",
    "'linux' in sys_platform",
    "sys_platform not in 'win32 cygwin'",
    "platform_machine == 'x86_64'",
    "platform_release >= '5'",
    "platform_python_implementation == 'PyPy'",
    "implementation_name == 'cpython'",
    "extra == 'test'",
    "extra != 'docs'",
  ),
);

const markers: fc.Arbitrary<string> = fc.letrec<{ marker: string }>((tie) => ({
  marker: fc.oneof(
    { maxDepth: 3 },
    comparisons,
    fc
      .tuple(tie("marker"), fc.constantFrom("and", "or"), tie("marker"))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
  ),
})).marker;

const read = (text: string): Marker => parseMarker(text);

describe("marker diagrams", () => {
  test("mean what the marker means, in every environment", () => {
    fc.assert(
      fc.property(markers, environments, (text, env) => {
        const arena = createMarkerArena();
        expect(evaluateTree(arena, fromMarker(arena, read(text)), env)).toBe(evaluateMarker(read(text), env));
      }),
      { numRuns: 600 },
    );
  });

  test("written as text again they still do", () => {
    fc.assert(
      fc.property(markers, fc.array(environments, { minLength: 3, maxLength: 8 }), (text, envs) => {
        const arena = createMarkerArena();
        const written = toMarker(arena, fromMarker(arena, read(text)));
        for (const env of envs) {
          expect(written === undefined || evaluateMarker(written, env)).toBe(evaluateMarker(read(text), env));
        }
        if (written !== undefined) read(formatMarker(written));
      }),
      { numRuns: 400 },
    );
  });

  test("and, or, not, disjoint and implies are those of sets of environments", () => {
    fc.assert(
      fc.property(
        markers,
        markers,
        fc.array(environments, { minLength: 3, maxLength: 6 }),
        (one, other, envs) => {
          const arena = createMarkerArena();
          const a = fromMarker(arena, read(one));
          const b = fromMarker(arena, read(other));
          for (const env of envs) {
            const [inA, inB] = [evaluateTree(arena, a, env), evaluateTree(arena, b, env)];
            expect(evaluateTree(arena, arena.and(a, b), env)).toBe(inA && inB);
            expect(evaluateTree(arena, arena.or(a, b), env)).toBe(inA || inB);
            expect(evaluateTree(arena, arena.not(a), env)).toBe(!inA);
            if (inA && inB) expect(arena.isDisjoint(a, b)).toBe(false);
            if (inA && !inB) expect(arena.implies(a, b)).toBe(false);
          }
          expect(arena.not(arena.not(a))).toBe(a);
          expect(arena.and(a, b)).toBe(arena.and(b, a));
          expect(arena.not(arena.and(a, b))).toBe(arena.or(arena.not(a), arena.not(b)));
          expect(arena.and(a, arena.not(a))).toBe(falseMarker);
          expect(arena.or(a, arena.not(a))).toBe(trueMarker);
        },
      ),
      { numRuns: 300 },
    );
  });
});

function simplified(text: string, python = ""): string {
  const arena = createMarkerArena();
  const assuming = python === "" ? trueMarker : fromMarker(arena, read(python));
  return markerText(arena, fromMarker(arena, read(text)), assuming) ?? "always";
}

describe("the text of a diagram", () => {
  const cases: [given: string, python: string, written: string][] = [
    ["python_version >= '3.10'", "", 'python_full_version >= "3.10"'],
    ["python_version > '3.10'", "", 'python_full_version >= "3.11"'],
    ["python_version == '3.10'", "", 'python_full_version == "3.10.*"'],
    ["python_version != '3.10'", "", 'python_full_version != "3.10.*"'],
    ["python_full_version == '3.9'", "", 'python_full_version == "3.9"'],
    ["python_full_version != '3.9.2'", "", 'python_full_version != "3.9.2"'],
    ["python_version in '3.9 3.10'", "", 'python_full_version >= "3.9" and python_full_version < "3.11"'],
    ["python_version < '3.8' or python_version >= '3.8'", "", "always"],
    [
      "python_version >= '3.8' and sys_platform == 'win32'",
      "python_version >= '3.9'",
      'sys_platform == "win32"',
    ],
    ["python_version >= '3.8'", "python_version >= '3.9'", "always"],
    ["python_version < '3.8'", "python_version >= '3.9'", 'python_version < "0"'],
    ["platform_system == 'Windows'", "", 'sys_platform == "win32"'],
    ["sys_platform == 'win32' and os_name == 'nt'", "", 'os_name == "nt" and sys_platform == "win32"'],
    ["sys_platform == 'win32' and os_name == 'posix'", "", 'python_version < "0"'],
    [
      "sys_platform != 'win32' and sys_platform != 'darwin'",
      "",
      'sys_platform != "darwin" and sys_platform != "win32"',
    ],
    [
      "sys_platform == 'linux' or sys_platform == 'darwin'",
      "",
      'sys_platform == "darwin" or sys_platform == "linux"',
    ],
    [
      "(python_version >= '3.9' and sys_platform == 'win32') or python_version >= '3.11'",
      "",
      'python_full_version >= "3.11" or (python_full_version >= "3.9" and sys_platform == "win32")',
    ],
    [
      "extra == 'Test_X' and python_version >= '3.9'",
      "",
      'python_full_version >= "3.9" and extra == "test-x"',
    ],
    ["'cli' in extras or 'dev' in dependency_groups", "", '"cli" in extras or "dev" in dependency_groups'],
    ["'nux' not in sys_platform", "", '"nux" not in sys_platform'],
  ];
  test.each(cases)("%s (where %s) is %s", (given, python, written) => {
    expect(simplified(given, python)).toBe(written);
  });

  test("platforms that cannot be are false, and their negation is true", () => {
    const arena = createMarkerArena();
    const impossible = fromMarker(arena, read("sys_platform == 'linux' and os_name == 'nt'"));
    expect(arena.isFalse(impossible)).toBe(true);
    expect(arena.isTrue(arena.not(impossible))).toBe(true);
    const bsd = fromMarker(arena, read("platform_system == 'FreeBSD'"));
    expect(arena.isDisjoint(bsd, fromMarker(arena, read("sys_platform == 'darwin'")))).toBe(true);
  });

  test("the Pythons that a marker can hold in", () => {
    const arena = createMarkerArena();
    const bounds = (text: string) => {
      const found = pythonBounds(arena, fromMarker(arena, read(text)));
      return found === undefined ? undefined : formatPythonPoint(found.from);
    };
    expect(bounds("python_version >= '3.9' and sys_platform == 'win32'")).toBe("3.9");
    expect(bounds("python_version >= '3.9' or sys_platform == 'win32'")).toBeUndefined();
    expect(bounds("sys_platform == 'win32'")).toBeUndefined();
  });
});

describe("telling two markers apart", () => {
  test.each([
    [
      "sys_platform == 'win32' and platform_machine == 'AMD64'",
      "sys_platform == 'linux'",
      'sys_platform == "win32"',
    ],
    [
      "sys_platform == 'darwin' and platform_machine == 'arm64'",
      "sys_platform == 'linux'",
      'sys_platform != "linux"',
    ],
    [
      "sys_platform == 'linux' and python_version == '3.12' and implementation_name == 'cpython'",
      "sys_platform == 'linux' and python_version < '3.11'",
      'python_full_version == "3.12.*"',
    ],
    [
      "sys_platform == 'linux' and platform_machine == 'aarch64'",
      "sys_platform == 'linux' and platform_machine == 'x86_64'",
      'platform_machine != "x86_64"',
    ],
  ])("%s from %s: %s", (one, other, told) => {
    const arena = createMarkerArena();
    const tree = separation(arena, fromMarker(arena, read(one)), fromMarker(arena, read(other)));
    expect(markerText(arena, tree)).toBe(told);
  });

  test("holds wherever the one does, and nowhere where the other does", () => {
    fc.assert(
      fc.property(markers, markers, (one, other) => {
        const arena = createMarkerArena();
        const a = fromMarker(arena, read(one));
        const b = arena.and(fromMarker(arena, read(other)), arena.not(a));
        const told = separation(arena, a, b);
        expect(arena.implies(a, told)).toBe(true);
        expect(arena.isDisjoint(told, b)).toBe(true);
      }),
    );
  });
});

test("points of Python sort as versions do, whatever the numbers", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5000), { minLength: 1, maxLength: 4 }), (release) => {
      const point = pythonPoint(release);
      expect(point).toBeGreaterThanOrEqual(0);
      expect(Number.isSafeInteger(point)).toBe(true);
    }),
  );
  expect(pythonPoint([3, 9])).toBeLessThan(pythonPoint([3, 10]));
  expect(pythonPoint([3, 9, 18])).toBeLessThan(pythonPoint([3, 10]));
  expect(pythonPoint([3])).toBe(pythonPoint([3, 0, 0]));
});
