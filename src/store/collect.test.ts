import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { makeWheel } from "../../test/make-wheel.ts";
import { homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { cleanStore, removeObjects, removeUnfinishedLocked } from "./collect.ts";
import { readDrvOut, readDrvOutNotes, writeDrvOut } from "./drv-out.ts";
import { unpackWheel } from "./ingest.ts";
import { openStore } from "./store.ts";
import { treePath } from "./store-level.ts";
import { tryHoldStore, whileInstalling } from "./store-lock.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-collect-`);
afterAll(() => removeTree(folder));
const build = (digit: string) => digit.repeat(64);

async function filled(name: string) {
  const home = homeFolders({ DX_PY_HOME: `${folder}/${name}` });
  const one = await unpackWheel({ ...makeWheel({ name: "one" }), home });
  const two = await unpackWheel({ ...makeWheel({ name: "two" }), home });
  writeDrvOut(home, build("1"), one.outputHash);
  writeDrvOut(home, build("2"), two.outputHash, { how: "built\nhere" });
  return { home, store: openStore(home), one, two };
}

test("drv-out: written, read, replaced; damage is as good as nothing", async () => {
  const { home, one, two } = await filled("drv-out");
  expect(readDrvOut(home, build("1"))).toBe(one.outputHash);
  expect(readDrvOutNotes(home.store, build("2"))).toEqual({
    outputHash: two.outputHash,
    notes: { how: "built here" },
  });
  expect(readDrvOut(home, build("3"))).toBeUndefined();
  writeFileSync(`${home.store}/drv-out/${build("3")}`, `${one.outputHash}`);
  expect(readDrvOut(home, build("3"))).toBeUndefined();
  writeDrvOut(home, build("3"), two.outputHash);
  expect(readDrvOut(home, build("3"))).toBe(two.outputHash);
  expect(() => readDrvOut(home, "../x")).toThrow("is not a hash of the store");
});

test("removing takes the object, its tree and what leads to it, and nothing else", async () => {
  const { home, store, one, two } = await filled("remove");
  const removed = await removeObjects(home, [one.outputHash, build("9")]);
  expect(removed.objects).toBe(1);
  expect(removed.bytes).toBeGreaterThan(one.object.bytes);
  expect(store.list()).toEqual([two.outputHash]);
  expect(existsSync(treePath(home.store, one.outputHash))).toBe(false);
  expect(existsSync(`${treePath(home.store, two.outputHash)}/dist-info`)).toBe(true);
  expect(readDrvOut(home, build("1"))).toBeUndefined();
  expect(readDrvOut(home, build("2"))).toBe(two.outputHash);
  await expect(removeObjects(home, ["../../x"])).rejects.toThrow("is not a hash of the store");
});

test("cleaning empties the store", async () => {
  const { home, store } = await filled("clean");
  const removed = await cleanStore(home);
  expect(removed.objects).toBe(2);
  expect(store.list()).toEqual([]);
  expect(readdirSync(home.store)).toEqual(["lock"]);
  expect((await cleanStore(home)).objects).toBe(0);
});

test("who collects waits until those who install are done", async () => {
  const { home, store } = await filled("waits");
  const installing = Promise.withResolvers<void>();
  const events: string[] = [];
  const install = whileInstalling(home, async () => {
    await installing.promise;
    events.push(`installed with ${store.list().length}`);
  });
  const clean = cleanStore(home).then(() => events.push("cleaned"));
  await Bun.sleep(30);
  const also = tryHoldStore(home);
  expect(also).toBeDefined();
  also?.release();
  installing.resolve();
  await Promise.all([install, clean]);
  expect(events).toEqual(["installed with 2", "cleaned"]);
});

test("trees without their .dxpkg are removed", async () => {
  const { home, store, one } = await filled("unfinished");
  const stray = build("a");
  mkdirSync(`${treePath(home.store, stray)}/dist-info`, { recursive: true });
  // What another version keeps beside a tree goes with it, and stays where its package does.
  const beside = `${treePath(home.store, stray)}.dist-info`;
  const kept = `${treePath(home.store, one.outputHash)}.dist-info`;
  for (const path of [beside, kept]) mkdirSync(path);
  expect(removeUnfinishedLocked(home)).toBe(1);
  expect([existsSync(treePath(home.store, stray)), existsSync(beside), existsSync(kept)]).toEqual([
    false,
    false,
    true,
  ]);
  expect((await store.verify(one.outputHash)).ok).toBe(true);
});
