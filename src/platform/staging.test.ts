import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname } from "node:path";
import { homeFolders } from "./home.ts";
import {
  createStaging,
  endStaging,
  inNamedStaging,
  REGION_PREFIX,
  releaseStaging,
  removeTree,
  sweepStaging,
} from "./staging.ts";
import { staged } from "./testing/staged.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-staging-`);
const home = homeFolders({ DX_PY_HOME: folder });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("each call gives a new empty folder under tmp/, and a sweep leaves what is alive", () => {
  const one = createStaging(home);
  const two = createStaging(home);
  expect(one).not.toBe(two);
  expect(readdirSync(one)).toEqual([]);
  expect(sweepStaging(home)).toBe(0);
  expect(existsSync(one)).toBe(true);
});

test("folders that are staged share regions of the disk, where the filesystem has such things", () => {
  const all = Array.from({ length: 30 }, () => createStaging(home));
  expect(new Set(all).size).toBe(30);
  for (const path of all) expect(readdirSync(path)).toEqual([]);
  const parents = [...new Set(all.map((path) => dirname(path)))];
  expect(parents.length).toBeLessThanOrEqual(4);
  if (parents.length > 1) for (const path of parents) expect(basename(path)).toStartWith(REGION_PREFIX);
  // What was tried and left is gone.
  const kept = readdirSync(dirname(parents[0]!)).filter((name) => name.startsWith(REGION_PREFIX));
  if (parents.length > 1) for (const path of parents) expect(kept).toContain(basename(path));
  expect(kept.length).toBeLessThanOrEqual(4);
  expect(staged(home)).toEqual(expect.arrayContaining(all.map((path) => basename(path))));
  for (const path of all) removeTree(path);
});

test("an empty folder that is given back is the next one's, in its region; one that holds something, or is gone, is not", () => {
  const mine = homeFolders({ DX_PY_HOME: `${folder}/given-back` });
  const [one, two] = [createStaging(mine), createStaging(mine)];
  writeFileSync(`${one}/left`, "");
  endStaging(mine, one);
  expect(existsSync(one)).toBe(false);
  endStaging(mine, two);
  expect(createStaging(mine)).toBe(two);
  expect(readdirSync(two)).toEqual([]);
  endStaging(mine, two);
  expect(staged(mine)).toEqual([]);
  const other = createStaging(mine);
  mkdirSync(`${dirname(other)}/leaked`);
  endStaging(mine, other);
  // Only the one that is kept: any other empty folder was forgotten by somebody.
  expect(staged(mine)).toEqual(["leaked"]);
  removeTree(`${dirname(other)}/leaked`);
  rmSync(two, { recursive: true });
  const three = createStaging(mine);
  expect(three).not.toBe(two);
  expect(readdirSync(three)).toEqual([]);
  // A folder that is nobody's, or of another home, is removed.
  const foreign = `${folder}/foreign`;
  mkdirSync(foreign);
  endStaging(mine, foreign);
  expect(existsSync(foreign)).toBe(false);
  endStaging(mine, three);
  const many = Array.from({ length: 30 }, () => {
    const path = createStaging(mine);
    endStaging(mine, path);
    return path;
  });
  expect(new Set(many).size).toBeLessThanOrEqual(4);
  releaseStaging();
  expect(existsSync(three)).toBe(false);
});

test("what a killed process left is swept; a fresh loose file stays, an old one goes", async () => {
  const child = Bun.spawn(
    [
      process.execPath,
      "-e",
      `
      const { createStaging } = await import(${JSON.stringify(`${import.meta.dir}/staging.ts`)});
      const { homeFolders } = await import(${JSON.stringify(`${import.meta.dir}/home.ts`)});
      console.log(createStaging(homeFolders({ DX_PY_HOME: ${JSON.stringify(folder)} })));
      setInterval(() => {}, 1000);`,
    ],
    { stdout: "pipe" },
  );
  const line = await child.stdout.getReader().read();
  const left = new TextDecoder().decode(line.value).trim();
  writeFileSync(`${left}/file`, "x");
  expect(sweepStaging(home)).toBe(0);
  child.kill("SIGKILL");
  await child.exited;
  writeFileSync(`${home.tmp}/fresh`, "x");
  writeFileSync(`${home.tmp}/old`, "x");
  utimesSync(`${home.tmp}/old`, 0, 0);
  expect(sweepStaging(home)).toBe(1);
  expect(existsSync(left)).toBe(false);
  expect(existsSync(`${home.tmp}/fresh`)).toBe(true);
  expect(existsSync(`${home.tmp}/old`)).toBe(false);
});

test("tmp/ may be removed under a living process", () => {
  createStaging(home);
  rmSync(home.tmp, { recursive: true });
  expect(existsSync(createStaging(home))).toBe(true);
});

test("a tree with read-only folders is removed, links in it are not followed", () => {
  const tree = `${folder}/tree`;
  mkdirSync(`${tree}/a/b`, { recursive: true });
  mkdirSync(`${folder}/kept`);
  writeFileSync(`${folder}/kept/file`, "x");
  writeFileSync(`${tree}/a/b/f`, "x", { mode: 0o444 });
  symlinkSync(`${folder}/kept`, `${tree}/a/link`);
  chmodSync(`${tree}/a/b`, 0o555);
  chmodSync(`${tree}/a`, 0o555);
  removeTree(tree);
  expect(existsSync(tree)).toBe(false);
  expect(existsSync(`${folder}/kept/file`)).toBe(true);
  removeTree(tree);
});

test("a named folder has the same path each time, for one at a time, and outlives a sweep", async () => {
  const seen: string[] = [];
  let inside = 0;
  const use = () =>
    inNamedStaging(home, "build-x", async (path) => {
      inside += 1;
      expect(inside).toBe(1);
      expect(readdirSync(path)).toEqual([]);
      writeFileSync(`${path}/half`, "done");
      sweepStaging(home);
      await Bun.sleep(5);
      expect(existsSync(`${path}/half`)).toBe(true);
      seen.push(path);
      inside -= 1;
    });
  await Promise.all([use(), use(), use()]);
  expect(new Set(seen)).toEqual(new Set([`${home.tmp}/build-x`]));
  expect(seen).toHaveLength(3);
  // What a killed process left is removed first.
  mkdirSync(`${home.tmp}/build-x`);
  writeFileSync(`${home.tmp}/build-x/left`, "");
  await use();
  expect(readdirSync(home.tmp).filter((name) => name.startsWith("build-x"))).toEqual([]);
  expect(inNamedStaging(home, "build-y", async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
});
