import { describe, expect, test } from "bun:test";
import { Failure } from "../platform/errors.ts";
import type { PackageSource } from "./request.ts";
import { resolve } from "./resolve.ts";
import { type Asked, lines, python312, requestOf, resolveIn } from "./testing/requests.ts";
import { sourcesSaying } from "./testing/sources.ts";
import { type Universe, universeIndex } from "./testing/universe.ts";

/** `a: {"1.0": ["b>=1"]}` for packages whose versions have nothing but requirements. */
function plain(packages: Record<string, Record<string, string[]>>): Universe {
  return Object.fromEntries(
    Object.entries(packages).map(([name, versions]) => [
      name,
      {
        versions: Object.fromEntries(
          Object.entries(versions).map(([version, requires]) => [version, { requires }]),
        ),
      },
    ]),
  );
}

async function found(universe: Universe, asked: Asked): Promise<string[]> {
  return lines(await resolveIn(universe, asked));
}

async function refused(universe: Universe, asked: Asked): Promise<Failure> {
  const error = await resolveIn(universe, asked).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Failure);
  expect((error as Failure).code).toBe("DXPY_UNSATISFIABLE");
  return error as Failure;
}

describe("versions", () => {
  test("the highest that everything allows", async () => {
    const universe = plain({ a: { "1.0": [], "2.0": ["b<2"] }, b: { "1.0": [], "1.5": [], "2.0": [] } });
    expect(await found(universe, { requires: ["a", "b"] })).toEqual(["a 2.0", "b 1.5"]);
    expect(await found(universe, { requires: ["b>=2", "a"] })).toEqual(["a 1.0", "b 2.0"]);
  });

  test("a chain of versions is walked back", async () => {
    const universe = plain({
      a: { "1.0": ["b==1.0"], "2.0": ["b==2.0"], "3.0": ["b==3.0"] },
      b: { "1.0": ["c==1.0"], "2.0": ["c==2.0"], "3.0": ["c==3.0"] },
      c: { "1.0": [], "2.0": [], "3.0": [] },
    });
    expect(await found(universe, { requires: ["a", "c<2"] })).toEqual(["a 1.0", "b 1.0", "c 1.0"]);
  });

  test("packages that need each other", async () => {
    const universe = plain({ a: { "1.0": ["b"] }, b: { "1.0": ["a"] } });
    expect(await found(universe, { requires: ["a"] })).toEqual(["a 1.0", "b 1.0"]);
  });

  test("lowest, and lowest only for what the project requires itself", async () => {
    const universe = plain({ a: { "1.0": ["b>=1"], "2.0": ["b>=1"] }, b: { "1.0": [], "2.0": [] } });
    expect(await found(universe, { requires: ["a"], resolution: "lowest" })).toEqual(["a 1.0", "b 1.0"]);
    expect(await found(universe, { requires: ["a"], resolution: "lowest-direct" })).toEqual([
      "a 1.0",
      "b 2.0",
    ]);
  });

  test("preferences stay until they are upgraded or do not fit", async () => {
    const universe = plain({ a: { "1.0": [], "2.0": [] }, b: { "1.0": [], "2.0": [] } });
    const preferences = [
      { name: "a", version: "1.0" },
      { name: "b", version: "1.0" },
    ];
    expect(await found(universe, { requires: ["a", "b"], preferences })).toEqual(["a 1.0", "b 1.0"]);
    expect(await found(universe, { requires: ["a", "b"], preferences, upgrade: ["a"] })).toEqual([
      "a 2.0",
      "b 1.0",
    ]);
    expect(await found(universe, { requires: ["a", "b"], preferences, upgrade: true })).toEqual([
      "a 2.0",
      "b 2.0",
    ]);
    expect(await found(universe, { requires: ["a>1", "b"], preferences })).toEqual(["a 2.0", "b 1.0"]);
  });

  test("constraints narrow, overrides replace, excludes drop", async () => {
    const universe = plain({ a: { "1.0": ["b<2", "c"] }, b: { "1.0": [], "2.0": [] }, c: { "1.0": [] } });
    expect(await found(universe, { requires: ["a"], constrain: ["b<1.5", "unused>9"] })).toEqual([
      "a 1.0",
      "b 1.0",
      "c 1.0",
    ]);
    expect(await found(universe, { requires: ["a"], override: ["b>=2"] })).toEqual([
      "a 1.0",
      "b 2.0",
      "c 1.0",
    ]);
    expect(await found(universe, { requires: ["a"], excludes: ["c"] })).toEqual(["a 1.0", "b 1.0"]);
  });
});

