import { beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { discoverProject } from "./discover.ts";
import { temporaryFolder } from "./testing/temporary-folder.ts";
import { tidy, workspaceMatches } from "./workspace.ts";

let root: string;
beforeEach(() => {
  root = temporaryFolder("discover");
});

function write(path: string, text: string): void {
  mkdirSync(dirname(`${root}/${path}`), { recursive: true });
  writeFileSync(`${root}/${path}`, text);
}

const project = (name: string, rest = "") => `[project]\nname = "${name}"\nversion = "1"\n${rest}`;

describe("finding the project", () => {
  test("is the nearest pyproject.toml upward", async () => {
    write("pyproject.toml", project("outer"));
    write("inner/pyproject.toml", project("inner"));
    write("inner/src/deep/file.py", "");
    const found = await discoverProject(`${root}/inner/src/deep`);
    expect([found.root, found.main.name]).toEqual([`${root}/inner`, "inner"]);
    expect((await discoverProject(root)).main.name).toBe("outer");
  });

  test("none is an error that says how to begin", () => {
    expect(discoverProject(root)).rejects.toThrow("No pyproject.toml");
    expect(discoverProject(`${root}/nothing`)).rejects.toThrow("is not a folder");
  });
});

describe("a workspace", () => {
  beforeEach(() => {
    write(
      "pyproject.toml",
      project(
        "root",
        '[tool.uv.workspace]\nmembers = ["packages/*", "tools/one"]\nexclude = ["packages/old"]\n',
      ),
    );
    for (const name of ["b", "a", "old"]) write(`packages/${name}/pyproject.toml`, project(name));
    write("packages/README.md", "");
    write("tools/one/pyproject.toml", project("one"));
    write("other/pyproject.toml", project("other"));
  });

  test("has its members sorted by folder, whichever of them one stands in", async () => {
    const found = await discoverProject(`${root}/packages/b`);
    expect(found.root).toBe(root);
    expect(found.current.name).toBe("b");
    expect(found.members.map(({ name }) => name)).toEqual(["a", "b", "one"]);
    expect(found.members).toContain(found.current);
  });

  test("does not take in what it excludes, or what no pattern names", async () => {
    for (const name of ["packages/old", "other"]) {
      const found = await discoverProject(`${root}/${name}`);
      expect([found.root, found.members.length]).toEqual([`${root}/${name}`, 0]);
    }
  });

  test("two members of one name, and a named folder without a file, are errors", async () => {
    write("packages/c/pyproject.toml", project("A"));
    expect(discoverProject(root)).rejects.toThrow("Two members of the workspace are called `a`");
    write("pyproject.toml", project("root", '[tool.uv.workspace]\nmembers = ["packages/none"]\n'));
    expect(discoverProject(root)).rejects.toThrow("has no pyproject.toml");
  });

  test("may reach out of its own folder", async () => {
    write("sub/pyproject.toml", project("sub", '[tool.dx-py.workspace]\nmembers = ["../pack*/a"]\n'));
    const found = await discoverProject(`${root}/sub`);
    expect(found.members.map(({ name }) => name)).toEqual(["a"]);
    expect(workspaceMatches(found.main, `${root}/packages/a`)).toBe(true);
  });
});

test("tidy paths", () => {
  expect(tidy("/a/./b//c/../d/")).toBe("/a/b/d");
  expect(tidy("/../../a")).toBe("/a");
  expect(tidy("../a/../b")).toBe("../b");
});
