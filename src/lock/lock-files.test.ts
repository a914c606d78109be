import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../platform/errors.ts";
import { freshnessStamp, openFreshDpl } from "./dpl-freshness.ts";
import { confirmInputs, freshness, readLock, restoreText, writeLock } from "./lock-files.ts";
import type { Lock } from "./lock-model.ts";
import { formatPylock } from "./pylock-file.ts";
import { largeLock } from "./testing/arbitrary-lock.ts";

let folder: string;
let text: string;
let dpl: string;
const lock = largeLock(5);
const other: Lock = { ...lock, packages: lock.packages.slice(1) };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dx-py-lock-"));
  text = join(folder, "pylock.toml");
  dpl = join(folder, "dx-py.dpl");
  writeFileSync(join(folder, "pyproject.toml"), "[project]\n");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const write = () => writeLock(folder, lock, ["pyproject.toml", "uv.toml"]);

describe("writing", () => {
  test("both files, and the lock is fresh", async () => {
    expect(await write()).toEqual({ pylock: true, dpl: true });
    expect(freshness(folder).state).toBe("fresh");
    const fresh = openFreshDpl(folder);
    expect(fresh?.find("package-00003").length).toBe(1);
    fresh?.close();
    const read = await readLock(folder);
    expect(read).toMatchObject({ state: "fresh", recompiled: false });
    expect(read?.lock).toEqual(lock);
  });

  test("what is unchanged is not written again", async () => {
    await write();
    for (const path of [text, dpl]) utimesSync(path, 1000, 1000);
    expect(await write()).toEqual({ pylock: false, dpl: false });
    expect([text, dpl].map((path) => statSync(path).mtimeMs)).toEqual([1_000_000, 1_000_000]);
  });

  test("many wheels are hashed by the fast engine to the same bytes", async () => {
    const large = largeLock(300, 2);
    await writeLock(folder, large, []);
    const { encodeDpl } = await import("./dpl-writer.ts");
    const pylockSha256 = new Bun.CryptoHasher("sha256").update(formatPylock(large)).digest("hex");
    expect(readFileSync(dpl).equals(encodeDpl(large, { pylockSha256, inputs: [] }))).toBe(true);
  });
});

describe("freshness", () => {
  test("nothing there", async () => {
    expect(freshness(folder)).toEqual({ state: "missing" });
    expect(await readLock(folder)).toBeUndefined();
    expect(openFreshDpl(folder)).toBeUndefined();
  });

  test("an input that changed, appeared or went is named", async () => {
    await write();
    writeFileSync(join(folder, "pyproject.toml"), "[project]\nname = 'a'\n");
    writeFileSync(join(folder, "uv.toml"), "");
    const found = freshness(folder);
    expect(found).toMatchObject({ state: "inputs-changed", changed: ["pyproject.toml", "uv.toml"] });
    expect(openFreshDpl(folder)).toBeUndefined();
    rmSync(join(folder, "uv.toml"));
    expect(freshness(folder)).toMatchObject({ changed: ["pyproject.toml"] });
    rmSync(join(folder, "pyproject.toml"));
    expect((await readLock(folder))?.changed).toEqual(["pyproject.toml"]);
  });

  test("a text that came from elsewhere is compiled, and stays unconfirmed until someone confirms it", async () => {
    await write();
    writeFileSync(text, formatPylock(other));
    expect(freshness(folder)).toEqual({ state: "text-changed" });
    expect(openFreshDpl(folder)).toBeUndefined();
    const read = (await readLock(folder))!;
    expect(read).toMatchObject({ state: "unconfirmed", recompiled: true });
    expect(read.lock).toEqual(other);
    expect(await readLock(folder)).toMatchObject({ state: "unconfirmed", recompiled: false });
    expect(openFreshDpl(folder)).toBeUndefined();
    await confirmInputs(folder, read, ["pyproject.toml"]);
    expect(freshness(folder).state).toBe("fresh");
    expect(openFreshDpl(folder)?.header.packages).toBe(other.packages.length);
  });

  test("a missing DPL is compiled from the text", async () => {
    await write();
    rmSync(dpl);
    expect(freshness(folder)).toEqual({ state: "text-changed" });
    expect((await readLock(folder))?.lock).toEqual(lock);
    expect(existsSync(dpl)).toBe(true);
  });

  test("a missing text is no matter, and can be had back", async () => {
    await write();
    const before = readFileSync(text, "utf8");
    rmSync(text);
    expect(freshness(folder).state).toBe("fresh");
    expect(openFreshDpl(folder)).toBeDefined();
    expect((await readLock(folder))?.lock).toEqual(lock);
    expect(restoreText(folder)).toBe(true);
    expect(readFileSync(text, "utf8")).toBe(before);
    expect(restoreText(folder)).toBe(false);
  });

  test("the stamp changes with every file, and there is none while a file is too young to trust", async () => {
    await write();
    const open = openFreshDpl(folder)!;
    expect(freshnessStamp(folder, open)).toBeUndefined();
    const later = Date.now() + 10_000;
    const stamp = () => freshnessStamp(folder, open, later);
    const before = stamp();
    expect(before).toBeString();
    expect(stamp()).toBe(before!);
    for (const path of [text, dpl, join(folder, "pyproject.toml"), join(folder, "uv.toml")]) {
      const was = stamp();
      writeFileSync(path, "changed");
      expect(stamp()).not.toBe(was!);
    }
    open.close();
  });
});

