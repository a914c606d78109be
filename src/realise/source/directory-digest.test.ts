import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { type TestPlace, testPlace } from "../testing/test-context.ts";
import { directoryDigest, editableDigest, treeFiles } from "./directory-digest.ts";

let place: TestPlace;
let folder: string;
beforeEach(() => {
  place = testPlace();
  folder = place.projectDir;
  put("pyproject.toml", "[project]\n");
  put("src/a/__init__.py", "x = 1\n");
});
afterEach(() => place.remove());

function put(path: string, text: string): void {
  mkdirSync(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
  writeFileSync(`${folder}/${path}`, text);
}

const digest = () => directoryDigest(folder, place.home);

describe("the digest of a directory", () => {
  test("changes with contents, names, modes and links, and back again", () => {
    const changes: [() => void, () => void][] = [
      [() => put("src/a/__init__.py", "x = 2\n"), () => put("src/a/__init__.py", "x = 1\n")],
      [() => put("src/a/new.py", ""), () => rmSync(`${folder}/src/a/new.py`)],
      [
        () => chmodSync(`${folder}/src/a/__init__.py`, 0o755),
        () => chmodSync(`${folder}/src/a/__init__.py`, 0o644),
      ],
      [() => symlinkSync("a", `${folder}/src/b`), () => rmSync(`${folder}/src/b`)],
    ];
    const before = digest();
    for (const [change, undo] of changes) {
      change();
      expect(digest()).not.toBe(before);
      undo();
      expect(digest()).toBe(before);
    }
  });

  test("does not change for times alone, nor for what is no part of a source", () => {
    const before = digest();
    utimesSync(`${folder}/src/a/__init__.py`, new Date(0), new Date(0));
    for (const path of [
      ".git/HEAD",
      ".venv/x",
      "src/a/__pycache__/x.pyc",
      "build/lib/a.py",
      "dist/a.whl",
      "a.egg-info/PKG-INFO",
      ".mypy_cache/x",
      "env/pyvenv.cfg",
      "env/lib/x.py",
      "node_modules/x",
      "pylock.toml",
    ])
      put(path, "x");
    expect(digest()).toBe(before);
    put("src/build/x.py", "");
    expect(digest()).not.toBe(before);
  });

  test("the memory of the last time may be damaged", () => {
    const before = digest();
    const memory = `${place.home.index}/sources`;
    for (const name of Array.from(new Bun.Glob("*.json").scanSync(memory)))
      writeFileSync(`${memory}/${name}`, '{"src/a/__init__.py": 7');
    expect(digest()).toBe(before);
  });

  test("a link in a circle is not followed", () => {
    symlinkSync(".", `${folder}/src/loop`);
    expect(treeFiles(folder)).toEqual(["pyproject.toml", "src/a/__init__.py", "src/loop"]);
  });

  test("something that is not a folder is refused", () => {
    expect(() => directoryDigest(`${folder}/none`, place.home)).toThrow("not a folder");
  });

  test("an editable's changes with its declaration and its packages, not with its code", () => {
    const before = editableDigest(folder);
    put("src/a/__init__.py", "x = 2\n");
    put("src/a/more.py", "");
    expect(editableDigest(folder)).toBe(before);
    put("src/b/__init__.py", "");
    const second = editableDigest(folder);
    expect(second).not.toBe(before);
    put("setup.cfg", "[metadata]\n");
    expect(editableDigest(folder)).not.toBe(second);
  });
});
