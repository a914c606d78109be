import { describe, expect, test } from "bun:test";
import { isOffline, optionsToKeep, resolutionSettings } from "./settings.ts";

describe("layers of what may be resolved", () => {
  test("flags, then the project, then DX_PY_*, then UV_*, then what the lock was made with", () => {
    const kept = { prerelease: "disallow" };
    const env = { UV_PRERELEASE: "explicit", DX_PY_PRERELEASE: "if-necessary" };
    expect(
      resolutionSettings({ prerelease: "allow" }, { prerelease: "disallow" }, env, kept).prerelease,
    ).toBe("allow");
    expect(resolutionSettings({}, { prerelease: "disallow" }, env, kept).prerelease).toBe("disallow");
    expect(resolutionSettings({}, {}, env, kept).prerelease).toBe("if-necessary");
    expect(resolutionSettings({}, {}, { UV_PRERELEASE: "explicit" }, kept).prerelease).toBe("explicit");
    expect(resolutionSettings({}, {}, {}, kept).prerelease).toBe("disallow");
    expect(resolutionSettings({}, {}, {}).prerelease).toBe("if-necessary-or-explicit");
  });

  test("a variable with a wrong value is named", () => {
    expect(() => resolutionSettings({}, {}, { UV_RESOLUTION: "newest" })).toThrow("`UV_RESOLUTION` must be");
  });

  test("packages that are built or not: names in any spelling, or all", () => {
    expect(resolutionSettings({ noBinaryPackages: ["A_b", "a.B"] }, {}, {}).noBinary).toEqual(["a-b"]);
    expect(resolutionSettings({}, { "no-build": true }, {}).noBuild).toBe("all");
    expect(resolutionSettings({}, {}, { UV_NO_BUILD_PACKAGE: "x y" }).noBuild).toEqual(["x", "y"]);
    expect(resolutionSettings({}, {}, { UV_NO_BINARY: "0" }).noBinary).toEqual([]);
  });

  test("what a lock keeps brings the same settings back, and nothing is kept that the project says itself", () => {
    const project = { prerelease: "allow" } as const;
    const flags = {
      resolution: "lowest",
      noBuild: true,
      noBinaryPackages: ["a", "b"],
      excludeNewer: "30 days",
    } as const;
    const settings = resolutionSettings(flags, project, {});
    const kept = optionsToKeep(settings, project);
    expect(Object.keys(kept).sort()).toEqual([
      "exclude-newer",
      "no-binary-package",
      "no-build",
      "resolution",
    ]);
    expect(resolutionSettings({}, project, {}, kept)).toEqual(settings);
    expect(optionsToKeep(resolutionSettings({}, project, {}), project)).toEqual({});
  });
});

test("offline: the flag, the project, DX_PY_OFFLINE, the user's file, UV_OFFLINE", () => {
  const user = { path: "/c", settings: { offline: false } };
  expect(isOffline({ offline: true }, { offline: false }, user, {})).toBe(true);
  expect(isOffline({}, {}, user, { UV_OFFLINE: "1" })).toBe(false);
  expect(isOffline({}, {}, undefined, { UV_OFFLINE: "true" })).toBe(true);
  expect(isOffline({}, {}, user, { DX_PY_OFFLINE: "1" })).toBe(true);
  expect(isOffline({}, {}, undefined, { UV_OFFLINE: "0" })).toBe(false);
});