describe("several indexes", () => {
  test("what an earlier one has goes before a better version, where it fits; its pre-releases too", async () => {
    const universe = plain({
      a: { "1.0": [], "2.0": [], "3.0": [] },
      b: { "1.0rc1": [], "2.0": [] },
    });
    const index = universeIndex(universe);
    const ranks: Record<string, number[]> = { a: [0, 0, 1], b: [0, 1] };
    const ranked = (name: string) => {
      const page = index.pageIfCached(name);
      return page === undefined ? undefined : Object.assign(Object.create(page), { ranks: ranks[name] });
    };
    const both = { ...index, page: async (name: string) => ranked(name), pageIfCached: ranked };
    const resolved = async (...requires: string[]) =>
      lines(await resolve(requestOf({ requires }), { index: both, interpreter: python312 }));
    expect(await resolved("a", "b")).toEqual(["a 2.0", "b 1.0rc1"]);
    expect(await resolved("a>2", "b>1")).toEqual(["a 3.0", "b 2.0"]);
  });
});

describe("pre-releases, yanked and late versions", () => {
  const universe = plain({ a: { "1.0": [], "2.0rc1": [] }, only: { "1.0a1": [], "1.0b1": [] } });

  test("pre-releases come last", async () => {
    expect(await found(universe, { requires: ["a", "only"] })).toEqual(["a 1.0", "only 1.0b1"]);
    expect(await found(universe, { requires: ["a>1"] })).toEqual(["a 2.0rc1"]);
    expect(await found(universe, { requires: ["a"], prerelease: "allow" })).toEqual(["a 2.0rc1"]);
  });

  test("or never, or only where they are named", async () => {
    await refused(universe, { requires: ["a>1"], prerelease: "disallow" });
    await refused(universe, { requires: ["only"], prerelease: "explicit" });
    expect(await found(universe, { requires: ["a>=2.0rc1"], prerelease: "explicit" })).toEqual(["a 2.0rc1"]);
  });

  test("yanked versions only when they are asked for exactly", async () => {
    const yanked: Universe = { a: { versions: { "1.0": {}, "2.0": { yanked: "broken" } } } };
    expect(await found(yanked, { requires: ["a"] })).toEqual(["a 1.0"]);
    expect(await found(yanked, { requires: ["a==2.0"] })).toEqual(["a 2.0"]);
    expect(await found(yanked, { requires: ["a"], preferences: [{ name: "a", version: "2.0" }] })).toEqual([
      "a 2.0",
    ]);
  });

  test("uploads at or after the date do not exist, nor do those without a date", async () => {
    const dated: Universe = {
      a: { versions: { "1.0": { uploadTime: 1000 }, "2.0": { uploadTime: 2000 }, "3.0": {} } },
    };
    expect(await found(dated, { requires: ["a"] })).toEqual(["a 3.0"]);
    expect(await found(dated, { requires: ["a"], excludeNewer: 2000 })).toEqual(["a 1.0"]);
    expect(
      await found(dated, { requires: ["a"], excludeNewer: 2000, excludeNewerPackage: { a: false } }),
    ).toEqual(["a 3.0"]);
    expect(await found(dated, { requires: ["a"], excludeNewerPackage: { a: 2001 } })).toEqual(["a 2.0"]);
  });
});

