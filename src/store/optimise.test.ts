import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { makeWheel } from "../../test/make-wheel.ts";
import { homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { removeObjects } from "./collect.ts";
import { unpackWheel } from "./ingest.ts";
import { optimiseStore, removeUnusedLinks } from "./optimise.ts";
import { openStore } from "./store.ts";

const home = () => homeFolders({ DX_PY_HOME: mkdtempSync(`${tmpdir()}/dxpy-optimise-`) });

/** Ten versions of a package: one large file never changes, one always does. */
async function tenVersions(into: ReturnType<typeof home>): Promise<string[]> {
  const hashes: string[] = [];
  for (let i = 0; i < 10; i += 1) {
    const { filename, bytes } = makeWheel({
      name: "grows",
      version: `1.${i}`,
      modules: {
        "grows/__init__.py": `version = ${i}\n`,
        "grows/tables.py": "table = 1\n".repeat(10_000),
        "grows/empty.py": "",
      },
    });
    hashes.push((await unpackWheel({ bytes, filename, home: into })).outputHash);
  }
  return hashes;
}

test("ten versions of a package keep once what did not change", async () => {
  const place = home();
  try {
    const hashes = await tenVersions(place);
    const store = openStore(place);
    const tables = (hash: string) => `${store.objectPath(hash)}/lib/grows/tables.py`;
    const size = statSync(tables(hashes[0]!)).size;
    const result = await optimiseStore(place);
    expect(result).toMatchObject({ objects: 10, damaged: 0 });
    // Nine copies of the table, and of WHEEL.
    expect(result.saved).toBeGreaterThanOrEqual(9 * size);
    expect(new Set(hashes.map((hash) => statSync(tables(hash)).ino)).size).toBe(1);
    for (const hash of hashes) expect((await store.verify(hash)).faults).toEqual([]);
    expect(await optimiseStore(place)).toMatchObject({ linked: 0, saved: 0 });

    // Links of contents that nobody has any more go with their last object.
    await removeObjects(place, hashes.slice(1));
    expect(removeUnusedLinks(place)).toBeGreaterThan(0);
    expect((await store.verify(hashes[0]!)).faults).toEqual([]);
    await removeObjects(place, hashes.slice(0, 1));
    removeUnusedLinks(place);
    expect(Bun.spawnSync(["find", `${place.store}/links`, "-type", "f"]).stdout.toString()).toBe("");
  } finally {
    removeTree(place.root);
  }
});

test("only of what has just come in: the next version finds the files of the ones before", async () => {
  const place = home();
  try {
    const hashes = await tenVersions(place);
    await optimiseStore(place, { hashes: hashes.slice(0, 1) });
    const { linked } = await optimiseStore(place, { hashes: hashes.slice(9) });
    expect(linked).toBe(2);
    expect(statSync(`${openStore(place).objectPath(hashes[5]!)}/lib/grows/tables.py`).nlink).toBe(1);
  } finally {
    removeTree(place.root);
  }
});

test("a damaged file is not spread, and a good one takes its place", async () => {
  const place = home();
  try {
    await tenVersions(place);
    const store = openStore(place);
    // In the order in which they are looked at.
    const hashes = store.list();
    const [first = "", second = ""] = hashes.map((hash) => `${store.objectPath(hash)}/lib/grows/tables.py`);
    const damage = (path: string) => {
      chmodSync(path, 0o644);
      writeFileSync(path, "table = 2\n".repeat(10_000));
      chmodSync(path, 0o444);
    };
    damage(first);
    const result = await optimiseStore(place);
    expect(result.damaged).toBe(1);
    expect((await store.verify(hashes[0]!)).ok).toBe(false);
    for (const hash of hashes.slice(1)) expect((await store.verify(hash)).faults).toEqual([]);
    // Once its content has a good name, the next look mends it.
    await optimiseStore(place);
    expect((await store.verify(hashes[0]!)).faults).toEqual([]);
    // Damage behind a name is found before the name is used again.
    damage(second);
    expect((await optimiseStore(place)).linked).toBe(0);
    expect(existsSync(second)).toBe(true);
  } finally {
    removeTree(place.root);
  }
});
