import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { makeWheel, nativeStandIn, type WheelSpec } from "../../test/make-wheel.ts";
import { type ZipFile, zipBytes } from "../../test/zip-bytes.ts";
import { Failure } from "../platform/errors.ts";
import { homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { opened, takeAway } from "../platform/testing/closed-folders.ts";
import { craftElf, DT } from "../platform/testing/craft-elf.ts";
import { staged } from "../platform/testing/staged.ts";
import { unpackWheel } from "./ingest.ts";
import { openStore } from "./store.ts";
import { indexPath, treePath } from "./store-level.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-ingest-`);
afterAll(() => removeTree(folder));
let home = homeFolders({ DX_PY_HOME: folder });
let count = 0;
beforeEach(() => {
  count += 1;
  home = homeFolders({ DX_PY_HOME: `${folder}/${count}` });
});

const unpack = (spec: WheelSpec) => unpackWheel({ ...makeWheel(spec), home });
const encoder = new TextEncoder();
const file = (path: string, content = "", mode = 0o644): ZipFile => ({
  path,
  bytes: encoder.encode(content),
  mode,
});

/** A wheel `a-1.0` with these files beside METADATA, WHEEL and RECORD, each of which can be replaced. */
function wheelOf(
  files: ZipFile[],
  replaced: Record<string, string | false> = {},
  distInfo = "a-1.0.dist-info",
) {
  const texts: Record<string, string | false> = {
    METADATA: "Metadata-Version: 2.1\nName: a\nVersion: 1.0\n",
    WHEEL: "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    RECORD: "",
    ...replaced,
  };
  const info = Object.entries(texts).flatMap(([name, text]) =>
    text === false ? [] : [file(`${distInfo}/${name}`, text)],
  );
  return zipBytes([...files, ...info]);
}
const unpackOf = (...args: Parameters<typeof wheelOf>) =>
  unpackWheel({ bytes: wheelOf(...args), filename: "a-1.0-py3-none-any.whl", home });

test("files go where the format says, byte for byte; the object says what there is", async () => {
  const { outputHash, object, how, warnings } = await unpack({
    name: "Some.Name",
    tag: "cp312-cp312-linux_x86_64",
    modules: {
      "some_name/__init__.py": "",
      "some_name/native.so": nativeStandIn(),
      "ns/part/x.py": "y",
      "single.py": "z",
      "a.pth": "",
    },
    scripts: { tool: "#!python\nprint()\n", gui: "#!pythonw -x\n", shell: "#!/bin/sh\n", old: "#!python3\n" },
    data: { "data/share/man/x.1": "man", "headers/h.h": "h", "purelib/pure.py": "p", "platlib/plat.py": "q" },
    entryPoints: { cli: "some_name:main", "with-extra": "some_name.sub:a.b [Extra_One]", none: "some_name" },
    guiScripts: { window: "some_name:gui" },
  });
  expect(how).toBe("added");
  expect(warnings).toEqual([]);
  const tree = treePath(home.store, outputHash);
  expect(readFileSync(`${tree}/scripts/tool`, "utf8")).toBe("#!python\nprint()\n");
  expect(readFileSync(`${tree}/data/share/man/x.1`, "utf8")).toBe("man");
  expect(readFileSync(`${tree}/lib/pure.py`, "utf8") + readFileSync(`${tree}/lib/plat.py`, "utf8")).toBe(
    "pq",
  );
  expect(object).toMatchObject({
    outputHash,
    name: "Some.Name",
    version: "1.0",
    distInfo: "some_name-1.0.dist-info",
    rootIsPurelib: false,
    topLevel: [
      { name: "a.pth", isDirectory: false, namespace: false },
      { name: "ns", isDirectory: true, namespace: true },
      { name: "plat.py", isDirectory: false, namespace: false },
      { name: "pure.py", isDirectory: false, namespace: false },
      { name: "single.py", isDirectory: false, namespace: false },
      { name: "some_name", isDirectory: true, namespace: false },
      { name: "some_name-1.0.dist-info", isDirectory: true, namespace: true },
    ],
    scripts: [
      { name: "gui", shebang: "pythonw" },
      { name: "old", shebang: "none" },
      { name: "shell", shebang: "none" },
      { name: "tool", shebang: "python" },
    ],
    entryPoints: [
      { group: "console_scripts", name: "cli", module: "some_name", attribute: "main", extras: [] },
      { group: "console_scripts", name: "with-extra", module: "some_name.sub", attribute: "a.b" },
      { group: "gui_scripts", name: "window", module: "some_name", attribute: "gui", extras: [] },
    ],
    hasData: true,
    hasHeaders: true,
    hasPth: true,
    plainRecord: false,
    realPaths: false,
  });
  expect(openStore(home).readPackageObject(outputHash)).toEqual(object);
});

test("a RECORD that lists exactly lib/ is plain; its mistakes are warnings", async () => {
  const good = await unpack({ name: "a" });
  expect([good.object.plainRecord, good.warnings]).toEqual([true, []]);
  const record =
    "a/__init__.py,sha256=AAAA,5\na/missing.py,,\na-1.0.dist-info/METADATA,,1\na-1.0.dist-info/RECORD,,\n";
  const bad = await unpack({ name: "a", record });
  expect(bad.object.plainRecord).toBe(false);
  expect(bad.warnings).toEqual([
    '"a/__init__.py" is not what RECORD says',
    '"a-1.0.dist-info/METADATA" is not what RECORD says',
    '"a-1.0.dist-info/WHEEL" is not in RECORD',
    '"a/missing.py" is in RECORD and not in the wheel',
  ]);
});

describe("what is refused, with the store as it was", () => {
  const refused = async (promise: Promise<unknown>, message: string, code = "DXPY_BAD_WHEEL") => {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).message).toContain(message);
    expect((error as Failure).code).toBe(code as Failure["code"]);
    expect(openStore(home).list()).toEqual([]);
    expect(staged(home)).toEqual([]);
  };

  test("a .dist-info that is missing, not alone, or of another name or version", async () => {
    await refused(
      unpackOf([], { METADATA: false, WHEEL: false, RECORD: false }),
      "it has no .dist-info folder",
    );
    await refused(unpackOf([file("b-1.0.dist-info/METADATA")]), "it has more than one .dist-info folder");
    await refused(unpackOf([], {}, "b-1.0.dist-info"), 'its "b-1.0.dist-info" is not that of its file name');
    await refused(unpackOf([], {}, "a-2.0.dist-info"), 'its "a-2.0.dist-info" is not that of its file name');
    await refused(
      unpackOf([], { METADATA: "Metadata-Version: 2.1\nName: b\nVersion: 1.0\n" }),
      'its METADATA is that of "b" "1.0"',
    );
    await refused(
      unpackOf([], { METADATA: "Metadata-Version: 2.1\nName: a\nVersion: 2.0\n" }),
      'its METADATA is that of "a" "2.0"',
    );
  });

  test("files of .dist-info that are missing or of another format", async () => {
    for (const name of ["METADATA", "WHEEL", "RECORD"])
      await refused(unpackOf([], { [name]: false }), `it has no ${name}`);
    await refused(unpackOf([], { WHEEL: "Wheel-Version: 2.0\n" }), "is not 1.x");
  });

  test("a .data folder that the format does not know, and files that would meet", async () => {
    await refused(
      unpackOf([file("a-1.0.data/evil/x")]),
      '"a-1.0.data/evil/x" is not in a folder of .data that the wheel format knows',
    );
    await refused(unpackOf([file("a-1.0.data/__proto__/x")]), "is not in a folder of .data");
    await refused(unpackOf([file("a-1.0.data/x")]), '"a-1.0.data/x" is not in a folder of .data');
    await refused(
      unpackOf([file("m.py"), file("a-1.0.data/purelib/m.py")]),
      "has the same place as another file",
    );
    await refused(unpackOf([file("m"), file("a-1.0.data/platlib/m/x")]), "is both a file and a folder");
  });

  test("another package than was asked for, a file name that is none", async () => {
    const made = makeWheel({ name: "a" });
    await refused(unpackWheel({ ...made, home, name: "b" }), "it is not a wheel of b");
    await refused(unpackWheel({ ...made, home, name: "A", version: "1.1" }), "it is not of version 1.1");
    await refused(unpackWheel({ ...made, filename: "a.whl", home }), "a.whl", "DXPY_BAD_FILENAME");
    await refused(
      unpackWheel({ bytes: encoder.encode("<html>"), filename: made.filename, home }),
      "it is not a zip file",
      "DXPY_BAD_ZIP",
    );
    await refused(unpackOf([file("../evil")]), "climbs out", "DXPY_BAD_ZIP");
  });

  test("any change of a wheel's bytes: a Failure or the same package", async () => {
    const made = makeWheel({ name: "a", entryPoints: { x: "a:b" }, scripts: { s: "#!python\n" } });
    const shared = homeFolders({ DX_PY_HOME: `${folder}/mutations` });
    const { outputHash } = await unpackWheel({ ...made, home: shared });
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(255), async (at, value) => {
        const bytes = made.bytes.slice();
        bytes[at % bytes.length] = value;
        try {
          // The execute bit is a part of the package, and only the central directory has it.
          const result = await unpackWheel({ bytes, filename: made.filename, home: shared });
          const modes = openStore(shared).open(result.outputHash);
          const plain = [...modes.manifest()].map(({ path, blake3 }) => `${path} ${blake3.toHex()}`);
          const original = openStore(shared).open(outputHash);
          expect(plain).toEqual(
            [...original.manifest()].map(({ path, blake3 }) => `${path} ${blake3.toHex()}`),
          );
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
        }
      }),
      { numRuns: 150 },
    );
  });
});