describe("extras and groups", () => {
  const universe: Universe = {
    a: {
      versions: {
        "1.0": { extras: { x: ["b"], all: ["a[x]", "c ; sys_platform == 'win32'"] } },
      },
    },
    ...plain({ b: { "1.0": [] }, c: { "1.0": [] } }),
  };

  test("an extra brings its requirements, and those of the extras that it names", async () => {
    expect(await found(universe, { requires: ["a"] })).toEqual(["a 1.0"]);
    expect(await found(universe, { requires: ["a[x]"] })).toEqual(["a 1.0", "b 1.0"]);
    expect(await found(universe, { requires: ["a[all]"] })).toEqual([
      "a 1.0",
      "b 1.0",
      'c 1.0 ; sys_platform == "win32"',
    ]);
  });

  test("an extra that is missing is no obstacle", async () => {
    expect(await found(universe, { requires: ["a[none]"] })).toEqual(["a 1.0"]);
  });

  test("the project's own extras and groups are in the markers", async () => {
    const asked: Asked = {
      requires: ["a"],
      optional: { web: ["b"], all: ["project[web]", "c"] },
      dependencyGroups: { dev: ["c", "b ; sys_platform == 'linux'"] },
    };
    expect(await found(universe, asked)).toEqual([
      "a 1.0",
      'b 1.0 ; (sys_platform == "linux" and "dev" in dependency_groups) or "all" in extras or "web" in extras',
      'c 1.0 ; "all" in extras or "dev" in dependency_groups',
    ]);
  });

  test("edges name the extra that they need, and the extra that needs them", async () => {
    const all = await resolveIn({ ...universe, ...plain({ d: { "1.0": ["a[x]"] } }) }, { requires: ["d"] });
    expect(all.packages.map((one) => [one.name, one.dependencies])).toEqual([
      ["a", [{ name: "b", marker: 'extra == "x"' }]],
      ["b", []],
      ["d", [{ name: "a", extras: ["x"] }]],
    ]);
  });

  test("conflicting extras may have versions that exclude each other", async () => {
    const both = plain({ t: { "1.0": [], "2.0": [] } });
    const asked: Asked = { optional: { cpu: ["t==1.0"], gpu: ["t==2.0"] } };
    await refused(both, asked);
    expect(await found(both, { ...asked, conflicts: [[{ extra: "cpu" }, { extra: "gpu" }]] })).toEqual([
      't 1.0 ; "cpu" in extras and "gpu" not in extras',
      't 2.0 ; "cpu" not in extras and "gpu" in extras',
    ]);
  });
});

