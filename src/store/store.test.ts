import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { makeWheel } from "../../test/make-wheel.ts";
import { blake3Hex } from "../platform/blake3.ts";
import type { Failure } from "../platform/errors.ts";
import { homeFolders } from "../platform/home.ts";
import { startProcess } from "../platform/process.ts";
import { removeTree } from "../platform/staging.ts";
import { unpackWheel } from "./ingest.ts";
import { packedPieces, packedSize, packObject, unpackPacked } from "./pack.ts";
import { openStore } from "./store.ts";
import { indexPath, treePath } from "./store-level.ts";

/** The requirements of the store, S1 to S10, each by a test of its name. */
const folder = mkdtempSync(`${tmpdir()}/dxpy-store-`);
const home = homeFolders({ DX_PY_HOME: `${folder}/home` });
const store = openStore(home);
afterAll(() => removeTree(folder));

const modules: Record<string, string> = { "demo/__init__.py": "x = 1\n", "demo/data.txt": "some data\n" };
for (let i = 0; i < 200; i += 1) modules[`demo/m${i}.py`] = `number = ${i}\n`;
const wheel = makeWheel({
  name: "demo",
  modules,
  entryPoints: { demo: "demo:main" },
  scripts: { tool: "#!python\nprint()\n" },
});
let hash: string;
beforeAll(async () => {
  ({ outputHash: hash } = await unpackWheel({ ...wheel, home }));
});

/** The code of the Failure that `action` throws. */
function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Failure).code;
  }
  return "no failure";
}

test("S1 content-addressed by BLAKE3: the name is the hash of the manifest, the manifest has the hash of each file", async () => {
  const stored = store.open(hash);
  expect(blake3Hex(stored.manifestBytes())).toBe(hash);
  for (const entry of stored.manifest())
    expect(entry.blake3.toHex()).toBe(blake3Hex(stored.file(entry.path)));
  stored.close();
  const other = homeFolders({ DX_PY_HOME: `${folder}/elsewhere` });
  expect((await unpackWheel({ ...wheel, home: other })).outputHash).toBe(hash);
  const changed = makeWheel({ name: "demo", modules: { ...modules, "demo/data.txt": "some datA\n" } });
  expect((await unpackWheel({ ...changed, home: other })).outputHash).not.toBe(hash);
});

describe("S2 and S3", () => {
  test("S2 memory-mapped: what `open` gives is the file's memory, not a copy", () => {
    const stored = store.open(hash);
    const bytes = stored.manifestBytes();
    // A mapping begins at a page and its length is the file's; the manifest is a view into it.
    expect(bytes.buffer.byteLength).toBe(statSync(indexPath(store.root, hash)).size);
    if (process.platform === "linux") {
      expect(readFileSync("/proc/self/maps", "utf8")).toContain(`${hash}.dxpkg`);
    }
    stored.close();
    expect(bytes.length).toBe(0);
  });

  test("S3 reading a file gives a slice of the mapping, no copy", () => {
    const stored = store.open(hash);
    const one = stored.file("lib/demo/data.txt");
    expect(new TextDecoder().decode(one)).toBe("some data\n");
    expect(stored.file("lib/demo/data.txt").buffer).toBe(one.buffer);
    if (process.platform === "linux") {
      expect(readFileSync("/proc/self/maps", "utf8")).toContain(`${hash}/lib/demo/data.txt`);
    }
    stored.close();
  });

  test("S3 in the packed form too: slices of one mapping", () => {
    const packed = homeFolders({ DX_PY_HOME: `${folder}/packed` });
    const place = indexPath(packed.store, hash);
    mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    packObject(store, hash, place);
    const stored = openStore(packed).open(hash);
    expect(stored.packed).toBe(true);
    const one = stored.file("lib/demo/data.txt");
    expect(new TextDecoder().decode(one)).toBe("some data\n");
    expect(one.buffer).toBe(stored.file("lib/demo/m7.py").buffer);
    expect(one.byteOffset % 64).toBe(0);
    stored.close();
  });
});

