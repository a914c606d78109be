import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { lutimesSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { uniqueName } from "./atomic-file.ts";
import { sweepLeftovers } from "./leftovers.ts";
import { removeTree } from "./staging.ts";

const HOUR = 60 * 60 * 1000;
let folder: string;
/** The number of a process that ended. */
let dead: number;
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/dxpy-leftovers-`);
  dead = Bun.spawnSync(["true"]).pid;
});
afterEach(() => removeTree(folder));

function aged(name: string, hours: number, make: (path: string) => void = (path) => writeFileSync(path, "")) {
  make(`${folder}/${name}`);
  const when = (Date.now() - hours * HOUR) / 1000;
  lutimesSync(`${folder}/${name}`, when, when);
}
const ofDead = (prefix: string) =>
  uniqueName(prefix).replace(/[0-9a-z]+(?=-[0-9a-z]+-[0-9a-z]+$)/, dead.toString(36));

describe("sweepLeftovers", () => {
  test("files, links and folders of dead processes go", () => {
    aged(ofDead(".venv."), 1, (path) => symlinkSync("nowhere", path));
    aged(`.venv.${dead}-123456`, 1, (path) => symlinkSync("nowhere", path));
    aged(ofDead(".venv.home-"), 1, (path) => {
      mkdirSync(`${path}/store`, { recursive: true });
      writeFileSync(`${path}/store/file`, "");
    });
    expect(sweepLeftovers(folder, { prefix: ".venv." })).toBe(3);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("what is young, of a living process, or not one of ours stays", () => {
    aged(ofDead(".tmp-"), 0);
    aged(uniqueName(".tmp-"), 1);
    aged(".tmp-mine", 100);
    aged(".tmp-a b-c-d", 100);
    aged("notes.tmp-1-2-3", 100);
    expect(sweepLeftovers(folder, { prefix: ".tmp-" })).toBe(0);
    expect(readdirSync(folder)).toHaveLength(5);
  });

  test("after a day nobody can be at work on it", () => {
    aged(uniqueName(".tmp-"), 25);
    expect(sweepLeftovers(folder, { prefix: ".tmp-" })).toBe(1);
  });

  test("a folder that is not there, or that is a file, is no failure", () => {
    writeFileSync(`${folder}/file`, "");
    expect(sweepLeftovers(`${folder}/file`, { prefix: ".tmp-" })).toBe(0);
    expect(sweepLeftovers(`${folder}/none`, { prefix: ".tmp-" })).toBe(0);
  });
});
