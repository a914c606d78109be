import { describe, expect, test } from "bun:test";
import type { Project } from "./discover.ts";
import { interpretProjectFile } from "./project-file.ts";
import { makeResolveRequest, relativePath, requestFingerprint } from "./resolve-request.ts";
import { memberGroup } from "./root-requirements.ts";
import { resolutionSettings } from "./settings.ts";
import { parseToml } from "./toml-document.ts";

async function projectOf(text: string, members: Record<string, string> = {}): Promise<Project> {
  const read = async (dir: string, source: string) =>
    interpretProjectFile(dir, await parseToml(source, `${dir}/pyproject.toml`));
  const main = await read("/p", text);
  const files = await Promise.all(Object.entries(members).map(([dir, source]) => read(`/p/${dir}`, source)));
  return { root: "/p", main, current: main, members: files };
}

async function requestOf(text: string, members: Record<string, string> = {}) {
  const project = await projectOf(text, members);
  const settings = resolutionSettings({}, project.main.settings, {});
  const request = makeResolveRequest({ project, settings, preferences: [], upgrade: [], now: 0 });
  return { request, fingerprint: requestFingerprint(request, project, settings, {}) };
}

const BASE =
  '[project]\nname = "Demo_App"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["a>=1", "b"]\n';

describe("the request", () => {
  test("has base dependencies, extras and groups, each with its scope and place", async () => {
    const { request } = await requestOf(
      `${BASE}[project.optional-dependencies]\nX_y = ["c"]\n[dependency-groups]\ndev = ["d", {include-group = "test"}]\ntest = ["e"]\n`,
    );
    expect(request.root).toEqual({ name: "demo-app", version: "1" });
    expect(request.requirements.map(({ requirement, scope }) => [requirement.normalized, scope])).toEqual([
      ["a", {}],
      ["b", {}],
      ["c", { extra: "x-y" }],
      ["d", { group: "dev" }],
      ["e", { group: "dev" }],
      ["e", { group: "test" }],
    ]);
    expect(request.requirements[1]?.declaredAt).toBe("project.dependencies[1]");
    expect([request.extras, request.groups]).toEqual([["x-y"], ["dev", "test"]]);
  });

  test("an extra that names other extras of the project asks for theirs, cycles included", async () => {
    const { request } = await requestOf(
      `${BASE}[project.optional-dependencies]\nall = ["demo-app[one,two]; os_name == 'nt'"]\none = ["c"]\ntwo = ["demo.app[all]", "d"]\n`,
    );
    const all = request.requirements.filter(({ scope }) => scope.extra === "all");
    expect(all.map(({ requirement }) => requirement.normalized).sort()).toEqual(
      ["c", "c", "d"].slice(0, all.length).sort(),
    );
    expect(all.every(({ requirement }) => requirement.marker !== undefined)).toBe(true);
  });

  test("members of a workspace are required under groups of their own", async () => {
    const { request } = await requestOf(`${BASE}[tool.uv.workspace]\nmembers = ["m"]\n`, {
      m: '[project]\nname = "m"\nversion = "1"\nrequires-python = ">=3.10"\n[project.optional-dependencies]\nx = ["c"]\n[dependency-groups]\ndev = ["d"]\n',
    });
    expect(request.groups).toEqual([
      memberGroup("m"),
      memberGroup("m", { extra: "x" }),
      memberGroup("m", { group: "dev" }),
    ]);
    expect(request.members).toEqual([
      {
        name: "m",
        group: memberGroup("m"),
        extraGroups: [{ extra: "x", group: memberGroup("m", { extra: "x" }) }],
        ownGroups: [{ name: "dev", group: memberGroup("m", { group: "dev" }) }],
      },
    ]);
    expect(request.sources["m"]).toEqual([{ kind: "workspace", path: "/p/m", editable: true }]);
    expect(request.requiresPython).toBe(">=3.10,>=3.9");
  });

  test("conflicting extras and groups are in one order, however the set is written", async () => {
    const parts =
      '[project.optional-dependencies]\nz = ["c"]\na = ["c"]\n[dependency-groups]\ndev = ["d"]\nb = ["d"]\n';
    const sets = [
      "{ group = 'dev' }, { extra = 'z' }, { group = 'b' }, { extra = 'a' }",
      "{ extra = 'a' }, { group = 'b' }, { group = 'dev' }, { extra = 'z' }",
    ];
    for (const set of sets) {
      const { request } = await requestOf(`${BASE}${parts}[tool.uv]\nconflicts = [[${set}]]\n`);
      expect(request.conflicts).toEqual([[{ extra: "a" }, { extra: "z" }, { group: "b" }, { group: "dev" }]]);
    }
  });

  test("a group conflicts with what the groups that it includes conflict with", async () => {
    const groups =
      '[dependency-groups]\na = ["c"]\nb = ["d"]\nmore = [{include-group = "a"}]\nmost = [{include-group = "more"}, "e"]\nboth = [{include-group = "a"}, {include-group = "b"}]\n';
    const conflicts = "[tool.uv]\nconflicts = [[{ group = 'a' }, { group = 'b' }]]\n";
    const { request } = await requestOf(BASE + groups + conflicts);
    const sets = request.conflicts.map((set) => set.map(({ group }) => group).join(" "));
    expect(sets).toEqual(["a b", "b more", "b most", "b both", "a both", "both more", "both most"]);
  });

  test("settings that name what does not exist are errors with their place", async () => {
    const cases: [string, string][] = [
      ["[tool.uv]\nconflicts = [[{ extra = 'a' }]]\n", "tool.uv.conflicts[0]"],
      ["[tool.dx-py]\nconflicts = [[{ extra = 'a' }, { package = 'nobody', extra = 'b' }]]\n", "nobody"],
      [
        "[tool.uv.dependency-groups]\nnone = { requires-python = '>=3.12' }\n",
        "tool.uv.dependency-groups.none",
      ],
      ["[tool.uv]\nconstraint-dependencies = ['a>']\n", "tool.uv.constraint-dependencies[0]"],
      ["[tool.uv.sources]\na = { git = 'x', path = 'y' }\n", "tool.uv.sources.a"],
      ["[tool.uv.sources]\na = { git = 'x', rev = 'y', tag = 'z' }\n", "tool.uv.sources.a"],
      ["[tool.uv.sources]\na = { workspace = true }\n", "tool.uv.sources.a"],
    ];
    for (const [text, expected] of cases) expect(requestOf(BASE + text)).rejects.toThrow(expected);
  });
});