test("S4 a per-package index of files: each path is found, others are not", () => {
  const stored = store.open(hash);
  for (const path of Object.keys(modules)) {
    expect(stored.has(`lib/${path}`)).toBe(true);
    expect(new TextDecoder().decode(stored.file(`lib/${path}`))).toBe(modules[path] as string);
  }
  expect(stored.has("lib/demo/none.py")).toBe(false);
  expect(stored.has("demo/__init__.py")).toBe(false);
  expect(codeOf(() => stored.file("lib/demo/none.py"))).toBe("DXPY_NO_SUCH_FILE");
  stored.close();
});

test("S5 installing makes symlinks, not copies: the tree is whole, so a link to it is an installation", async () => {
  const site = `${folder}/site`;
  mkdirSync(site);
  for (const { name } of store.readPackageObject(hash).topLevel)
    symlinkSync(`${store.objectPath(hash)}/lib/${name}`, `${site}/${name}`);
  expect(lstatSync(`${site}/demo`).isSymbolicLink()).toBe(true);
  expect(readlinkSync(`${site}/demo`)).toBe(`${treePath(home.store, hash)}/lib/demo`);
  expect(readFileSync(`${site}/demo/data.txt`, "utf8")).toBe("some data\n");
});

test("S6 store/{hash[0:2]}/{hash[2:4]}/{hash}.dxpkg, with the tree beside it, files read-only", () => {
  expect(statSync(`${home.root}/store/${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}.dxpkg`).isFile()).toBe(
    true,
  );
  const tree = `${home.root}/store/${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}`;
  expect(store.objectPath(hash)).toBe(tree);
  // What layouts share is with it (docs/formats/dxpkg.md).
  const links = process.platform === "linux" ? ["@demo", "@demo-1.0.dist-info"] : [];
  const shared = process.platform === "win32" ? [] : ["dist-info"];
  expect(readdirSync(tree).sort()).toEqual([...links, ...shared, "lib", "scripts"]);
  expect(statSync(`${tree}/lib/demo/data.txt`).mode & 0o777).toBe(0o444);
  expect(statSync(`${tree}/scripts/tool`).mode & 0o777).toBe(0o555);
  // What writes through the links of a layout is refused, but for bytecode.
  expect(statSync(`${tree}/lib/demo`).mode & 0o777).toBe(0o555);
  expect(statSync(`${tree}/scripts`).mode & 0o777).toBe(0o555);
  // Root's Python makes the place for it by itself (close-tree.test.ts).
  if (process.getuid?.() !== 0) expect(statSync(`${tree}/lib/demo/__pycache__`).mode & 0o700).toBe(0o700);
});

test("S7 a package that is not there is a proper error", async () => {
  const absent = "0".repeat(64);
  for (const ask of [() => store.open(absent), () => store.readPackageObject(absent)]) {
    expect(codeOf(ask)).toBe("DXPY_NOT_IN_STORE");
  }
  expect(store.has(absent)).toBe(false);
  expect(store.findPackageObject(absent)).toBeUndefined();
  await expect(store.verify(absent)).rejects.toThrow("is not in the store");
  for (const bad of ["", "../../etc/passwd", "AB".repeat(32), `${"0".repeat(64)}/x`]) {
    expect(codeOf(() => store.open(bad))).toBe("DXPY_BAD_HASH");
  }
});

