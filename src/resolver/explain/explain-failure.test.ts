import { describe, expect, test } from "bun:test";
import { Failure } from "../../platform/errors.ts";
import { type Asked, resolveIn } from "../testing/requests.ts";
import type { Universe } from "../testing/universe.ts";

/** The message and the hint of a request without solution. */
async function explained(universe: Universe, asked: Asked): Promise<string> {
  const error = await resolveIn(universe, asked).then(
    () => new Error("there is a solution"),
    (reason: Error) => reason,
  );
  if (!(error instanceof Failure) || error.code !== "DXPY_UNSATISFIABLE") throw error;
  return error.hint === undefined ? error.message : `${error.message}\nhint: ${error.hint}`;
}

const version = (requires: string[] = []) => ({ requires });

describe("what is said when there is no solution", () => {
  test("two requirements of the project", async () => {
    const universe: Universe = { a: { versions: { "1.0": {}, "2.0": {} } } };
    expect(await explained(universe, { requires: ["a<2", "a>=2"] })).toBe(
      `These requirements cannot be satisfied together:
  your project requires \`a<2\` (project.dependencies[0])
  your project requires \`a>=2\` (project.dependencies[1])
No version of a is both \`<2\` and \`>=2\`.
hint: Loosen or drop one of these requirements.`,
    );
  });

  test("two dependencies that disagree about a third", async () => {
    const universe: Universe = {
      flask: { versions: { "2.0": version(["jinja2>=3"]), "1.0": version(["jinja2>=3"]) } },
      old: { versions: { "1.0": version(["jinja2<3"]) } },
      jinja2: { versions: { "2.11": {}, "3.0": {}, "3.1": {} } },
    };
    expect(await explained(universe, { requires: ["flask", "old"] })).toBe(
      `These requirements cannot be satisfied together:
  your project requires \`flask\` (project.dependencies[0])
    every version of flask requires \`jinja2>=3\`
  your project requires \`old\` (project.dependencies[1])
    old 1.0 requires \`jinja2<3\`
No version of jinja2 is both \`>=3\` and \`<3\`.
hint: Loosen or drop one of these requirements.`,
    );
  });

  test("a version that does not exist", async () => {
    const universe: Universe = { a: { versions: { "1.0": {}, "1.1": {}, "1.2": {}, "1.3": {} } } };
    expect(await explained(universe, { requires: ["a>=9"] })).toBe(
      `\`a>=9\` cannot be satisfied:
  your project requires \`a>=9\` (project.dependencies[0]), but versions go from 1.0 to 1.3 without such a one
hint: The newest a is 1.3: ask for that, or for an older one.`,
    );
  });

  test("a package that does not exist, and one that was probably meant", async () => {
    const universe: Universe = { requests: { versions: { "1.0": {} } } };
    expect(await explained(universe, { requires: ["requests", "reqests"] })).toBe(
      `There is no package named reqests on the index:
  your project requires \`reqests\` (project.dependencies[1])
  reqests is not on the index
hint: Is \`requests\` meant?`,
    );
  });

  test("a Python that is too old", async () => {
    const universe: Universe = { a: { versions: { "1.0": { requires_python: ">=3.13" } } } };
    expect(await explained(universe, { requires: ["a"], requiresPython: ">=3.12" })).toBe(
      `\`a\` cannot be satisfied, where python_full_version < "3.13":
  your project requires \`a\` (project.dependencies[0])
    a 1.0 needs Python >=3.13
hint: \`requires-python = ">=3.13"\` would let in a 1.0; the project admits Python from 3.12.`,
    );
  });

  test("a yanked version", async () => {
    const universe: Universe = { a: { versions: { "1.0": { yanked: "broken wheel" } } } };
    expect(await explained(universe, { requires: ["a"] })).toBe(
      `\`a\` cannot be satisfied:
  your project requires \`a\` (project.dependencies[0])
    a 1.0 was yanked: broken wheel
hint: A yanked version is used only when it is asked for exactly: \`a==1.0\`.`,
    );
  });

  test("pre-releases that are not let in", async () => {
    const universe: Universe = { a: { versions: { "1.0": {}, "2.0rc1": {} } } };
    expect(await explained(universe, { requires: ["a>1"], prerelease: "disallow" })).toBe(
      `\`a>1\` cannot be satisfied:
  your project requires \`a>1\` (project.dependencies[0])
hint: There is the pre-release a 2.0rc1: \`--prerelease allow\` lets it in.`,
    );
  });

  test("versions that are too new", async () => {
    const universe: Universe = {
      a: { versions: { "1.0": { uploadTime: 0 }, "2.0": { uploadTime: Date.UTC(2026, 0, 2) } } },
    };
    expect(await explained(universe, { requires: ["a>=2"], excludeNewer: Date.UTC(2026, 0, 1) })).toBe(
      `\`a>=2\` cannot be satisfied:
  your project requires \`a>=2\` (project.dependencies[0]), but there is only 1.0
hint: a 2.0 is left out because of \`exclude-newer\` (nothing from 2026-01-01 on counts).`,
    );
  });

  test("wheels for other Pythons only", async () => {
    const universe: Universe = {
      a: { versions: { "1.0": { sdist: false, wheel_tags: ["cp38-cp38-win32"] } } },
    };
    expect(await explained(universe, { requires: ["a"] })).toBe(
      `\`a\` cannot be satisfied:
  your project requires \`a\` (project.dependencies[0])
    a 1.0 has no wheel for the Pythons resolved for (a-1.0-cp38-cp38-win32.whl)
hint: Limit the Pythons with requires-python, or ask for a version of a that has wheels for all of them.`,
    );
  });

  test("no wheels where nothing may be built", async () => {
    const universe: Universe = { a: { versions: { "1.0": { wheel: false } } } };
    expect(await explained(universe, { requires: ["a"], noBuild: "all" })).toBe(
      `\`a\` cannot be satisfied:
  your project requires \`a\` (project.dependencies[0])
    a 1.0 has no wheel that can be used, and building is off
hint: Allow builds of a (no-build).`,
    );
  });

  test("an extra and a group of the project, each with its place", async () => {
    const universe: Universe = { a: { versions: { "1.0": {}, "2.0": {} } } };
    expect(
      await explained(universe, { optional: { x: ["a==1.0"] }, dependencyGroups: { dev: ["a==2.0"] } }),
    ).toBe(
      `These requirements cannot be satisfied together:
  your project requires \`a==1.0\` (project.optional-dependencies.x[0])
  your project requires \`a==2.0\` (dependency-groups.dev[0])
No version of a is both \`==1.0\` and \`==2.0\`.
hint: If these are never installed together, say so: \`conflicts = [[{ extra = "x" }, { group = "dev" }]]\` under [tool.dx-py].`,
    );
  });

  test("a conflict between parts of a member of a workspace is named as `conflicts` has it", async () => {
    const universe: Universe = { a: { versions: { "1.0": {}, "2.0": {} } } };
    const message = await explained(universe, {
      dependencyGroups: { "m-x": ["a==1.0"], "m-dev": ["a==2.0"] },
      members: [
        {
          name: "m",
          group: "m",
          extraGroups: [{ extra: "x", group: "m-x" }],
          ownGroups: [{ name: "dev", group: "m-dev" }],
        },
      ],
    });
    expect(message).toContain(
      '`conflicts = [[{ package = "m", extra = "x" }, { package = "m", group = "dev" }]]`',
    );
  });

  test("a limit of the settings, with its place", async () => {
    const universe: Universe = { a: { versions: { "1.0": {}, "3.0": {} } } };
    expect(await explained(universe, { requires: ["a>=2"], constrain: ["a<2"] })).toBe(
      `These requirements cannot be satisfied together:
  your project requires \`a<2\` (constraint-dependencies[0])
  your project requires \`a>=2\` (project.dependencies[0])
No version of a is both \`<2\` and \`>=2\`.
hint: Loosen or drop one of these requirements.`,
    );
  });

  test("only on one platform and for some Pythons", async () => {
    const universe: Universe = { a: { versions: { "1.0": {}, "2.0": {} } } };
    expect(
      await explained(universe, {
        requires: ["a==1.0; sys_platform == 'linux'", "a==2.0; python_version < '3.13'"],
      }),
    ).toBe(
      `These requirements cannot be satisfied together, where python_full_version < "3.13" and sys_platform == "linux":
  your project requires \`a==1.0; sys_platform == 'linux'\` (project.dependencies[0])
  your project requires \`a==2.0; python_version < '3.13'\` (project.dependencies[1])
No version of a is both \`==1.0\` and \`==2.0\`.
hint: Loosen or drop one of these requirements; or narrow requires-python, if it admits Pythons that are not needed: the lock is for all of them, not only for 3.12.1.`,
    );
  });

  test("a yanked version among others is no advice", async () => {
    const universe: Universe = {
      web: {
        versions: { "1.0": version(["core>=3"]), "1.1": { yanked: "broken" }, "1.2": version(["core>=3"]) },
      },
      core: { versions: { "2.0": {}, "3.0": {} } },
    };
    expect(await explained(universe, { requires: ["web", "core<3"] })).toBe(
      `These requirements cannot be satisfied together:
  your project requires \`web\` (project.dependencies[0])
    web 1.1 was yanked: broken
    web 1.0 and 1.2 require \`core>=3\`
  your project requires \`core<3\` (project.dependencies[1])
No version of core is both \`>=3\` and \`<3\`.
hint: Loosen or drop one of these requirements.`,
    );
  });

  test("wheels where none may be used", async () => {
    const universe: Universe = { a: { versions: { "1.0": { sdist: false } } } };
    expect(await explained(universe, { requires: ["a"], noBinary: ["a"] })).toBe(
      `\`a\` cannot be satisfied:
  your project requires \`a\` (project.dependencies[0])
    a 1.0 has only wheels, which the settings exclude
hint: Allow wheels for a (no-binary).`,
    );
  });

  test("a dependency that asks for a version that does not exist", async () => {
    const universe: Universe = {
      app: { versions: { "1.0": version(["lib>=5"]) } },
      lib: { versions: { "1.0": {}, "2.0": {} } },
    };
    expect(await explained(universe, { requires: ["app"] })).toBe(
      `\`app\` cannot be satisfied:
  your project requires \`app\` (project.dependencies[0])
    app 1.0 requires \`lib>=5\`, but there is only 1.0 and 2.0
hint: The newest lib is 2.0: another version of app may ask for one that exists.`,
    );
  });

  test("an extra of a dependency stands against the project", async () => {
    const universe: Universe = {
      web: { versions: { "1.0": { extras: { fast: ["loop>=2"] } } } },
      loop: { versions: { "1.0": {}, "2.0": {} } },
    };
    expect(await explained(universe, { requires: ["web[fast]", "loop<2"] })).toBe(
      `These requirements cannot be satisfied together:
  your project requires \`web[fast]\` (project.dependencies[0])
    web[fast] 1.0 requires \`loop>=2; extra == 'fast'\`
  your project requires \`loop<2\` (project.dependencies[1])
No version of loop is both \`>=2\` and \`<2\`.
hint: Loosen or drop one of these requirements.`,
    );
  });
});
