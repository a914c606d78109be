import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { addRequirements, listsWith, removeRequirements, removeSource, setSource } from "./edit-pyproject.ts";

const MAIN = { kind: "main" } as const;

function removed(text: string, name: string, list: Parameters<typeof removeRequirements>[1] = MAIN): string {
  return removeRequirements(text, list, new Set([name])).text;
}

describe("adding", () => {
  test("an empty list gets a line for each requirement", () => {
    expect(addRequirements('[project]\nname = "x"\ndependencies = []\n', MAIN, ["httpx>=0.27"])).toBe(
      '[project]\nname = "x"\ndependencies = [\n    "httpx>=0.27",\n]\n',
    );
  });

  test("a missing list is made behind the last key of [project], before the next table", () => {
    expect(addRequirements('[project]\nname = "x" # the name\n\n[tool.a]\nb = 1\n', MAIN, ["b"])).toBe(
      '[project]\nname = "x" # the name\ndependencies = [\n    "b",\n]\n\n[tool.a]\nb = 1\n',
    );
  });

  test("a list on one line stays on one line", () => {
    expect(addRequirements('[project]\ndependencies = ["b", "a"] # two\n', MAIN, ["c"])).toBe(
      '[project]\ndependencies = ["b", "a", "c"] # two\n',
    );
  });

  test("lines keep their indentation, comments and order; a missing comma is added", () => {
    const text = '[project]\ndependencies = [\n\t"z>=1", # why z\n  # about a\n  "a"  # last\n]\n';
    expect(addRequirements(text, MAIN, ["b>=2"])).toBe(
      '[project]\ndependencies = [\n\t"z>=1", # why z\n  # about a\n  "a",  # last\n  "b>=2",\n]\n',
    );
  });

  test("a sorted list stays sorted, and quotes are those of the list", () => {
    const text = "[project]\ndependencies = [\n  'attrs',\n  'requests',\n]\n";
    expect(addRequirements(text, MAIN, ["httpx"])).toBe(
      "[project]\ndependencies = [\n  'attrs',\n  'httpx',\n  'requests',\n]\n",
    );
    expect(addRequirements(text, MAIN, ["aa"])).toBe(
      "[project]\ndependencies = [\n  'aa',\n  'attrs',\n  'requests',\n]\n",
    );
  });

  test("a requirement of the same name is replaced where it stands, whatever its spelling", () => {
    const text = '[project]\ndependencies = [\n  "Foo_Bar<2", # pinned\n  "b",\n]\n';
    expect(addRequirements(text, MAIN, ["foo-bar>=3"])).toBe(
      '[project]\ndependencies = [\n  "foo-bar>=3", # pinned\n  "b",\n]\n',
    );
  });

  test("the same name under another marker is another requirement", () => {
    const text = `[project]\ndependencies = ["a<2; python_version < '3.9'"]\n`;
    expect(addRequirements(text, MAIN, ["a>=2; python_version >= '3.9'"])).toBe(
      `[project]\ndependencies = ["a<2; python_version < '3.9'", "a>=2; python_version >= '3.9'"]\n`,
    );
  });

  test("extras and groups are made near their family", () => {
    const text = '[project]\nname = "x"\n\n[tool.a]\nb = 1\n';
    expect(addRequirements(text, { kind: "extra", name: "cli" }, ["rich"])).toBe(
      '[project]\nname = "x"\n\n[project.optional-dependencies]\ncli = [\n    "rich",\n]\n\n[tool.a]\nb = 1\n',
    );
    expect(addRequirements(text, { kind: "group", name: "dev" }, ["pytest"])).toEndWith(
      '\n[tool.a]\nb = 1\n\n[dependency-groups]\ndev = [\n    "pytest",\n]\n',
    );
  });

  test("groups are found by their normalised name, and includes stay", () => {
    const text = '[dependency-groups]\nDev = [{include-group = "test"}, "a"]\ntest = []\n';
    expect(addRequirements(text, { kind: "group", name: "dev" }, ["b"])).toBe(
      '[dependency-groups]\nDev = [{include-group = "test"}, "a", "b"]\ntest = []\n',
    );
  });

  test("inline and dotted tables are edited as they are written", () => {
    expect(
      addRequirements('[project]\noptional-dependencies = { a = ["x"] }\n', { kind: "extra", name: "b" }, [
        "y",
      ]),
    ).toContain('["x"], b = [');
    expect(
      addRequirements(
        '[project]\noptional-dependencies.a = ["x"]\nname = "n"\n',
        { kind: "extra", name: "b" },
        ["y"],
      ),
    ).toBe(
      '[project]\noptional-dependencies.a = ["x"]\noptional-dependencies.b = [\n    "y",\n]\nname = "n"\n',
    );
    expect(addRequirements('project.name = "x"\n', MAIN, ["y"])).toContain("y");
  });

  test("lines that end in CR LF keep ending so", () => {
    expect(addRequirements('[project]\r\ndependencies = [\r\n  "a",\r\n]\r\n', MAIN, ["b"])).toBe(
      '[project]\r\ndependencies = [\r\n  "a",\r\n  "b",\r\n]\r\n',
    );
  });
});