test("S8 concurrent readers and writers in many processes see whole packages only", async () => {
  const shared = homeFolders({ DX_PY_HOME: `${folder}/shared` });
  writeFileSync(`${folder}/${wheel.filename}`, wheel.bytes);
  const script = `
    const { unpackWheel } = await import(${JSON.stringify(`${import.meta.dir}/ingest.ts`)});
    const { openStore } = await import(${JSON.stringify(`${import.meta.dir}/store.ts`)});
    const { homeFolders } = await import(${JSON.stringify(`${import.meta.dir}/../platform/home.ts`)});
    const home = homeFolders({ DX_PY_HOME: ${JSON.stringify(shared.root)} });
    const store = openStore(home);
    const read = () => {
      if (!store.has(${JSON.stringify(hash)})) return;
      const stored = store.open(${JSON.stringify(hash)});
      for (const { path, size } of stored.manifest()) if (stored.file(path).length !== size) throw new Error(path);
      stored.close();
    };
    read();
    const { how } = await unpackWheel({ path: ${JSON.stringify(`${folder}/${wheel.filename}`)}, filename: ${JSON.stringify(wheel.filename)}, home });
    read();
    console.log(how);`;
  const done = await Promise.all(
    Array.from({ length: 6 }, () => startProcess([process.execPath, "-e", script])),
  );
  expect(done.map(({ code, stderr }) => [code, stderr])).toEqual(done.map(() => [0, ""]));
  expect(
    done.map(({ stdout }) => stdout.trim()).filter((how) => how !== "added" && how !== "present"),
  ).toEqual([]);
  expect((await openStore(shared).verify(hash)).ok).toBe(true);
  expect(readdirSync(shared.tmp)).toEqual([]);
});

test("S9 adding verifies BLAKE3: a content that is not that of its hash is refused, and nothing is added", async () => {
  const path = `${folder}/given.dxpkg`;
  packObject(store, hash, path);
  const bytes = new Uint8Array(readFileSync(path));
  const receiver = homeFolders({ DX_PY_HOME: `${folder}/receiver` });
  const at = Buffer.from(bytes).indexOf("some data\n");
  const tampered = bytes.slice();
  tampered[at] = 0x53;
  const receive = (given: Uint8Array, outputHash = hash) =>
    unpackPacked({ bytes: given, outputHash, home: receiver });
  await expect(receive(tampered)).rejects.toThrow("the content of lib/demo/data.txt is not that of its hash");
  await expect(receive(bytes, "1".repeat(64))).rejects.toThrow("it is not the package 1111");
  expect(openStore(receiver).list()).toEqual([]);
  expect((await receive(bytes)).object).toEqual(store.readPackageObject(hash));
  expect((await openStore(receiver).verify(hash)).ok).toBe(true);
  expect(readdirSync(receiver.tmp).length).toBeLessThanOrEqual(2);
});

test("S10 packages are shared across all projects: adding again adds nothing", async () => {
  const before = statSync(treePath(home.store, hash)).ino;
  expect(await unpackWheel({ ...wheel, home })).toMatchObject({ outputHash: hash, how: "present" });
  expect(statSync(treePath(home.store, hash)).ino).toBe(before);
  expect(store.list()).toEqual([hash]);
});

test("the packed form has the same bytes wherever it is made, in pieces or as a file", () => {
  const stored = store.open(hash);
  const pieces = Buffer.concat([...packedPieces(stored)]);
  expect(pieces.length).toBe(packedSize(stored));
  stored.close();
  expect(packObject(store, hash, `${folder}/one.dxpkg`)).toBe(pieces.length);
  expect(Buffer.compare(readFileSync(`${folder}/one.dxpkg`), pieces)).toBe(0);
  const packed = openStore(homeFolders({ DX_PY_HOME: `${folder}/packed` }));
  packObject(packed, hash, `${folder}/two.dxpkg`);
  expect(Buffer.compare(readFileSync(`${folder}/two.dxpkg`), pieces)).toBe(0);
});

test("levels: the user's store first, then the system's", async () => {
  const user = homeFolders({ DX_PY_HOME: `${folder}/user` });
  const both = openStore(user, { system: home.store });
  expect(both.objectPath(hash)).toBe(treePath(home.store, hash));
  expect(both.open(hash).level).toBe(home.store);
  await unpackWheel({ ...wheel, home: user });
  expect(both.objectPath(hash)).toBe(treePath(user.store, hash));
  expect(both.list()).toEqual([hash]);
  expect(openStore(homeFolders({ DX_PY_HOME: `${folder}/none` })).list()).toEqual([]);
});
