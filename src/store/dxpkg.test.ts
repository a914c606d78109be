import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { makeWheel } from "../../test/make-wheel.ts";
import { blake3Bytes, blake3Hex } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import { homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { takeAway } from "../platform/testing/closed-folders.ts";
import { findFile, manifestBytes, readHeader, readMetadata } from "./dxpkg-reader.ts";
import { encodePackage } from "./dxpkg-writer.ts";
import { unpackWheel } from "./ingest.ts";
import { decodeManifest, encodeManifest, type ManifestEntry } from "./manifest.ts";
import { unpackPacked } from "./pack.ts";
import type { PackageObject } from "./package-object.ts";
import { openStore } from "./store.ts";
import { indexPath } from "./store-level.ts";
import { PLAIN_OBJECT } from "./testing/plain-object.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-dxpkg-`);
afterAll(() => removeTree(folder));

const name = fc.stringMatching(/^[a-zäßλ][a-z0-9_]{0,6}$/);
const entry = fc.record({
  path: fc
    .tuple(fc.constantFrom("lib", "scripts", "data", "headers"), fc.constantFrom("", "d1/", "d2/d3/"), name)
    .map(([a, b, c]) => `${a}/${b}${c}`),
  executable: fc.boolean(),
  size: fc.nat(500),
  blake3: fc.uint8Array({ minLength: 32, maxLength: 32 }),
});
const entries = fc
  .uniqueArray(entry, { maxLength: 40, selector: ({ path }) => path.normalize("NFC") })
  // No name is that of a file and of a folder.
  .map((list) => list.filter(({ path }) => !list.some((other) => other.path.startsWith(`${path}/`))));
const object: fc.Arbitrary<Omit<PackageObject, "outputHash">> = fc.record({
  name: fc.string(),
  version: fc.string(),
  distInfo: fc.string(),
  rootIsPurelib: fc.boolean(),
  topLevel: fc.array(fc.record({ name, isDirectory: fc.boolean(), namespace: fc.boolean() }), {
    maxLength: 3,
  }),
  scripts: fc.array(fc.record({ name: fc.string(), shebang: fc.constantFrom("python", "pythonw", "none") }), {
    maxLength: 3,
  }),
  entryPoints: fc.array(
    fc.record({
      group: fc.constantFrom("console_scripts", "gui_scripts"),
      name,
      module: fc.string(),
      attribute: fc.string(),
      extras: fc.array(fc.string(), { maxLength: 2 }),
    }),
    { maxLength: 3 },
  ),
  hasData: fc.boolean(),
  hasHeaders: fc.boolean(),
  realPaths: fc.boolean(),
  hasPth: fc.boolean(),
  plainRecord: fc.boolean(),
  files: fc.nat(),
  bytes: fc.maxSafeNat(),
});

function encode(list: readonly ManifestEntry[], rest: Omit<PackageObject, "outputHash">, packed: boolean) {
  const manifest = encodeManifest(list);
  const whole = { ...rest, outputHash: blake3Hex(manifest.bytes) };
  const { bytes, totalSize, dataOffsets } = encodePackage(whole, manifest, packed);
  const file = new Uint8Array(totalSize);
  file.set(bytes);
  return { file, whole, manifest, dataOffsets };
}

test("write then read is the identity, packed or not; every path is found", () => {
  fc.assert(
    fc.property(entries, object, fc.boolean(), (list, rest, packed) => {
      const { file, whole, manifest, dataOffsets } = encode(list, rest, packed);
      const header = readHeader(file, file.length, "p");
      expect(header.packed).toBe(packed);
      expect(readMetadata(file, header, "p")).toEqual(whole);
      expect(decodeManifest(manifestBytes(file, header, "p"))).toEqual(manifest);
      manifest.entries.forEach(({ path, size, executable, blake3 }, i) => {
        expect(findFile(file, header, path, "p")).toEqual({
          size,
          executable,
          blake3,
          dataAt: dataOffsets[i] ?? 0,
        });
        expect(findFile(file, header, `${path}x/`, "p")).toBeUndefined();
      });
    }),
    { numRuns: 200 },
  );
});

test("the order of the entries does not matter", () => {
  fc.assert(
    fc.property(entries, (list) => {
      expect(encodeManifest([...list].reverse()).bytes).toEqual(encodeManifest(list).bytes);
    }),
  );
});

/** Reads all that can be read. */
function readAll(file: Uint8Array) {
  const header = readHeader(file, file.length, "p");
  const read = readMetadata(file, header, "p");
  const list = decodeManifest(manifestBytes(file, header, "p"));
  findFile(file, header, "lib/a", "p");
  if (typeof list === "string") return { list, read };
  for (const { path } of list.entries) findFile(file, header, path, "p");
  return { list, read };
}

test("damage anywhere: an error with a code, or the same metadata; never a crash, never a read outside", () => {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(
      entries,
      object,
      fc.boolean(),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.nat(),
      (list, rest, packed, changes, cut) => {
        const { file, whole } = encode(list, rest, packed);
        const damaged = cut % 3 === 0 ? file.slice(0, cut % file.length) : file.slice();
        for (const [at, value] of changes) if (damaged.length > 0) damaged[at % damaged.length] = value;
        try {
          expect(readAll(damaged).read).toEqual(whole);
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          expect(error.code).toBe("DXPY_BAD_PACKAGE");
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test("what is not a .dxpkg, of another version, or has flags from later, says so", () => {
  const { file } = encode([], { ...bare, files: 0, bytes: 0 }, false);
  const fault = (change: (bytes: Uint8Array) => void) => {
    const copy = file.slice();
    change(copy);
    try {
      readAll(copy);
      return "none";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(fault(() => {})).toBe("none");
  expect(fault((b) => b.set([0x50, 0x4b]))).toBe("p cannot be read: it does not begin with “DXPK”");
  expect(fault((b) => b.set([2], 4))).toBe(
    "p cannot be read: it is of version 2, this dx-py reads version 1",
  );
  expect(fault((b) => b.set([2], 6))).toBe(
    "p cannot be read: it has flags that this dx-py does not know (2)",
  );
  expect(fault((b) => b.set([9], 8))).toBe(
    `p cannot be read: it is ${file.length} bytes long and should be ${(file.length & ~0xff) + 9}`,
  );
  expect(fault((b) => b.set([1], 100))).toBe("p cannot be read: its header is damaged");
  expect(fault((b) => b.set([1], 130))).toContain("the checksum is wrong");
  expect(() => readHeader(file.subarray(0, 50), 50, "p")).toThrow("it is shorter than a header");
});

const bare: Omit<PackageObject, "outputHash"> = {
  name: "x",
  version: "1",
  distInfo: "x-1.dist-info",
  ...PLAIN_OBJECT,
  files: 1,
  bytes: 1,
};

test("a manifest of somebody else: order, places and paths are checked", () => {
  const file = (path: string): ManifestEntry => ({
    path,
    executable: false,
    size: 0,
    blake3: new Uint8Array(32),
  });
  const fault = (...paths: string[]) => decodeManifest(encodeManifest(paths.map(file)).bytes);
  expect(fault("lib/../x")).toBe('"lib/../x" climbs out of the archive with “..”');
  expect(fault("/lib/x")).toBe('"/lib/x" is an absolute path');
  expect(fault("bin/x")).toBe('"bin/x" is not in lib/, scripts/, headers/ or data/');
  expect(fault("lib")).toBe('"lib" is not in lib/, scripts/, headers/ or data/');
  expect(fault("lib/a", "lib/a")).toBe("its manifest is not sorted");
  expect(fault("lib/a", "lib/a/b")).toBe('"lib/a/b" is both a file and a folder');
  const bytes = encodeManifest([file("lib/a")]).bytes;
  expect(decodeManifest(bytes.subarray(0, -1))).toBe("entry 1 of its manifest is damaged");
  expect(decodeManifest(new Uint8Array([...bytes, 0]))).toBe("its manifest has more in it than files");
});

test("a packed file of somebody else is checked whole before anything is added", async () => {
  const home = homeFolders({ DX_PY_HOME: `${folder}/receiver` });
  const list: ManifestEntry[] = [
    { path: "lib/evil/x", executable: false, size: 1, blake3: blake3Bytes("x") },
  ];
  const { file, whole } = encode(list, bare, true);
  file[file.length - 1] = 0x78;
  const receive = (bytes: Uint8Array, outputHash = whole.outputHash) =>
    unpackPacked({ bytes, outputHash, home, source: "cache" });
  await expect(receive(file)).rejects.toThrow("cache does not have exactly one .dist-info folder");
  await expect(receive(encode(list, bare, false).file)).rejects.toThrow("the files are not in it");
  await expect(receive(new Uint8Array(7))).rejects.toThrow(
    "cache cannot be read: it is shorter than a header",
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(255), async (at, value) => {
      const damaged = file.slice();
      damaged[at % file.length] = value;
      await expect(receive(damaged)).rejects.toBeInstanceOf(Failure);
    }),
    { numRuns: 100 },
  );
  expect(openStore(home).list()).toEqual([]);
});

test("the example of docs/formats/dxpkg.md is what the code writes", async () => {
  const home = homeFolders({ DX_PY_HOME: `${folder}/example` });
  const wheel = makeWheel({ name: "tiny", modules: { "tiny.py": "answer = 42\n" } });
  const { outputHash } = await unpackWheel({ ...wheel, home });
  const path = indexPath(home.store, outputHash);
  const dump = `\`\`\`\n${hexDump(new Uint8Array(readFileSync(path)))}\n\`\`\``;
  const page = `${import.meta.dir}/../../docs/formats/dxpkg.md`;
  const text = readFileSync(page, "utf8");
  const [, shown] = /<!-- example -->\n([\s\S]*?)\n?<!-- \/example -->/.exec(text) ?? [];
  if (process.env["DX_PY_WRITE_EXAMPLES"] === "1") {
    writeFileSync(
      page,
      text.replace(
        /<!-- example -->[\s\S]*<!-- \/example -->/,
        () => `<!-- example -->\n${dump}\n<!-- /example -->`,
      ),
    );
  } else {
    expect(shown).toBe(dump);
  }
});

function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = [...row]
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."))
      .join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}

test("verification finds a missing file, a changed one, a lost execute bit, a damaged index; bytecode is nobody's damage", async () => {
  const home = homeFolders({ DX_PY_HOME: `${folder}/verify` });
  const store = openStore(home);
  const wheel = makeWheel({
    name: "checked",
    modules: { "a.py": "1", "b.py": "2", "c/__init__.py": "3", "c/__pycache__/d.pyc": "old" },
    scripts: { run: "#!python\n" },
  });
  const { outputHash } = await unpackWheel({ ...wheel, home });
  const tree = store.objectPath(outputHash);
  expect(await store.verify(outputHash)).toMatchObject({ ok: true, missing: [], changed: [], wrongMode: [] });
  rmSync(`${tree}/lib/c/__pycache__/d.pyc`);
  writeFileSync(`${tree}/lib/c/__pycache__/d.pyc`, "new bytecode");
  writeFileSync(`${tree}/lib/c/__pycache__/e.cpython-312.pyc`, "more");
  expect((await store.verify(outputHash)).ok).toBe(true);
  takeAway(`${tree}/lib/a.py`);
  chmodSync(`${tree}/lib/b.py`, 0o644);
  writeFileSync(`${tree}/lib/b.py`, "X");
  chmodSync(`${tree}/scripts/run`, 0o444);
  expect(await store.verify(outputHash)).toMatchObject({
    ok: false,
    missing: ["lib/a.py"],
    changed: ["lib/b.py"],
    wrongMode: ["scripts/run"],
  });
  const path = indexPath(home.store, outputHash);
  const bytes = new Uint8Array(readFileSync(path));
  bytes[bytes.length - 4] = 0xff - bytes[bytes.length - 4]!;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
  expect((await store.verify(outputHash)).faults).toContain("its index is damaged");
  writeFileSync(path, "");
  expect((await store.verify(outputHash)).faults[0]).toContain("it is shorter than a header");
  expect(() => store.readPackageObject(outputHash)).toThrow("it is shorter than a header");
});