describe("removing", () => {
  test("a line goes with its own comment, other comments stay", () => {
    const text = '[project]\ndependencies = [\n  # web\n  "a>=1", # why\n  # more\n  "b",\n]\n';
    expect(removed(text, "a")).toBe('[project]\ndependencies = [\n  # web\n  # more\n  "b",\n]\n');
    expect(removed(text, "b")).toBe('[project]\ndependencies = [\n  # web\n  "a>=1", # why\n  # more\n]\n');
  });

  test("on one line, the comma goes too", () => {
    const text = '[project]\ndependencies = ["a", "b", "c"]\n';
    expect(removed(text, "a")).toBe('[project]\ndependencies = ["b", "c"]\n');
    expect(removed(text, "b")).toBe('[project]\ndependencies = ["a", "c"]\n');
    expect(removed(text, "c")).toBe('[project]\ndependencies = ["a", "b"]\n');
    expect(removed('[project]\ndependencies = ["a"]\n', "a")).toBe("[project]\ndependencies = []\n");
  });

  test("says what it found", () => {
    const text = '[project]\ndependencies = ["a"]\n\n[dependency-groups]\ndev = ["b"]\n';
    expect([...removeRequirements(text, MAIN, new Set(["b"])).removed]).toEqual([]);
    expect(listsWith(text, "b")).toEqual([{ kind: "group", name: "dev" }]);
  });
});

describe("sources", () => {
  test("come into the table that the file uses", () => {
    expect(
      setSource('[tool.uv.sources]\na = { path = "a" }\n', "b", { git: "https://example.org/b", tag: "v1" }),
    ).toBe('[tool.uv.sources]\na = { path = "a" }\nb = { git = "https://example.org/b", tag = "v1" }\n');
    expect(setSource('[project]\nname = "x"\n', "b", { path: "../b", editable: true })).toBe(
      '[project]\nname = "x"\n\n[tool.dx-py.sources]\nb = { path = "../b", editable = true }\n',
    );
  });

  test("are replaced and removed under any spelling", () => {
    const text = '[tool.dx-py.sources]\nB_b = { path = "x" }\nc = { path = "c" }\n';
    expect(setSource(text, "b-b", { path: "y" })).toBe(
      '[tool.dx-py.sources]\nc = { path = "c" }\nb-b = { path = "y" }\n',
    );
    expect(removeSource(text, "b-b")).toBe('[tool.dx-py.sources]\nc = { path = "c" }\n');
  });
});

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
const comment = fc.constantFrom("", " # why", "  # 'quoted' \"text\" ], [");
const layoutOf = fc.record({
  names: fc.uniqueArray(name, { maxLength: 6 }),
  comments: fc.array(comment, { minLength: 6, maxLength: 6 }),
  lines: fc.boolean(),
  trailing: fc.boolean(),
  quote: fc.constantFrom('"', "'"),
  newline: fc.constantFrom("\n", "\r\n"),
  header: fc.constantFrom("", "# top\n"),
});

test("property: adding and then removing changes the list as meant and nothing else", () => {
  fc.assert(
    fc.property(layoutOf, name, (layout, added) => {
      const { names, lines, quote, newline } = layout;
      const items = names.map((item, i) => {
        const comma = i < names.length - 1 || layout.trailing ? "," : "";
        return lines
          ? `  ${quote}${item}${quote}${comma}${layout.comments[i]}${newline}`
          : `${quote}${item}${quote}${comma}`;
      });
      const body = lines ? newline + items.join("") : items.join(" ");
      const tail = `name = "x" # é 🎉${newline}${newline}[tool.other]${newline}a = [1, 2] # kept${newline}`;
      const text = `${layout.header}[project]${newline}dependencies = [${body}]${newline}${tail}`;
      const edited = addRequirements(text, MAIN, [added]);
      const after = (Bun.TOML.parse(edited) as { project: { dependencies: string[] } }).project.dependencies;
      expect(new Set(after)).toEqual(new Set([...names, added]));
      expect(edited).toContain(tail);
      for (const each of layout.comments.slice(0, lines ? names.length : 0)) expect(edited).toContain(each);
      if (!names.includes(added)) {
        const back = removed(edited, added);
        const list = (Bun.TOML.parse(back) as { project: { dependencies: string[] } }).project.dependencies;
        expect(list).toEqual(names);
        expect(back).toContain(tail);
      }
    }),
  );
});
