import { describe, expect, test } from "bun:test";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { openDpl } from "../lock/dpl-reader.ts";
import { encodeDpl } from "../lock/dpl-writer.ts";
import type { Lock, LockedPackage } from "../lock/lock-model.ts";
import { Failure } from "../platform/errors.ts";
import { directUrl } from "./direct-url.ts";
import { type Selection, type SelectOptions, selectPackages } from "./select.ts";

const python = {
  implementation: "cpython",
  version: "3.12.1",
  executable: "/usr/bin/python3.12",
  markers: {
    implementation_name: "cpython",
    implementation_version: "3.12.1",
    os_name: "posix",
    platform_machine: "x86_64",
    platform_python_implementation: "CPython",
    platform_release: "",
    platform_system: "Linux",
    platform_version: "",
    python_full_version: "3.12.1",
    python_version: "3.12",
    sys_platform: "linux",
  },
  tags: [
    "cp312-cp312-manylinux_2_36_x86_64",
    "cp312-cp312-manylinux_2_17_x86_64",
    "cp312-cp312-linux_x86_64",
    "cp312-abi3-manylinux_2_17_x86_64",
    "cp39-abi3-manylinux_2_17_x86_64",
    "py312-none-any",
    "py3-none-any",
  ],
} as unknown as Interpreter;

function entry(name: string, files: string[], change: Partial<LockedPackage> = {}): LockedPackage {
  const file = (filename: string) => ({ name: filename, hashes: { sha256: "a".repeat(64) } });
  const sdist = files.find((f) => f.endsWith(".tar.gz"));
  return {
    name,
    version: "1.0",
    source: { kind: "index" },
    dependencies: [],
    wheels: files.filter((f) => f.endsWith(".whl")).map(file),
    ...(sdist === undefined ? {} : { sdist: file(sdist) }),
    ...change,
  };
}

function select(
  packages: LockedPackage[],
  selection: Partial<Selection> = {},
  options: SelectOptions = {},
  change: Partial<Lock> = {},
) {
  const lock: Lock = {
    environments: [],
    extras: ["fast"],
    dependencyGroups: ["dev"],
    defaultGroups: [],
    packages,
    fingerprint: "f",
    options: {},
    ...change,
  };
  const dpl = openDpl(encodeDpl(lock, { pylockSha256: "0".repeat(64), inputs: [] }));
  return selectPackages(dpl, python, { extras: [], groups: [], ...selection }, options);
}

function failureOf(action: () => unknown): Failure {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("no failure");
}

const file = (packages: LockedPackage[], options?: SelectOptions) => {
  const [wanted] = select(packages, {}, options);
  return wanted?.wheel?.name ?? wanted?.sdist?.name;
};

describe("the file of a package", () => {
  test("is the wheel with the best tag, whatever the order in the lock", () => {
    const wheels = [
      "a-1.0-py3-none-any.whl",
      "a-1.0-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
      "a-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
      "a-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
    ];
    expect(file([entry("a", wheels)])).toBe(wheels[2]!);
    expect(file([entry("a", [...wheels].reverse())])).toBe(wheels[2]!);
    expect(file([entry("a", wheels.slice(0, 2))])).toBe(wheels[1]!);
    expect(file([entry("a", [wheels[0]!, "a-1.0.tar.gz"])])).toBe(wheels[0]!);
  });

  test("is the one with the highest build number among those that are alike", () => {
    const wheels = [
      "a-1.0-2-py3-none-any.whl",
      "a-1.0-10-py3-none-any.whl",
      "a-1.0-py3-none-any.whl",
      "a-1.0-2a-py3-none-any.whl",
    ];
    expect(file([entry("a", wheels)])).toBe("a-1.0-10-py3-none-any.whl");
    expect(file([entry("a", [wheels[0]!, wheels[3]!])])).toBe("a-1.0-2a-py3-none-any.whl");
  });

  test("is the sdist when no wheel fits, or none may be used; noBuild takes it away", () => {
    const files = ["a-1.0-cp311-cp311-win_amd64.whl", "a-1.0.tar.gz"];
    expect(file([entry("a", files)])).toBe("a-1.0.tar.gz");
    const both = ["a-1.0-py3-none-any.whl", "a-1.0.tar.gz"];
    expect(file([entry("a", both)], { noBinary: ["a"] })).toBe("a-1.0.tar.gz");
    expect(file([entry("a", both)], { noBinary: "all" })).toBe("a-1.0.tar.gz");
    const failure = failureOf(() => select([entry("a", files)], {}, { noBuild: ["a"] }));
    expect(failure.code).toBe("DXPY_NO_MATCHING_FILE");
    expect(failure.context.detail).toContain("turned off");
  });

  test("is named in the failure, with the reason, when none fits", () => {
    const failure = failureOf(() =>
      select([
        entry("a", [
          "a-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
          "a-1.0-cp312-cp312-win_amd64.whl",
          "a-1.0-cp312-cp312t-manylinux_2_17_x86_64.whl",
        ]),
      ]),
    );
    expect(failure.code).toBe("DXPY_NO_MATCHING_FILE");
    expect(failure.message).toBe("no file of a 1.0 fits cpython 3.12.1 on Linux x86_64");
    expect(failure.context.detail?.split("\n")).toEqual([
      "  a-1.0-cp311-cp311-manylinux_2_17_x86_64.whl: it is for Python cp311",
      "  a-1.0-cp312-cp312-win_amd64.whl: it is for the platform win_amd64",
      "  a-1.0-cp312-cp312t-manylinux_2_17_x86_64.whl: it is for the ABI cp312t",
    ]);
  });

  test("a version that needs a newer Python is a failure; an upper bound is not", () => {
    const wheels = ["a-1.0-py3-none-any.whl"];
    expect(failureOf(() => select([entry("a", wheels, { requiresPython: ">=3.13" })])).message).toContain(
      ">=3.13",
    );
    expect(file([entry("a", wheels, { requiresPython: ">=3.8,<3.12" })])).toBe(wheels[0]!);
  });
});

