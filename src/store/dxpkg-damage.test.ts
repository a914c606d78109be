import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { makeWheel } from "../../test/make-wheel.ts";
import { blake3Hex } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import { homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { findFile, readHeader, readManifest, readMetadata } from "./dxpkg-reader.ts";
import { encodePackage } from "./dxpkg-writer.ts";
import { unpackWheel } from "./ingest.ts";
import { encodeManifest, type ManifestEntry } from "./manifest.ts";
import { packObject } from "./pack.ts";
import type { PackageObject } from "./package-object.ts";
import { openStore, type StoredPackage } from "./store.ts";
import { indexPath } from "./store-level.ts";
import { PLAIN_OBJECT } from "./testing/plain-object.ts";

/** Every damage that one byte can do, and every length that a file may be cut to; and packages of many files. */

const folder = mkdtempSync(`${tmpdir()}/dxpy-dxpkg-damage-`);
afterAll(() => removeTree(folder));

const WHEEL = makeWheel({
  name: "tiny",
  modules: { "tiny/__init__.py": "answer = 42\n", "tiny/é.txt": "text" },
  entryPoints: { tiny: "tiny:main" },
});

async function tinyObject(name: string) {
  const home = homeFolders({ DX_PY_HOME: `${folder}/${name}` });
  const { outputHash } = await unpackWheel({ ...WHEEL, home });
  return { home, store: openStore(home), outputHash, path: indexPath(home.store, outputHash) };
}

/** As the store does it: the header is believed when the checksum over it and the metadata is right. */
function open(bytes: Uint8Array) {
  const header = readHeader(bytes, bytes.length, "p");
  return { header, object: readMetadata(bytes, header, "p") };
}

/** Asks everything that can be asked; each answer is right, or a failure that names the file. Counts both. */
function ask(bytes: Uint8Array, right: Answers, counts: { right: number; refused: number }): void {
  const questions: [() => unknown, unknown][] = [
    [() => open(bytes).object, right.object],
    [() => readManifest(bytes, open(bytes).header, "p"), right.entries],
    ...[...right.entries.map(({ path }) => path), "lib/absent.py"].map((path): [() => unknown, unknown] => [
      () => {
        const found = findFile(bytes, open(bytes).header, path, "p");
        return found === undefined ? undefined : { ...found, blake3: found.blake3.toHex() };
      },
      right.found.get(path),
    ]),
  ];
  for (const [question, answer] of questions) {
    let said: unknown;
    try {
      said = question();
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "DXPY_BAD_PACKAGE" || !error.message.startsWith("p "))
        throw error;
      counts.refused += 1;
      continue;
    }
    if (!Bun.deepEquals(said, answer)) throw new Error(`a wrong answer: ${JSON.stringify(said)}`);
    counts.right += 1;
  }
}

interface Answers {
  object: PackageObject;
  entries: ManifestEntry[];
  found: Map<string, unknown>;
}

function answersOf(bytes: Uint8Array): Answers {
  const header = readHeader(bytes, bytes.length, "p");
  const entries = readManifest(bytes, header, "p");
  return {
    object: readMetadata(bytes, header, "p"),
    entries,
    found: new Map(
      entries.map(({ path }) => {
        const found = findFile(bytes, header, path, "p");
        return [path, found === undefined ? undefined : { ...found, blake3: found.blake3.toHex() }];
      }),
    ),
  };
}

for (const packed of [false, true]) {
  test(`every change of one byte, and every truncation, of a ${packed ? "packed" : "plain"} .dxpkg: a failure or the right answer`, async () => {
    const { store, outputHash, path } = await tinyObject(`bytes-${packed}`);
    const file = `${folder}/packed-${packed}.dxpkg`;
    if (packed) packObject(store, outputHash, file);
    const bytes = new Uint8Array(readFileSync(packed ? file : path));
    const right = answersOf(bytes);
    const changes = { right: 0, refused: 0 };
    const masks = Array.from({ length: 8 }, (_, bit) => 1 << bit).concat(0xff, 0x55);
    const damaged = bytes.slice();
    for (let at = 0; at < bytes.length; at += 1) {
      for (const mask of masks) {
        damaged[at] = (bytes[at] as number) ^ mask;
        ask(damaged, right, changes);
      }
      damaged[at] = bytes[at] as number;
    }
    const cuts = { right: 0, refused: 0 };
    for (let length = 0; length < bytes.length; length += 1) ask(bytes.subarray(0, length), right, cuts);
    console.log(
      `.dxpkg ${packed ? "packed" : "plain"}, ${bytes.length} bytes: ${bytes.length * masks.length} changes, ` +
        `${changes.right} answers right, ${changes.refused} refused; ${bytes.length} truncations, ${cuts.right} right, ${cuts.refused} refused`,
    );
    expect(changes.refused).toBeGreaterThan(0);
    expect(cuts.right).toBe(0);
  });
}