describe("environments", () => {
  test("requirements that differ between platforms fork the resolution", async () => {
    const universe = plain({ a: { "1.0": [], "2.0": [] } });
    const resolution = await resolveIn(universe, {
      requires: ["a<2 ; sys_platform == 'win32'", "a>=2 ; sys_platform != 'win32'"],
    });
    expect(lines(resolution)).toEqual(['a 1.0 ; sys_platform == "win32"', 'a 2.0 ; sys_platform != "win32"']);
    expect(resolution.forks.toSorted()).toEqual(['sys_platform != "win32"', 'sys_platform == "win32"']);
    expect(resolution.environments).toEqual([]);
    expect(resolution.stats.forks).toBe(2);
  });

  test("what the forks leave out of what is asked for is said", async () => {
    const universe = plain({ a: { "1.0": [], "2.0": [] } });
    const requires = ["a<2 ; sys_platform == 'win32'", "a>=2 ; sys_platform != 'win32'"];
    const environments = ["sys_platform == 'linux'", "sys_platform == 'win32'"];
    const resolution = await resolveIn(universe, { requires, environments });
    expect(resolution.environments).toEqual(['sys_platform == "linux"', 'sys_platform == "win32"']);
    expect(resolution.forks).toEqual(['sys_platform == "linux"', 'sys_platform == "win32"']);
  });

  test("the forks of a lock are gone on with", async () => {
    const universe = plain({ a: { "1.0": [], "2.0": [] } });
    const resolution = await resolveIn(universe, {
      requires: ["a"],
      forks: ["sys_platform == 'win32'", "sys_platform != 'win32'"],
    });
    expect(resolution.stats.forks).toBe(2);
    expect(lines(resolution)).toEqual(["a 2.0"]);
  });

  test("the forks of a lock say which conflicting extras they were resolved with", async () => {
    const asked: Asked = {
      optional: {
        x: ["a==1.0; sys_platform == 'linux'", "a==2.0; sys_platform != 'linux'"],
        y: ["a==2.0"],
      },
      conflicts: [[{ extra: "x" }, { extra: "y" }]],
    };
    const universe = plain({ a: { "1.0": [], "2.0": [] } });
    const first = await resolveIn(universe, asked);
    expect(first.forks).toEqual([
      '"x" not in extras and "y" in extras',
      '"x" not in extras and "y" not in extras',
      'sys_platform != "linux" and "x" in extras and "y" not in extras',
      'sys_platform == "linux" and "x" in extras and "y" not in extras',
    ]);
    const again = await resolveIn(universe, { ...asked, forks: first.forks });
    expect([again.forks, lines(again)]).toEqual([first.forks, lines(first)]);
    const alike = { ...asked, optional: { x: ["a==1.0"], y: ["a==2.0"] } };
    expect((await resolveIn(universe, alike)).forks).toEqual([]);
    // Without the conflict, the forks are about something else.
    const { conflicts: _, ...plainly } = { ...asked, optional: { x: ["a"], y: ["a"] } };
    expect((await resolveIn(universe, { ...plainly, forks: first.forks })).forks).toEqual([]);
  });

  test("a set of conflicting items of which others have left one makes no further forks", async () => {
    const resolution = await resolveIn(plain({ a: { "1.0": [] } }), {
      optional: { cpu: ["a"], gpu: ["a"] },
      dependencyGroups: { ci: ["a"], typing: ["a"] },
      conflicts: [
        [{ extra: "cpu" }, { group: "ci" }, { group: "typing" }],
        [{ group: "typing" }, { extra: "gpu" }],
      ],
    });
    // None of the first set, or one of it; with `typing` goes no `gpu`, and all others go with it or without.
    expect(resolution.stats.forks).toBe(4);
  });

  test("of what a marker leaves open, only the project's own Pythons order the forks", async () => {
    // What is resolved first is preferred by what comes after it.
    const universe = plain({ a: { "1.0": [], "2.0": [] } });
    const pypy = await resolveIn(universe, {
      requires: ["a", "a!=2.0; implementation_name == 'pypy' or python_version < '3.9'"],
      requiresPython: ">=3.9",
    });
    expect(lines(pypy)).toEqual(["a 1.0"]);
    const older = await resolveIn(universe, {
      requires: ["a", "a!=2.0; python_version in '3.8 3.10'"],
      requiresPython: ">=3.10",
    });
    expect(lines(older)).toEqual([
      'a 1.0 ; python_full_version < "3.11"',
      'a 2.0 ; python_full_version >= "3.11"',
    ]);
  });

  test("forks that are there from the start are resolved from the newest Python on", async () => {
    const universe: Universe = {
      a: { versions: { "1.0": {}, "2.0": { requires_python: ">=3.13" } } },
    };
    const environments = ["python_version < '3.13'", "python_version >= '3.13'"];
    const newest = await resolveIn(universe, { requires: ["a"], environments });
    expect(newest.forks).toEqual(['python_full_version >= "3.13"', 'python_full_version < "3.13"']);
    expect(lines(newest)).toEqual([
      'a 1.0 ; python_full_version < "3.13"',
      'a 2.0 ; python_full_version >= "3.13"',
    ]);
    const oldest = await resolveIn(universe, { requires: ["a"], environments, forkStrategy: "fewest" });
    expect(lines(oldest)).toEqual(["a 1.0"]);
  });

  test("forks have one order, wherever the resolution began", async () => {
    const universe = plain({ a: { "1.0": [], "2.0": [] }, b: { "1.0": [], "2.0": [] } });
    const asked = {
      requires: [
        "a<2; python_version < '3.13'",
        "a; python_version >= '3.13'",
        "b<2; sys_platform == 'win32'",
        "b; sys_platform != 'win32'",
      ],
    };
    const { forks } = await resolveIn(universe, asked);
    expect(forks).toHaveLength(4);
    for (const begin of [forks, forks.toReversed()])
      expect((await resolveIn(universe, { ...asked, forks: begin })).forks).toEqual(forks);
  });

  test("a constraint that names no versions makes no forks", async () => {
    const resolution = await resolveIn(plain({ a: { "1.0": [] } }), {
      requires: ["a; python_full_version >= '3.12'"],
      constrain: ["a; sys_platform == 'win32'"],
    });
    expect([resolution.stats.forks, lines(resolution)]).toEqual([1, ["a 1.0"]]);
  });

  test.each([
    ["overlap", ["sys_platform == 'win32'", "sys_platform != 'linux'", "sys_platform == 'linux'"]],
    ["leave something out", ["sys_platform == 'win32'"]],
    ["cannot be read", ["sys_platform ==", "sys_platform != 'win32'"]],
  ])("forks of a lock that %s are left aside", async (_, forks) => {
    const universe = plain({ a: { "1.0": [] } });
    const resolution = await resolveIn(universe, { requires: ["a"], forks });
    expect(resolution.stats.forks).toBe(1);
    expect(resolution.forks).toEqual([]);
  });

  test("the same below a dependency", async () => {
    const universe = plain({
      a: { "1.0": ["b==1.0 ; sys_platform == 'linux'", "b==2.0 ; sys_platform != 'linux'"] },
      b: { "1.0": ["c"], "2.0": [] },
      c: { "1.0": [] },
    });
    expect(await found(universe, { requires: ["a"] })).toEqual([
      "a 1.0",
      'b 1.0 ; sys_platform == "linux"',
      'b 2.0 ; sys_platform != "linux"',
      'c 1.0 ; sys_platform == "linux"',
    ]);
  });

  test("each Python gets the newest version that supports it", async () => {
    const universe: Universe = {
      a: { versions: { "1.0": { requires_python: ">=3.8" }, "2.0": { requires_python: ">=3.11" } } },
    };
    const requiresPython = ">=3.9";
    expect(await found(universe, { requires: ["a"], requiresPython })).toEqual([
      'a 1.0 ; python_full_version < "3.11"',
      'a 2.0 ; python_full_version >= "3.11"',
    ]);
    expect(await found(universe, { requires: ["a"], requiresPython, forkStrategy: "fewest" })).toEqual([
      "a 1.0",
    ]);
    expect(await found(universe, { requires: ["a"], requiresPython: ">=3.11" })).toEqual(["a 2.0"]);
  });

  test("only the environments that are asked for", async () => {
    const universe = plain({ a: { "1.0": ["w ; sys_platform == 'win32'"] }, w: { "1.0": [] } });
    expect(await found(universe, { requires: ["a"], environments: ["sys_platform == 'linux'"] })).toEqual([
      'a 1.0 ; sys_platform == "linux"',
    ]);
  });

  test("a package that no admitted Python needs is left out", async () => {
    const universe = plain({ a: { "1.0": ["old ; python_version < '3.8'"] } });
    expect(await found(universe, { requires: ["a"], requiresPython: ">=3.9" })).toEqual(["a 1.0"]);
  });

  test("versions whose wheels are for other Pythons are passed over", async () => {
    const universe: Universe = {
      a: { versions: { "1.0": {}, "2.0": { sdist: false, wheel_tags: ["cp38-cp38-win_amd64"] } } },
    };
    expect(await found(universe, { requires: ["a"], requiresPython: ">=3.9" })).toEqual(["a 1.0"]);
  });

  test("a platform that is required must have a wheel", async () => {
    const universe: Universe = {
      a: { versions: { "1.0": {}, "2.0": { sdist: false, wheel_tags: ["cp312-cp312-win_amd64"] } } },
    };
    const requiredEnvironments = ["sys_platform == 'linux'"];
    expect(await found(universe, { requires: ["a"], requiredEnvironments })).toEqual([
      'a 1.0 ; sys_platform != "win32"',
      'a 2.0 ; sys_platform == "win32"',
    ]);
  });

  test("forks for a required platform are on what the wheels of the fork's own Pythons serve", async () => {
    const tags = ["cp312-cp312-win_amd64", "cp313-cp313-manylinux_2_17_aarch64"];
    const universe: Universe = {
      a: { versions: { "1.0": {}, "2.0": { sdist: false, wheel_tags: tags } } },
    };
    const resolution = await resolveIn(universe, {
      requires: ["a"],
      environments: ["python_version < '3.13'"],
      requiredEnvironments: ["sys_platform == 'linux' and platform_machine == 'x86_64'"],
    });
    expect(resolution.forks).toEqual([
      'python_full_version < "3.13" and sys_platform != "win32"',
      'python_full_version < "3.13" and sys_platform == "win32"',
    ]);
  });

  test("a platform that a package is not needed on in this fork needs no wheel", async () => {
    const universe: Universe = {
      a: {
        versions: {
          "1.0": { sdist: false, wheel_tags: ["py3-none-manylinux1_x86_64"] },
          "2.0": { requires: ["b>1; python_version >= '3.14'"] },
        },
      },
      b: { versions: { "1.0": {} } },
    };
    const resolution = await resolveIn(universe, {
      requires: ["a; python_version < '3.14'", "b"],
      requiredEnvironments: ["sys_platform == 'darwin'"],
    });
    expect(resolution.forks).toEqual(['python_full_version >= "3.14"', 'python_full_version < "3.14"']);
  });

  test("where the environments are named, each must have a wheel", async () => {
    const universe: Universe = {
      a: { versions: { "1.0": {}, "2.0": { sdist: false, wheel_tags: ["cp312-cp312-win_amd64"] } } },
    };
    expect(await found(universe, { requires: ["a"], environments: ["sys_platform != 'win32'"] })).toEqual([
      'a 1.0 ; sys_platform != "win32"',
    ]);
    const failure = await refused(universe, {
      requires: ["a==2.0"],
      environments: ["sys_platform == 'linux'"],
    });
    expect(failure.message).toContain("a 2.0");
  });

  test("environments for other Pythons than the project's are an error", async () => {
    const asked = resolveIn(plain({ a: { "1.0": [] } }), {
      requires: ["a"],
      environments: ["python_version < '3.12'", "sys_platform == 'linux'"],
    });
    expect(asked).rejects.toThrow("python_version < '3.12'");
  });

  test("a local version serves its platforms, the plain one the others", async () => {
    const universe: Universe = {
      t: {
        versions: {
          "1.0": {
            sdist: false,
            wheel_tags: ["cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-macosx_11_0_arm64"],
          },
          "1.0+cpu": { sdist: false, wheel_tags: ["cp312-cp312-manylinux_2_17_x86_64"] },
        },
      },
    };
    expect(await found(universe, { requires: ["t"] })).toEqual([
      't 1.0 ; sys_platform == "darwin"',
      't 1.0+cpu ; sys_platform != "darwin"',
    ]);
  });

  test("files for platforms that markers have no word for are locked, forked or not", async () => {
    const tags = ["cp312-cp312-win_amd64", "cp313-cp313-ios_13_0_arm64_iphoneos"];
    const universe: Universe = { a: { versions: { "1.0": { sdist: false, wheel_tags: tags } } } };
    for (const forks of [[], ["os_name == 'nt'", "os_name != 'nt'"]]) {
      const { packages } = await resolveIn(universe, { requires: ["a"], forks });
      expect(packages[0]!.files.map((file) => file.filename)).toEqual(tags.map((tag) => `a-1.0-${tag}.whl`));
    }
  });

  test("files for platforms that a package is not needed on are not locked", async () => {
    const tags = ["cp312-cp312-win_amd64", "cp312-cp312-manylinux_2_17_x86_64", "cp39-cp39-win_amd64"];
    const universe: Universe = { a: { versions: { "1.0": { sdist: false, wheel_tags: tags } } } };
    const { packages } = await resolveIn(universe, { requires: ["a ; sys_platform == 'win32'"] });
    expect(packages[0]!.files.map((file) => file.filename)).toEqual(["a-1.0-cp312-cp312-win_amd64.whl"]);
  });

  test("a machine that is not named may be the same by another name", async () => {
    const tags = ["cp312-cp312-win_amd64", "cp312-cp312-win_arm64"];
    const universe: Universe = { a: { versions: { "1.0": { sdist: false, wheel_tags: tags } } } };
    const filesFor = async (marker: string) =>
      (await resolveIn(universe, { requires: [`a ; ${marker}`] })).packages[0]!.files.length;
    expect(await filesFor("platform_machine != 'AMD64'")).toBe(2);
    expect(await filesFor("platform_machine == 'ARM64'")).toBe(1);
  });
});

