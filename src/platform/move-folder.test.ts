import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { moveFolder } from "./move-folder.ts";
import { removeTree } from "./staging.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-move-`);
afterAll(() => removeTree(folder));

test("a read-only folder goes to another parent, and stays read-only", () => {
  mkdirSync(`${folder}/a/closed`, { recursive: true });
  mkdirSync(`${folder}/b`);
  writeFileSync(`${folder}/a/closed/file`, "content");
  chmodSync(`${folder}/a/closed`, 0o555);
  moveFolder(`${folder}/a/closed`, `${folder}/b/closed`);
  expect(existsSync(`${folder}/a/closed`)).toBe(false);
  expect(existsSync(`${folder}/b/closed/file`)).toBe(true);
  expect(statSync(`${folder}/b/closed`).mode & 0o777).toBe(0o555);
});

test("what is not there, and a place that is taken, are the system's errors, and nothing changes", () => {
  expect(() => moveFolder(`${folder}/nothing`, `${folder}/b/x`)).toThrow("ENOENT");
  mkdirSync(`${folder}/c/taken`, { recursive: true });
  writeFileSync(`${folder}/c/taken/file`, "");
  expect(() => moveFolder(`${folder}/b/closed`, `${folder}/c/taken`)).toThrow(/ENOTEMPTY|EEXIST/);
  expect(statSync(`${folder}/b/closed`).mode & 0o777).toBe(0o555);
});