describe("the fingerprint", () => {
  test("does not see comments, spelling, order of tables, or where indexes are", async () => {
    const { fingerprint } = await requestOf(BASE);
    const same = [
      `# a comment\n${BASE}`,
      BASE.replace('"a>=1"', '"A >= 1"'),
      `${BASE}[tool.other]\nx = 1\n`,
      `${BASE}[tool.uv]\nindex-url = "https://example.org/simple"\n`,
      `${BASE}[tool.dx-py]\nlink-mode = "copy"\n`,
      BASE.replace('version = "1"\n', 'version = "1"\ndescription = "new"\n'),
    ];
    for (const text of same) expect((await requestOf(text)).fingerprint).toBe(fingerprint);
  });

  test("sees everything that may change a lock", async () => {
    const { fingerprint } = await requestOf(BASE);
    const other = [
      BASE.replace("a>=1", "a>=2"),
      BASE.replace(">=3.9", ">=3.10"),
      BASE.replace('"b"', "\"b; os_name == 'nt'\""),
      `${BASE}[dependency-groups]\ndev = []\n`,
      `${BASE}[tool.uv]\nprerelease = "allow"\n`,
      `${BASE}[tool.uv]\nexclude-newer = "30 days"\n`,
      `${BASE}[tool.uv]\nconstraint-dependencies = ["c<1"]\n`,
      `${BASE}[tool.uv.sources]\na = { git = "https://example.org/a" }\n`,
      `${BASE}[build-system]\nrequires = []\n`,
    ];
    for (const text of other) expect((await requestOf(text)).fingerprint).not.toBe(fingerprint);
  });
});

test("paths as seen from a folder", () => {
  expect(relativePath("/p", "/p")).toBe(".");
  expect(relativePath("/p", "/p/a/b")).toBe("a/b");
  expect(relativePath("/p/q", "/p/a")).toBe("../a");
  expect(relativePath("/", "/a")).toBe("a");
});
