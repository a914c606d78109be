import { describe, expect, test } from "bun:test";
import { Failure } from "../platform/errors.ts";
import { resolveGroups } from "./dependency-groups.ts";
import { legacyBuildSystem, readBuildSystem, readProjectTable } from "./pyproject.ts";
import { formatRequirement } from "./requirements.ts";

const project = (table: object) => readProjectTable({ project: { name: "a", version: "1", ...table } });

describe("[project]", () => {
  test("has what resolving and installing need", () => {
    const read = readProjectTable({
      project: {
        name: "My_App",
        dynamic: ["version"],
        "requires-python": ">=3.9",
        dependencies: ["x>=1", "y"],
        "optional-dependencies": { Dev_Tools: ["z"], docs: [] },
        scripts: { app: "app:main" },
        "entry-points": { "x.y": { n: "m" } },
        authors: "not looked at",
        odd: 1,
      },
    })!;
    expect(read).toMatchObject({
      name: "My_App",
      normalizedName: "my-app",
      dynamic: ["version"],
      requiresPython: ">=3.9",
      unknownKeys: ["odd"],
    });
    expect(read.version).toBeUndefined();
    expect(read.dependencies.map(formatRequirement)).toEqual(["x>=1", "y"]);
    expect([...read.optionalDependencies.keys()]).toEqual(["dev-tools", "docs"]);
    expect(read.scripts).toEqual(new Map([["app", "app:main"]]));
    expect(read.entryPoints.get("x.y")).toEqual(new Map([["n", "m"]]));
  });

  test("may be absent", () => {
    expect(readProjectTable({ tool: {} })).toBeUndefined();
  });

  test.each([
    [{ name: "-a" }, "project.name: `-a` is not a valid name"],
    [{ name: 5 }, "project.name: a string is expected, not a number"],
    [{ name: undefined }, "project.name: the key is missing"],
    [{ version: undefined }, "project.version: the key is missing"],
    [{ version: "x" }, "project.version: `x` is not a version"],
    [{ dynamic: ["name"] }, "project.dynamic[0]: the name cannot be dynamic"],
    [{ dynamic: ["version"] }, "project.dynamic[0]: `version` is both given and"],
    [{ "requires-python": "3.9" }, "project.requires-python: `3.9` is not a set"],
    [{ dependencies: "x" }, "project.dependencies: an array is expected, not a string"],
    [{ dependencies: ["x", "y z"] }, "project.dependencies[1]: `y z` is not a valid requirement"],
    [{ dependencies: [1] }, "project.dependencies[0]: a string is expected"],
    [
      { "optional-dependencies": { "a b": [] } },
      'project.optional-dependencies."a b": this is not a valid name',
    ],
    [{ "optional-dependencies": { a_b: [], "A-B": [] } }, "the extra `a-b` is given twice"],
    [{ scripts: { x: 1 } }, "project.scripts.x: a string is expected"],
    [{ "entry-points": { console_scripts: {} } }, "these belong in `[project.scripts]`"],
  ])("%j: %s", (table, reason) => {
    expect(() => project(table)).toThrow(Failure);
    expect(() => project(table)).toThrow(reason);
  });

  test.each([[5], ["x"], [null], [[]], [{ project: [] }]])("%j is no document", (document) => {
    expect(() => readProjectTable(document)).toThrow(Failure);
  });
});

describe("[build-system]", () => {
  const build = (table: object) => readBuildSystem({ "build-system": table });

  test("names the backend, or leaves it to setuptools", () => {
    expect(build({ requires: ["hatchling"], "build-backend": "hatchling.build" })).toMatchObject({
      backend: "hatchling.build",
      backendPath: [],
    });
    expect(
      build({ requires: [], "build-backend": "b", "backend-path": ["_tools", "./x/.."] })?.backendPath,
    ).toEqual(["_tools", "./x/.."]);
    expect(build({ requires: ["setuptools"] })?.backend).toBe("setuptools.build_meta:__legacy__");
    expect(readBuildSystem({})).toBeUndefined();
    expect(legacyBuildSystem().requires.map(formatRequirement)).toEqual(["setuptools>=40.8.0"]);
  });

  test.each([
    [{}, "build-system.requires: the key is missing"],
    [{ requires: [], "backend-path": ["x"] }, "build-system.build-backend: the key is missing"],
    ...["..", "x/../..", "/x", "C:\\x", "..\\x"].map(
      (path) =>
        [
          { requires: [], "build-backend": "b", "backend-path": [path] },
          "is outside of the project",
        ] as const,
    ),
  ] as const)("%j: %s", (table, reason) => {
    expect(() => build(table)).toThrow(Failure);
    expect(() => build(table)).toThrow(reason);
  });
});

describe("[dependency-groups]", () => {
  test("are unfolded in place", () => {
    const groups = resolveGroups({
      Test_Group: ["pytest"],
      dev: ["a", { "include-group": "test-group" }, "b"],
      empty: [],
    });
    expect([...groups].map(([name, all]) => [name, all.map(formatRequirement)])).toEqual([
      ["test-group", ["pytest"]],
      ["dev", ["a", "pytest", "b"]],
      ["empty", []],
    ]);
    expect(resolveGroups(undefined).size).toBe(0);
  });

  const chain = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, i) => [`g${i}`, [{ "include-group": `g${i + 1}` }]]),
  );
  const doubling = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [
      `g${i}`,
      i === 0 ? ["x"] : [{ "include-group": `g${i - 1}` }, { "include-group": `g${i - 1}` }],
    ]),
  );
  test.each([
    [
      { a: [{ "include-group": "b" }], b: [{ "include-group": "a" }] },
      "the groups include each other: `a` → `b` → `a`",
    ],
    [{ a: [{ "include-group": "a" }] }, "`a` → `a`"],
    [{ a: [{ "include-group": "b" }] }, "dependency-groups.a[0]: there is no group `b`"],
    [{ "a.b": [], a_b: [] }, "the group `a-b` is given twice"],
    [{ a: ["x y"] }, "dependency-groups.a[0]: `x y` is not a valid requirement"],
    [{ a: [{ "include-group": "b", x: 1 }] }, "and nothing else"],
    [{ a: [[]] }, "a requirement or an include is expected, not an array"],
    [{ a: "x" }, "dependency-groups.a: an array is expected"],
    [[], "dependency-groups: a table is expected"],
    [chain, "too many times"],
    [doubling, "too many times"],
  ])("%.60j", (table, reason) => {
    expect(() => resolveGroups(table)).toThrow(Failure);
    expect(() => resolveGroups(table)).toThrow(reason);
  });
});
