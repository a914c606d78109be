import { afterAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { Failure } from "./errors.ts";
import { hardlinkOrCopy, readLink, reflink, replaceSymlink, symlinkAtomic } from "./links.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-links-`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a link is made and switched, and leaves nothing beside it", () => {
  mkdirSync(`${folder}/one`);
  mkdirSync(`${folder}/two`);
  symlinkAtomic(`${folder}/one`, `${folder}/link`);
  symlinkAtomic(`${folder}/two`, `${folder}/link`);
  expect(readlinkSync(`${folder}/link`)).toBe(`${folder}/two`);
  expect(readdirSync(folder).sort()).toEqual(["link", "one", "two"]);
});

test("replacing says whether something changed, mends a dangling link, and never touches what is not a link", () => {
  expect(replaceSymlink(`${folder}/one`, `${folder}/r`)).toBe(true);
  expect(replaceSymlink(`${folder}/one`, `${folder}/r`)).toBe(false);
  expect(replaceSymlink(`${folder}/gone`, `${folder}/r`)).toBe(true);
  expect(replaceSymlink(`${folder}/two`, `${folder}/r`)).toBe(true);
  expect(() => replaceSymlink(`${folder}/one`, `${folder}/two`)).toThrow(Failure);
  writeFileSync(`${folder}/file`, "x");
  expect(() => replaceSymlink(`${folder}/one`, `${folder}/file`)).toThrow("is not a link");
});

test("what a path holds: a link's target, null for no link, undefined for nothing", () => {
  symlinkAtomic("relative/target", `${folder}/l`);
  expect(readLink(`${folder}/l`)).toBe("relative/target");
  expect(readLink(folder)).toBeNull();
  expect(readLink(`${folder}/nothing`)).toBeUndefined();
  expect(readLink(`${folder}/file/below`)).toBeUndefined();
});

test("a hardlink where it can be; the destination is never overwritten", () => {
  writeFileSync(`${folder}/source`, "content", { mode: 0o555 });
  const how = hardlinkOrCopy(`${folder}/source`, `${folder}/hard`);
  expect(readFileSync(`${folder}/hard`, "utf8")).toBe("content");
  expect(statSync(`${folder}/hard`).ino === statSync(`${folder}/source`).ino).toBe(how === "hardlink");
  expect(() => hardlinkOrCopy(`${folder}/source`, `${folder}/hard`)).toThrow("EEXIST");
});

test("across filesystems a hardlink becomes a copy with the same mode", () => {
  let other: string;
  try {
    other = mkdtempSync("/dev/shm/dxpy-links-");
  } catch {
    return;
  }
  if (statSync(other).dev !== statSync(folder).dev) {
    expect(hardlinkOrCopy(`${folder}/source`, `${other}/copy`)).toBe("copy");
    expect(statSync(`${other}/copy`).mode & 0o777).toBe(0o555);
  }
  rmSync(other, { recursive: true });
});

test("a reflink is whole or not made at all", () => {
  const made = reflink(`${folder}/source`, `${folder}/ref`);
  if (made) expect(readFileSync(`${folder}/ref`, "utf8")).toBe("content");
  else expect(() => statSync(`${folder}/ref`)).toThrow("ENOENT");
});
