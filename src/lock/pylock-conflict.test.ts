import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LockedPackage } from "./lock-model.ts";
import { hasConflictMarkers, splitConflict } from "./pylock-conflict.ts";
import { formatPylock, parsePylock } from "./pylock-file.ts";
import { largeLock } from "./testing/arbitrary-lock.ts";

const pkg = (name: string, version: string): LockedPackage => ({
  name,
  version,
  source: { kind: "index" },
  dependencies: [],
  wheels: [],
});
const lockWith = (fingerprint: string, ...packages: LockedPackage[]) => ({
  ...largeLock(0),
  fingerprint,
  packages,
});

/** Merges as git does, for texts whose differing lines are given: everything from the first difference to the last. */
function merged(ours: string, theirs: string, base?: string): string {
  const [a, b] = [ours.split("\n"), theirs.split("\n")];
  let start = 0;
  while (a[start] === b[start]) start += 1;
  let end = 0;
  while (a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const middle = (lines: string[]) => lines.slice(start, lines.length - end);
  const original = base === undefined ? [] : ["||||||| base", ...middle(base.split("\n"))];
  return [
    ...a.slice(0, start),
    "<<<<<<< HEAD",
    ...middle(a),
    ...original,
    "=======",
    ...middle(b),
    ">>>>>>> feature",
    ...a.slice(a.length - end),
  ].join("\n");
}

describe("a merge that git could not finish", () => {
  const ours = formatPylock(lockWith("aa", pkg("a", "1"), pkg("b", "2"), pkg("d", "1")));
  const theirs = formatPylock(lockWith("bb", pkg("a", "1"), pkg("b", "1"), pkg("c", "1"), pkg("d", "1")));
  const base = formatPylock(lockWith("00", pkg("a", "1"), pkg("b", "1"), pkg("d", "1")));

  test("both sides come back as they were", () => {
    const conflict = splitConflict(merged(ours, theirs))!;
    expect(conflict.ours).toBe(ours);
    expect(conflict.theirs).toBe(theirs);
    expect(conflict.base).toBeUndefined();
    expect(parsePylock(conflict.theirs).fingerprint).toBe("bb");
  });

  test("so does the common ancestor where git shows it", () => {
    expect(splitConflict(merged(ours, theirs, base))?.base).toBe(base);
  });

  test("what both sides agree on, what only one has, and what they differ on", () => {
    const { agreed, single, moved, disputed } = splitConflict(merged(ours, theirs))!;
    expect(agreed).toEqual([
      { name: "a", version: "1" },
      { name: "d", version: "1" },
    ]);
    expect(single).toEqual([{ name: "c", version: "1" }]);
    expect(moved).toEqual([]);
    expect(disputed).toEqual([{ name: "b", ours: ["2"], theirs: ["1"] }]);
  });

  test("what only one side moved, where the common ancestor is shown", () => {
    const { moved, disputed } = splitConflict(merged(ours, theirs, base))!;
    expect(moved).toEqual([{ name: "b", version: "2" }]);
    expect(disputed).toEqual([]);
  });

  test("versions keep the environments that they are for, where the sides agree on these too", () => {
    const linux = { ...pkg("a", "1"), marker: 'sys_platform == "linux"' };
    const one = formatPylock(lockWith("aa", linux, pkg("a", "2")));
    const two = formatPylock(lockWith("bb", linux, { ...pkg("a", "2"), marker: 'os_name == "nt"' }));
    expect(splitConflict(merged(one, two))?.agreed).toEqual([
      { name: "a", version: "1", marker: 'sys_platform == "linux"' },
      { name: "a", version: "2" },
    ]);
  });

  test("line ends of Windows are no obstacle", () => {
    const text = merged(ours, theirs).replaceAll("\n", "\r\n");
    expect(splitConflict(text)?.ours).toBe(ours.replaceAll("\n", "\r\n"));
  });
});

test.skipIf(Bun.which("git") === null)("git merges two additions by itself, but for the fingerprint", () => {
  const folder = mkdtempSync(join(tmpdir(), "dx-py-merge-"));
  try {
    const many = Array.from({ length: 9 }, (_, i) => pkg(`m${i}`, "1"));
    const texts = {
      ours: lockWith("aa", pkg("a", "1"), ...many),
      base: lockWith("00", ...many),
      theirs: lockWith("bb", ...many, pkg("z", "1")),
    };
    for (const [name, lock] of Object.entries(texts)) writeFileSync(join(folder, name), formatPylock(lock));
    const done = Bun.spawnSync(["git", "merge-file", "-p", "--diff3", "ours", "base", "theirs"], {
      cwd: folder,
    });
    expect(done.exitCode).toBe(1);
    const conflict = splitConflict(done.stdout.toString())!;
    const names = (text: string) => parsePylock(text).packages.map(({ name }) => name);
    // Both sides have both additions: only the fingerprint differs.
    const all = ["a", ...many.map(({ name }) => name), "z"];
    expect([names(conflict.ours), names(conflict.theirs)]).toEqual([all, all]);
    expect(conflict.theirs).toBe(conflict.ours.replace('"aa"', '"bb"'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a text without markers, or with markers that do not pair, has no sides", () => {
  expect(hasConflictMarkers(formatPylock(largeLock(3)))).toBe(false);
  expect(splitConflict("a = 1\n")).toBeUndefined();
  expect(splitConflict("<<<<<<< HEAD\na = 1\n")).toBeUndefined();
  expect(splitConflict("<<<<<<< HEAD\n<<<<<<< HEAD\n=======\n>>>>>>> x\n")).toBeUndefined();
});