describe("direct sources", () => {
  const universe = plain({ a: { "1.0": ["b"] }, b: { "1.0": [] }, c: { "1.0": ["a>=1"] } });
  const build = sourcesSaying({ version: "9.0", requiresDist: ["b<2"] }, () => ({
    kind: "git",
    url: "https://127.0.0.1/a.git",
    commitId: "0123456789abcdef0123456789abcdef01234567",
  }));
  const git: PackageSource = { kind: "git", url: "https://127.0.0.1/a.git" };

  test("are taken for whoever requires the name", async () => {
    const request = requestOf({ requires: ["a", "c"], sources: { a: [git] } });
    const resolution = await resolve(request, {
      index: universeIndex(universe),
      build,
      interpreter: python312,
    });
    expect(lines(resolution)).toEqual(["a 9.0", "b 1.0", "c 1.0"]);
    expect(resolution.packages[0]!.source.kind).toBe("git");
  });

  test("count only where their marker holds", async () => {
    const request = requestOf({
      requires: ["a", "c ; python_version >= '3.13'"],
      sources: { a: [{ ...git, marker: "sys_platform == 'linux'" }] },
    });
    const resolution = await resolve(request, {
      index: universeIndex(universe),
      build,
      interpreter: python312,
    });
    expect(lines(resolution)).toEqual([
      'a 1.0 ; sys_platform != "linux"',
      'a 9.0 ; sys_platform == "linux"',
      "b 1.0",
      'c 1.0 ; python_full_version >= "3.13"',
    ]);
  });

  test("are asked for in the requirement itself", async () => {
    const request = requestOf({ requires: ["a @ git+https://127.0.0.1/a.git@main"] });
    const resolution = await resolve(request, {
      index: universeIndex(universe),
      build,
      interpreter: python312,
    });
    expect(lines(resolution)).toEqual(["a 9.0", "b 1.0"]);
  });

  test("cannot be read where nothing can be built", async () => {
    const request = requestOf({ requires: ["a"], sources: { a: [git] } });
    const outcome = resolve(request, { index: universeIndex(universe), interpreter: python312 });
    expect(await outcome.catch((error: Failure) => error.code)).toBe("DXPY_METADATA_NEEDS_BUILD");
  });
});

