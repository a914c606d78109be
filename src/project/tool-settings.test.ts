import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { readSettingsTable, readToolSettings } from "./tool-settings.ts";

function read(text: string): { settings: ReturnType<typeof readToolSettings>; warnings: string[] } {
  const warnings: string[] = [];
  const settings = readToolSettings(Bun.TOML.parse(text) as Record<string, unknown>, (warning) =>
    warnings.push(warning),
  );
  return { settings, warnings };
}

describe("[tool.dx-py] and [tool.uv]", () => {
  test("every documented setting is read", () => {
    const { settings, warnings } = read(`
      [tool.uv]
      managed = true
      package = false
      dev-dependencies = ["pytest"]
      default-groups = "all"
      constraint-dependencies = ["a<2"]
      override-dependencies = ["a==1"]
      exclude-dependencies = ["b"]
      build-constraint-dependencies = ["setuptools<80"]
      environments = "sys_platform == 'linux'"
      required-environments = ["sys_platform == 'darwin'"]
      conflicts = [[{ extra = "cpu" }, { extra = "gpu" }], [{ package = "x", group = "g" }, { group = "h" }]]
      prerelease = "allow"
      resolution = "lowest-direct"
      fork-strategy = "fewest"
      exclude-newer = 2026-01-31T00:00:00Z
      exclude-newer-package = { a = "30 days", b = false }
      index-url = "https://example.org/simple"
      extra-index-url = ["https://example.org/extra"]
      find-links = ["./wheels"]
      no-index = false
      no-binary-package = ["a"]
      no-build = true
      config-settings = { editable_mode = "compat", jobs = ["1", "2"] }
      upgrade-package = ["a"]
      [[tool.uv.index]]
      name = "inner"
      url = "https://example.org/inner"
      explicit = true
      publish-url = "https://example.org/upload"
      [tool.uv.sources]
      a = { git = "https://example.org/a", tag = "v1" }
      b = [{ index = "inner", marker = "sys_platform == 'linux'" }, { url = "https://example.org/b.whl", extra = "x" }]
      [tool.uv.workspace]
      members = ["packages/*"]
      exclude = ["packages/old"]
      [tool.uv.dependency-groups]
      dev = { requires-python = ">=3.12" }
    `);
    expect(warnings).toEqual([]);
    expect(settings.environments).toEqual(["sys_platform == 'linux'"]);
    expect(settings["exclude-newer"]).toStartWith("2026-01-31");
    expect(settings.index).toEqual([{ name: "inner", url: "https://example.org/inner", explicit: true }]);
    expect(settings.sources?.["b"]).toHaveLength(2);
    expect(settings["config-settings"]).toEqual({ editable_mode: "compat", jobs: ["1", "2"] });
  });

  test("a key of [tool.dx-py] that does not exist is an error with a suggestion", () => {
    expect(() => read("[tool.dx-py]\nfind-link = []\n")).toThrow("`tool.dx-py.find-link` is not a setting");
    expect(() => read("[tool.dx-py.sources]\na = { gti = 'x' }\n")).toThrow(
      "`tool.dx-py.sources.a.gti` is not a setting",
    );
  });

  test("a value of the wrong kind is an error with the key path", () => {
    const cases: [string, string][] = [
      ["[tool.uv]\nprerelease = 'maybe'\n", "`tool.uv.prerelease` must be"],
      ["[tool.uv]\nmanaged = 'yes'\n", '`tool.uv.managed` must be true or false, not "yes"'],
      ["[tool.dx-py]\nfind-links = [1]\n", "`tool.dx-py.find-links[0]` must be a string, not 1"],
      ["[[tool.uv.index]]\nname = 'x'\n", "`tool.uv.index[0]` must have a `url`"],
      ["tool = 3\n", "`tool` must be a table, not 3"],
    ];
    for (const [text, expected] of cases) expect(() => read(text)).toThrow(expected);
  });

  test("keys of uv: its own workings pass, what would matter is said", () => {
    expect(read("[tool.uv]\ncache-dir = 'x'\n[tool.uv.pip]\nx = 1\n").warnings).toEqual([]);
    expect(read("[tool.uv]\ntorch-backend = 'cpu'\n").warnings[0]).toContain("torch-backend");
    expect(read("[tool.uv]\nnew-thing = 1\nprerelese = 'allow'\n").warnings).toHaveLength(2);
  });

  test("uv's link-mode is about its own cache", () => {
    expect(read("[tool.uv]\nlink-mode = 'copy'\n").settings["link-mode"]).toBeUndefined();
    expect(read("[tool.dx-py]\nlink-mode = 'copy'\n").settings["link-mode"]).toBe("copy");
  });
});

test("property: any document gives settings or a Failure, and no inherited key is a setting", () => {
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 3 }),
      tie("table"),
    ),
    table: fc.dictionary(
      fc.constantFrom(
        "index",
        "url",
        "sources",
        "a",
        "workspace",
        "members",
        "conflicts",
        "constructor",
        "toString",
      ),
      tie("value"),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    ),
  })).value;
  fc.assert(
    fc.property(value, value, (own, uv) => {
      for (const read of [
        () => readToolSettings({ tool: { "dx-py": own, uv } }, () => {}),
        () => readSettingsTable({ index: own, sources: uv }),
      ]) {
        try {
          read();
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }
    }),
  );
});