test("a native library that looks outside of its wheel makes real paths necessary", async () => {
  const library = (rpath: string) => craftElf([[DT.runpath, rpath]]);
  const flag = async (modules: Record<string, Uint8Array>) =>
    (await unpack({ name: "a", modules })).object.realPaths;
  expect(
    await flag({ "a/lib/x.so": library("$ORIGIN/../../a.libs"), "a.libs/y.so.1": library("$ORIGIN") }),
  ).toBe(false);
  expect(await flag({ "a/lib/x.so": library("$ORIGIN/../../a.libs") })).toBe(true);
  expect(await flag({ "a/lib/x.so.1.2": library("$ORIGIN/../../nvidia/cublas/lib") })).toBe(true);
  expect(await flag({ "a/lib/x.py": library("$ORIGIN/../../nvidia/cublas/lib") })).toBe(false);
});

test("normalised spellings of one name agree", async () => {
  const bytes = wheelOf(
    [],
    { METADATA: "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0.0\n" },
    "Foo_Bar-1.0.dist-info",
  );
  const { object } = await unpackWheel({
    bytes,
    filename: "foo_bar-1.0-py3-none-any.whl",
    home,
    name: "foo-bar",
    version: "1",
  });
  expect(object.name).toBe("Foo.Bar");
});

