import { describe, expect, test } from "bun:test";
import { createMarkerArena, fromMarker } from "../standards/marker-algebra/from-marker.ts";
import { markerText } from "../standards/marker-algebra/to-marker.ts";
import { parseMarker } from "../standards/markers.ts";
import { parseSpecifierSet } from "../standards/specifiers.ts";
import { boundsOf } from "./python-requirement.ts";
import { oldestPythonOf, wheelFitsPython, wheelPlatforms, wheelReach } from "./wheel-support.ts";

describe("which wheels some admitted Python can use", () => {
  const cases: [python: string, fits: string[], fitsNot: string[]][] = [
    [
      "==3.10.*",
      [
        "cp37-abi3-win32",
        "cp310-cp310-win_amd64",
        "cp310-none-win_amd64",
        "py3-none-any",
        "py36-none-any",
        "pp310-pypy310_pp73-win32",
        "graalpy310-graalpy240_310_native-manylinux_2_17_x86_64",
      ],
      [
        "py27-none-any",
        "cp39-cp39-win_amd64",
        "cp312-cp312-win_amd64",
        "py311-none-any",
        "cp36-none-win32",
        "pp39-pypy39_pp73-win32",
        "graalpy311-graalpy242_311_native-manylinux_2_17_x86_64",
        "py3-strange-any",
      ],
    ],
    [
      ">=3.12.3",
      ["cp312-cp312-win_amd64", "cp313-cp313t-win32", "cp38-abi3-win32"],
      ["cp310-cp310-win_amd64", "py2-none-any"],
    ],
    [
      ">=3.9",
      ["cp39-cp39-win32", "py2.py3-none-any", "cp314-cp314-any"],
      ["cp38-cp38-win32", "cp27-cp27mu-linux_x86_64"],
    ],
  ];
  for (const [python, fits, fitsNot] of cases) {
    const bounds = boundsOf(parseSpecifierSet(python));
    test.each(fits)(`${python} %s`, (tags) =>
      expect(wheelFitsPython(`a-1.0-${tags}.whl`, bounds)).toBe(true),
    );
    test.each(fitsNot)(`${python} not %s`, (tags) =>
      expect(wheelFitsPython(`a-1.0-${tags}.whl`, bounds)).toBe(false),
    );
  }

  test("a build tag changes nothing, and a name without tags is no reason to refuse", () => {
    const bounds = boundsOf(parseSpecifierSet(">=3.12"));
    expect(wheelFitsPython("a-1.0-1build-cp312-cp312-any.whl", bounds)).toBe(true);
    expect(wheelFitsPython("nonsense.whl", bounds)).toBe(true);
    expect(oldestPythonOf("nonsense.whl")).toBe(0);
  });
});

test("the environments that platform tags name", () => {
  const arena = createMarkerArena();
  const text = (tags: string) => markerText(arena, wheelPlatforms(arena, `a-1.0-cp312-cp312-${tags}.whl`));
  expect(text("any")).toBeUndefined();
  expect(text("manylinux_2_17_x86_64.manylinux2014_x86_64")).toBe(
    'platform_machine == "x86_64" and sys_platform == "linux"',
  );
  expect(text("win_amd64")).toBe('platform_machine == "AMD64" and sys_platform == "win32"');
  expect(text("macosx_11_0_universal2")).toBe(
    '(platform_machine == "arm64" and sys_platform == "darwin") or (platform_machine == "x86_64" and sys_platform == "darwin")',
  );
  expect(text("plan9_mips")).toBe('python_version < "0"');
});

test("the environments within reach of a wheel, whatever they call their machine", () => {
  const arena = createMarkerArena();
  const reached = (tags: string, marker: string) =>
    !arena.isDisjoint(
      wheelReach(arena, `a-1.0-cp312-cp312-${tags}.whl`),
      fromMarker(arena, parseMarker(marker)),
    );
  expect(reached("any", "sys_platform == 'win32'")).toBe(true);
  expect(reached("win_arm64", "platform_machine == 'aarch64'")).toBe(true);
  expect(reached("win_arm64", "os_name == 'posix'")).toBe(false);
  expect(reached("win_amd64", "platform_machine == 'ARM64'")).toBe(false);
  expect(reached("manylinux_2_17_x86_64.manylinux2014_x86_64", "platform_machine == 'amd64'")).toBe(true);
  expect(reached("manylinux_2_17_x86_64.manylinux2014_x86_64", "sys_platform == 'darwin'")).toBe(false);
  expect(reached("linux_armv7l", "platform_machine == 'armv8l'")).toBe(true);
  expect(reached("linux_armv7l", "platform_machine == 'x86_64'")).toBe(false);
  // Tags that disagree about the machine, or even the system, leave it open.
  expect(reached("macosx_11_0_universal2", "platform_machine == 'ppc'")).toBe(true);
  expect(reached("macosx_10_9_x86_64.macosx_11_0_arm64", "sys_platform == 'darwin'")).toBe(true);
  expect(reached("win_amd64.manylinux1_x86_64", "sys_platform == 'darwin'")).toBe(true);
  expect(reached("win_amd64.manylinux1_x86_64", "platform_machine == 's390x'")).toBe(false);
  expect(reached("android_24_arm64_v8a", "sys_platform == 'linux'")).toBe(false);
  expect(reached("android_24_arm64_v8a", "platform_machine == 'aarch64'")).toBe(true);
  expect(reached("plan9_mips", "sys_platform == 'win32'")).toBe(true);
});
