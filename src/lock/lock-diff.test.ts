import { expect, test } from "bun:test";
import { diffLocks, isEmptyDiff } from "./lock-diff.ts";
import type { Lock, LockedPackage } from "./lock-model.ts";
import { largeLock } from "./testing/arbitrary-lock.ts";

const pkg = (name: string, version: string, rest: Partial<LockedPackage> = {}): LockedPackage => ({
  name,
  version,
  source: { kind: "index" },
  dependencies: [],
  wheels: [],
  ...rest,
});
const lockOf = (...packages: LockedPackage[]): Lock => ({ ...largeLock(0), packages });

test("equal locks do not differ", () => {
  expect(isEmptyDiff(diffLocks(largeLock(10), largeLock(10)))).toBe(true);
});

test("what came, what went, what changed", () => {
  const before = lockOf(pkg("gone", "1"), pkg("kept", "1"), pkg("moved", "1"));
  const after = lockOf(pkg("kept", "1"), pkg("moved", "1"), pkg("moved", "2"), pkg("new", "3"));
  expect(diffLocks(before, after)).toEqual({
    added: [{ name: "new", versions: ["3"] }],
    removed: [{ name: "gone", versions: ["1"] }],
    changed: [
      {
        name: "moved",
        before: ["1"],
        after: ["1", "2"],
        what: ["version", "source", "marker", "dependencies", "files"],
      },
    ],
  });
});

test("a first lock adds everything", () => {
  expect(diffLocks(undefined, lockOf(pkg("a", "1"))).added).toEqual([{ name: "a", versions: ["1"] }]);
});

test("what differs is named", () => {
  const what = (rest: Partial<LockedPackage>) =>
    diffLocks(lockOf(pkg("a", "1")), lockOf(pkg("a", "1", rest))).changed[0]?.what;
  expect(what({ version: "2" })).toEqual(["version"]);
  expect(what({ marker: "os_name == 'nt'" })).toEqual(["marker"]);
  expect(what({ dependencies: [{ name: "b" }] })).toEqual(["dependencies"]);
  expect(what({ wheels: [{ name: "w", hashes: {} }] })).toEqual(["files"]);
  expect(what({ source: { kind: "git", url: "u", commitId: "0123456789" } })).toEqual(["source"]);
});

test("a commit is part of what is shown", () => {
  const at = (commitId: string) => lockOf(pkg("a", "1", { source: { kind: "git", url: "u", commitId } }));
  expect(diffLocks(at("0123456789ab"), at("fedcba987654")).changed[0]).toMatchObject({
    before: ["1 (01234567)"],
    after: ["1 (fedcba98)"],
  });
});