test("the order in which answers arrive changes nothing", async () => {
  const versions = Object.fromEntries(
    Array.from({ length: 6 }, (_, i) => [`${i + 1}.0`, [`b<=${i + 2}`, "c"]]),
  );
  const universe = plain({
    a: versions,
    b: {
      "1.0": [],
      "2.0": ["c<2"],
      "3.0": ["c<2", "d ; sys_platform == 'linux'"],
      "4.0": ["d<2 ; sys_platform == 'win32'"],
    },
    c: { "1.0": [], "2.0": ["d"], "3.0": ["d>=2"] },
    d: { "1.0": [], "2.0": ["a<5"] },
  });
  const asked: Asked = { requires: ["a", "b", "c"] };
  const first = lines(await resolveIn(universe, asked));
  for (let seed = 1; seed < 5; seed++) {
    const delay = (key: string) => ((key.length * 7 + key.charCodeAt(0) * seed) % 5) + 1;
    expect(lines(await resolveIn(universe, asked, { delay }))).toEqual(first);
  }
});

test.each([
  ["as it is", "a", ""],
  ["where a marker holds", "a; sys_platform == 'linux'", ""],
  ["with an extra", "a[x]", ""],
  ["among pre-releases", "a", "rc1"],
])(
  "who walks down the versions of a package does not wait for one after the other: %s",
  async (_, text, end) => {
    const requiring = Array.from({ length: 40 }, (__, i): [string, string[]] => [
      `${i + 1}.0${end}`,
      [`b==${i + 1}`],
    ]);
    const universe = plain({ a: Object.fromEntries(requiring), b: { "1": [] } });
    const index = universeIndex(universe, { delay: () => 2 });
    const asked: string[] = [];
    let waiting = 0;
    let most = 0;
    const counting: typeof index = {
      ...index,
      async metadata(file) {
        asked.push(file.filename);
        waiting += 1;
        most = Math.max(most, waiting);
        return await index.metadata(file).finally(() => {
          waiting -= 1;
        });
      },
    };
    const request = requestOf({ requires: [text, "b"] });
    const resolution = await resolve(request, { index: counting, interpreter: python312 });
    expect(resolution.packages.map(({ name, version }) => `${name} ${version}`)).toEqual([
      `a 1.0${end}`,
      "b 1",
    ]);
    // The first is taken in good faith, the second too; then more and more at once, in the order in which they would be tried.
    expect(asked.filter((name) => name.startsWith("a-")).slice(0, 4)).toEqual(
      [40, 39, 38, 37].map((version) => `a-${version}.0${end}-py3-none-any.whl`),
    );
    expect(most).toBeGreaterThanOrEqual(16);
  },
);
