import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { removeTree } from "../platform/staging.ts";

/** Which folders of a package's tree have a place for bytecode when it enters the store, and who made it. */
const root = mkdtempSync(`${tmpdir()}/close-tree-`);
afterAll(() => removeTree(root));

const files = [
  "lib/single.py",
  "lib/spam/__init__.py",
  "lib/spam/data/table.csv",
  "lib/spam/core/tests/__init__.py",
  "lib/spam/core/tests/deep/case.py",
  "lib/spam/core/__init__.py",
  "lib/spam/testing/tests.py",
  "lib/spam/old/__pycache__/__init__.cpython-38.pyc",
  "lib/spam/old/__init__.py",
  "lib/spam/empty/__init__.py",
  "scripts/tool.py",
  "data/share/example.py",
];
const BEFORE_TESTS = ["lib/spam/", "lib/spam/core/", "lib/spam/old/", "lib/spam/testing/"];
const NOT_FOR_ALL = ["lib/spam/empty/", "lib/spam/core/tests/", "lib/spam/core/tests/deep/"];
const OWN = ["lib/spam/old/"];

const contentOf = (file: string) => (file.includes("/empty/") ? "" : "value = 1\n");

function tree(name: string): string {
  for (const file of files) {
    mkdirSync(dirname(`${root}/${name}/${file}`), { recursive: true });
    writeFileSync(`${root}/${name}/${file}`, contentOf(file), { mode: 0o444 });
  }
  return `${root}/${name}`;
}

/** Closes a tree, and prepares it for compiling if `all`, in a process of its own. */
function close(path: string, all: boolean, as: readonly string[] = []): void {
  const entries = files.map((file) => ({ path: file, size: contentOf(file).length }));
  const script = `const { closeTree, prepareBytecode } = await import(${JSON.stringify(`${import.meta.dir}/close-tree.ts`)});
    closeTree(${JSON.stringify(path)}, ${JSON.stringify(entries)});
    if (${all}) prepareBytecode(${JSON.stringify(path)});`;
  const done = Bun.spawnSync([...as, process.execPath, "-e", script], { stderr: "pipe" });
  if (!done.success) throw new Error(done.stderr.toString());
}

function places(path: string): string[] {
  const found = (folder: string): string[] =>
    readdirSync(`${path}/${folder}`, { withFileTypes: true }).flatMap((entry) => {
      if (!entry.isDirectory()) return [];
      return entry.name === "__pycache__" ? [folder] : found(`${folder}${entry.name}/`);
    });
  return found("").sort();
}

function open(path: string): string[] {
  const found = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      if (!entry.isDirectory() || entry.name === "__pycache__") return [];
      const own = `${folder}/${entry.name}`;
      return [...((statSync(own).mode & 0o777) === 0o555 ? [] : [own]), ...found(own)];
    });
  return found(path);
}

const isRoot = process.getuid?.() === 0;
/** Root without root's say over files, as in containers that drop it. */
const WITHOUT = ["setpriv", "--bounding-set", "-dac_override", "--"];
const canDrop = isRoot && Bun.spawnSync([...WITHOUT, "true"], { stderr: "ignore" }).success;

describe.skipIf(process.platform === "win32")("a tree that is closed", () => {
  test.skipIf(!isRoot)("by whom that does not stop: every folder is closed, none is prepared", () => {
    const path = tree("root");
    close(path, true);
    expect(open(path)).toEqual([]);
    expect(places(path)).toEqual(OWN);
  });

  test.skipIf(isRoot && !canDrop)(
    "by whom it stops: where Python imports what it has to compile, but for tests",
    () => {
      const path = tree("ordinary");
      close(path, false, isRoot ? WITHOUT : []);
      expect(open(path)).toEqual([]);
      expect(places(path)).toEqual(BEFORE_TESTS);
      expect(statSync(`${path}/lib/spam/__pycache__`).mode & 0o200).toBe(0o200);
    },
  );

  test.skipIf(isRoot && !canDrop)("all of them when all is compiled, and it stays closed", () => {
    const path = tree("compiled");
    close(path, true, isRoot ? WITHOUT : []);
    expect(open(path)).toEqual([]);
    expect(places(path)).toEqual([...BEFORE_TESTS, ...NOT_FOR_ALL].sort());
  });
});