describe("damage", () => {
  const damages: [string, (bytes: Uint8Array) => Uint8Array][] = [
    ["wrong magic", (bytes) => bytes.fill(0, 0, 4)],
    ["cut", (bytes) => bytes.subarray(0, bytes.length - 7)],
    ["empty", () => new Uint8Array()],
    [
      "a changed byte in an entry",
      (bytes) => bytes.fill(bytes.at(-9)! ^ 1, bytes.length - 9, bytes.length - 8),
    ],
  ];

  test.each(damages)("a DPL with %s is compiled again, with a warning", async (_, damage) => {
    await write();
    writeFileSync(dpl, damage(new Uint8Array(readFileSync(dpl))));
    const warnings: string[] = [];
    const read = await readLock(folder, { report: (warning) => warnings.push(warning) });
    expect(read?.lock).toEqual(lock);
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain("compiled again from pylock.toml");
    expect(freshness(folder).state).toBe("unconfirmed");
  });

  test.each(damages)("a DPL with %s and no text is a failure", async (_, damage) => {
    await write();
    rmSync(text);
    writeFileSync(dpl, damage(new Uint8Array(readFileSync(dpl))));
    expect(await codeOf(readLock(folder))).toMatch(/^DXPY_DPL_/);
  });

  test("both damaged is one failure that tells of both", async () => {
    await write();
    writeFileSync(dpl, "no lock");
    writeFileSync(text, "= 1");
    expect(await codeOf(readLock(folder))).toBe("DXPY_LOCK_DAMAGED");
    rmSync(dpl);
    expect(await codeOf(readLock(folder))).toBe("DXPY_BAD_TOML");
  });

  test("an unfinished merge is a state of its own", async () => {
    await write();
    const ours = readFileSync(text, "utf8");
    writeFileSync(text, `${ours}<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> them\n`);
    const found = freshness(folder);
    expect(found.state === "conflict" && found.conflict?.theirs).toBe(`${ours}x = 2\n`);
    expect(await codeOf(readLock(folder))).toBe("DXPY_LOCK_CONFLICT");
    expect(openFreshDpl(folder)).toBeUndefined();
  });

  test.skipIf(process.getuid?.() === 0)("a read-only checkout is served from memory", async () => {
    await write();
    rmSync(dpl);
    chmodSync(folder, 0o555);
    try {
      const warnings: string[] = [];
      const read = await readLock(folder, { report: (warning) => warnings.push(warning) });
      expect(read?.lock).toEqual(lock);
      expect(warnings[0]).toContain("could not be written");
    } finally {
      chmodSync(folder, 0o755);
    }
  });
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error.code;
  throw error ?? new Error("nothing was thrown");
}
