import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { glance, isThere, NOWHERE } from "./glance.ts";

const folder = mkdtempSync(join(tmpdir(), "dx-py-glance-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("size and milliseconds of files and folders, through links", () => {
  writeFileSync(`${folder}/file`, "twelve bytes");
  mkdirSync(`${folder}/inside`);
  symlinkSync("file", `${folder}/link`);
  symlinkSync("inside", `${folder}/way`);
  for (const name of ["file", "inside", "link", "way"]) {
    const stat = statSync(`${folder}/${name}`);
    expect(glance(`${folder}/${name}`)).toEqual({ size: stat.size, mtime: Math.floor(stat.mtimeMs) });
    expect(isThere(`${folder}/${name}`)).toBe(true);
  }
  utimesSync(`${folder}/file`, 5, 7.25);
  expect(glance(`${folder}/file`).mtime).toBe(7250);
});

test("what is not there, a link to nothing, and a path through a file", () => {
  symlinkSync("gone", `${folder}/dangling`);
  for (const name of ["none", "dangling", "file/below"]) {
    expect(glance(`${folder}/${name}`)).toEqual({ size: 0, mtime: NOWHERE });
    expect(isThere(`${folder}/${name}`)).toBe(false);
  }
  expect(isThere("/dev/null")).toBe(true);
});