test("a tree that a killed process left without its .dxpkg is taken over, or replaced when it is not whole", async () => {
  const made = makeWheel({ name: "a" });
  const { outputHash } = await unpackWheel({ ...made, home });
  const tree = treePath(home.store, outputHash);
  rmSync(indexPath(home.store, outputHash));
  expect(openStore(home).has(outputHash)).toBe(false);
  expect((await unpackWheel({ ...made, home })).how).toBe("added");
  expect((await openStore(home).verify(outputHash)).ok).toBe(true);
  rmSync(indexPath(home.store, outputHash));
  takeAway(`${tree}/lib/a/__init__.py`);
  writeFileSync(`${opened(`${tree}/lib`)}/stray`, "x");
  expect((await unpackWheel({ ...made, home })).how).toBe("added");
  expect((await openStore(home).verify(outputHash)).ok).toBe(true);
  expect(existsSync(`${tree}/lib/stray`)).toBe(false);
});

test.skipIf(process.getuid?.() === undefined)("a store that cannot be written says so", async () => {
  mkdirSync(home.root, { recursive: true });
  writeFileSync(home.store, "a file where the folder should be");
  await expect(unpack({ name: "a" })).rejects.toThrow("could not be put into the store (");
});

test("files with one content are one file on the disk, libraries and other modes excepted", async () => {
  const native = "\x7fELF not really";
  const big = "x".repeat(3_000_000);
  const { outputHash } = await unpackOf([
    file("a/__init__.py"),
    file("a/b/__init__.py"),
    file("a/one.txt", "same"),
    file("a/two.txt", "same"),
    file("a/run.sh", "same", 0o755),
    file("a/x.cpython-312-x86_64-linux-gnu.so", native),
    file("a/y.cpython-312-x86_64-linux-gnu.so", native),
    file("a/big", big),
    file("a/big-too", big),
  ]);
  const tree = `${treePath(home.store, outputHash)}/lib/a`;
  const inode = (name: string) => lstatSync(`${tree}/${name}`).ino;
  expect(inode("b/__init__.py")).toBe(inode("__init__.py"));
  expect(inode("two.txt")).toBe(inode("one.txt"));
  expect(inode("big-too")).toBe(inode("big"));
  expect(inode("run.sh")).not.toBe(inode("one.txt"));
  expect(inode("y.cpython-312-x86_64-linux-gnu.so")).not.toBe(inode("x.cpython-312-x86_64-linux-gnu.so"));
  expect(readFileSync(`${tree}/big-too`, "utf8")).toBe(big);
  const stored = openStore(home).open(outputHash);
  expect([...stored.manifest()].filter(({ path }) => path.startsWith("lib/a/"))).toHaveLength(9);
  stored.close();
});
