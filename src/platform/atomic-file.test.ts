import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { ensureDir, uniqueName, writeFileAtomic } from "./atomic-file.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-atomic-`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a file is written whole, replaced whole, and leaves nothing beside it", () => {
  const path = `${folder}/a.txt`;
  writeFileAtomic(path, "one");
  writeFileAtomic(path, new Uint8Array([0x74, 0x77, 0x6f]), { sync: true });
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(readdirSync(folder)).toEqual(["a.txt"]);
});

test("the mode is exact, also one that the umask would change", () => {
  writeFileAtomic(`${folder}/m`, "x", { mode: 0o666 });
  expect(statSync(`${folder}/m`).mode & 0o777).toBe(0o666);
  writeFileAtomic(`${folder}/m`, "y", { mode: 0o444 });
  writeFileAtomic(`${folder}/m`, "z", { mode: 0o444 });
  expect(readFileSync(`${folder}/m`, "utf8")).toBe("z");
});

test("the unfinished file can live in a staging folder", () => {
  ensureDir(`${folder}/stage/deep`);
  writeFileAtomic(`${folder}/s`, "x", { staging: `${folder}/stage/deep` });
  expect(readdirSync(`${folder}/stage/deep`)).toEqual([]);
  expect(readFileSync(`${folder}/s`, "utf8")).toBe("x");
});

test("a write that fails removes its unfinished file", () => {
  ensureDir(`${folder}/dir/full`);
  expect(() => writeFileAtomic(`${folder}/dir`, "x")).toThrow();
  expect(readdirSync(folder).filter((name) => name.startsWith(".tmp-"))).toEqual([]);
});

test("names are unique", () => {
  expect(new Set(Array.from({ length: 1000 }, () => uniqueName("x"))).size).toBe(1000);
});