test("a content that changed, tree or packed, is named by verification, whichever byte it is", async () => {
  const { store, outputHash } = await tinyObject("contents");
  const stored = store.open(outputHash);
  const paths = [...stored.manifest()].filter(({ size }) => size > 0).map(({ path }) => path);
  const { treePath } = stored;
  stored.close();
  let changes = 0;
  for (const path of paths) {
    const place = `${treePath}/${path}`;
    const content = new Uint8Array(readFileSync(place));
    chmodSync(place, 0o644);
    for (let at = 0; at < content.length; at += 7) {
      const changed = content.slice();
      changed[at] = (content[at] as number) ^ 0x20;
      writeFileSync(place, changed);
      expect((await store.verify(outputHash)).changed).toEqual([path]);
      changes += 1;
    }
    writeFileSync(place, content);
    chmodSync(place, 0o444);
  }
  console.log(`contents: ${changes} changes, each named`);
  expect((await store.verify(outputHash)).ok).toBe(true);
});

test("65,000 files in a package, empty and huge ones among them: write then read is the identity, and each is found", () => {
  const count = 65_000;
  const list = Array.from({ length: count }, (_, i): ManifestEntry => {
    const hash = new Uint8Array(32);
    new DataView(hash.buffer).setUint32(0, i);
    return {
      path: `lib/${i % 3 === 0 ? "größer" : "d"}${i % 251}/file-${i}.py`,
      executable: i % 5 === 0,
      size: i % 11 === 0 ? 0 : i % 1009 === 0 ? 2 ** 40 + i : i,
      blake3: hash,
    };
  });
  const manifest = encodeManifest(list);
  const object = { ...BARE, outputHash: blake3Hex(manifest.bytes), files: count };
  const { bytes } = encodePackage(object, manifest, false);
  expect(encodePackage(object, encodeManifest([...list].reverse()), false).bytes).toEqual(bytes);
  const header = readHeader(bytes, bytes.length, "p");
  expect(readMetadata(bytes, header, "p")).toEqual(object);
  const read = readManifest(bytes, header, "p");
  expect(Bun.deepEquals(read, manifest.entries)).toBe(true);
  let found = 0;
  for (const { path, size, executable } of list) {
    const one = findFile(bytes, header, path, "p");
    if (one?.size === size && one.executable === executable) found += 1;
  }
  expect(found).toBe(count);
  expect(findFile(bytes, header, "lib/d1/file-1.pyc", "p")).toBeUndefined();
  console.log(`.dxpkg of ${count} files: ${bytes.length} bytes, ${found} found`);
});

const BARE: Omit<PackageObject, "outputHash"> = {
  name: "many",
  version: "1",
  distInfo: "many-1.dist-info",
  ...PLAIN_OBJECT,
  files: 0,
  bytes: 0,
};

test("bytes touched by a lookup do not grow with the number of files", () => {
  const touchedOf = (count: number): number => {
    const list = Array.from(
      { length: count },
      (_, i): ManifestEntry => ({
        path: `lib/package/module_${String(i).padStart(6, "0")}.py`,
        executable: false,
        size: 1,
        blake3: new Uint8Array(32),
      }),
    );
    const manifest = encodeManifest(list);
    const { bytes } = encodePackage(
      { ...BARE, outputHash: blake3Hex(manifest.bytes), files: count },
      manifest,
      false,
    );
    const header = readHeader(bytes, bytes.length, "p");
    // Everything that a lookup does not need is destroyed: a lookup that looked at it would fail.
    const wanted = list[count >> 1] as ManifestEntry;
    const whole = findFile(bytes, header, wanted.path, "p");
    let touched = 0;
    for (let from = header.manifestAt + 12; from < bytes.length; from += Math.ceil(bytes.length / 400)) {
      const to = Math.min(bytes.length, from + Math.ceil(bytes.length / 400));
      const saved = bytes.slice(from, to);
      bytes.fill(0xee, from, to);
      try {
        expect(findFile(bytes, header, wanted.path, "p")).toEqual(whole as never);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        touched += 1;
      }
      bytes.set(saved, from);
    }
    return touched;
  };
  // Of 400 pieces: one of the manifest, one of the index, one or two of the slots (each may lie across an edge).
  for (const count of [1000, 10_000]) expect(touchedOf(count)).toBeLessThanOrEqual(8);
});

test("through the store, a damaged .dxpkg is a failure with a hint, in every use of it", async () => {
  const { store, outputHash, path } = await tinyObject("through");
  const bytes = readFileSync(path);
  const uses: ((stored: StoredPackage) => unknown)[] = [
    (stored) => stored.file("lib/tiny/__init__.py"),
    (stored) => [...stored.manifest()],
    (stored) => stored.has("lib/absent"),
  ];
  chmodSync(path, 0o644);
  writeFileSync(path, bytes.fill(0xee, bytes.length - 200));
  for (const use of uses) {
    const stored = store.open(outputHash);
    try {
      use(stored);
      throw new Error("no failure");
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      expect(error.code).toBe("DXPY_BAD_PACKAGE");
      expect(error.hint).toContain("Remove this file");
    } finally {
      stored.close();
    }
  }
});