describe("the entries", () => {
  const any = (name: string, change: Partial<LockedPackage> = {}) =>
    entry(name, [`${name}-1.0-py3-none-any.whl`], change);
  const names = (...args: Parameters<typeof select>) => select(...args).map((wanted) => wanted.name);

  test("are those whose marker holds, with the extras and groups that were selected", () => {
    const packages = [
      any("always"),
      any("on-windows", { marker: "sys_platform == 'win32'" }),
      any("with-dev", { marker: "'dev' in dependency_groups" }),
      any("with-fast", { marker: "'fast' in extras and python_version >= '3.8'" }),
    ];
    expect(names(packages)).toEqual(["always"]);
    expect(names(packages, { groups: ["dev"] })).toEqual(["always", "with-dev"]);
    expect(names(packages, { groups: ["dev"], extras: ["fast"] })).toEqual([
      "always",
      "with-dev",
      "with-fast",
    ]);
    expect(failureOf(() => select(packages, { extras: ["slow"] })).code).toBe("DXPY_UNKNOWN_EXTRA");
    expect(failureOf(() => select(packages, { groups: ["docs"] })).code).toBe("DXPY_UNKNOWN_GROUP");
  });

  test("leave out what is virtual or not wanted", () => {
    const virtual = any("project", {
      source: { kind: "directory", path: ".", editable: true, virtual: true },
    });
    expect(names([virtual, any("b")])).toEqual(["b"]);
    expect(names([any("a"), any("b")], {}, { without: new Set(["a"]) })).toEqual(["b"]);
  });

  test("that hold at once under one name are a failure; forks that exclude each other are not", () => {
    const two = (marker: string, version: string) =>
      entry("a", [`a-${version}-py3-none-any.whl`], { version, marker });
    expect(
      select([two("python_version < '3.9'", "1.0"), two("python_version >= '3.9'", "2.0")])[0]?.version,
    ).toBe("2.0");
    const failure = failureOf(() =>
      select([two("python_version > '3'", "1.0"), two("os_name == 'posix'", "2.0")]),
    );
    expect(failure.code).toBe("DXPY_AMBIGUOUS_LOCK");
  });

  test("are none when the lock was not made for this Python or platform", () => {
    expect(failureOf(() => select([], {}, {}, { requiresPython: ">=3.13" })).code).toBe("DXPY_LOCK_PYTHON");
    const failure = failureOf(() => select([], {}, {}, { environments: ["sys_platform == 'win32'"] }));
    expect(failure.code).toBe("DXPY_LOCK_ENVIRONMENT");
    expect(failure.context.detail).toContain("sys_platform == 'win32'");
    expect(select([], {}, {}, { environments: ["sys_platform == 'win32'", "os_name == 'posix'"] })).toEqual(
      [],
    );
  });

  test("five hundred with fifty wheels each: markers and tags are worked out once, not once each", () => {
    const tags = Array.from({ length: 49 }, (_, i) => `cp3${i + 20}-cp3${i + 20}-win_amd64`);
    const packages = Array.from({ length: 500 }, (_, i) =>
      entry(
        `p${i}`,
        [...tags, "py3-none-any"].map((tag) => `p${i}-1.0-${tag}.whl`),
        { marker: "os_name == 'posix'" },
      ),
    );
    expect(select(packages).length).toBe(500);
  });
});

describe("direct_url.json (PEP 610)", () => {
  test("says where each kind of source came from, without credentials", () => {
    const said = (source: Parameters<typeof directUrl>[0]) =>
      JSON.parse(directUrl(source, "/home/me/my project")!);
    expect(directUrl({ kind: "index" }, "/x")).toBeUndefined();
    expect(said({ kind: "directory", path: "../lib/a", editable: true })).toEqual({
      url: "file:///home/me/lib/a",
      dir_info: { editable: true },
    });
    expect(said({ kind: "directory", path: ".", editable: false })).toEqual({
      url: "file:///home/me/my%20project",
      dir_info: {},
    });
    expect(
      said({
        kind: "git",
        url: "https://me:secret@127.0.0.1/x.git",
        commitId: "a".repeat(40),
        requestedRevision: "v1",
        subdirectory: "s",
      }),
    ).toEqual({
      url: "https://127.0.0.1/x.git",
      vcs_info: { vcs: "git", commit_id: "a".repeat(40), requested_revision: "v1" },
      subdirectory: "s",
    });
    expect(said({ kind: "archive", path: "dist/a.whl", hashes: { sha256: "b" } })).toEqual({
      url: "file:///home/me/my%20project/dist/a.whl",
      archive_info: { hashes: { sha256: "b" } },
    });
  });
});
