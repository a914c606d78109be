import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { elfSearchFolders } from "./elf.ts";
import { machoSearchFolders } from "./macho.ts";
import { escapingRpath } from "./native-library.ts";
import { runProcess } from "./process.ts";
import { accessBytes } from "./random-access.ts";
import { craftElf, DT } from "./testing/craft-elf.ts";

/** A Mach-O file with these load commands, or several in a fat one. */
function craftMachO(
  commands: [command: number, text: string][],
  { wide = true, little = true } = {},
): Uint8Array {
  const bytes = new Uint8Array(2048);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, wide ? 0xfeedfacf : 0xfeedface, little);
  view.setUint32(16, commands.length, little);
  let at = wide ? 32 : 28;
  const start = at;
  for (const [command, text] of commands) {
    const offset = command === 0x8000001c ? 12 : 24;
    const size = Math.ceil((offset + text.length + 1) / 8) * 8;
    view.setUint32(at, command, little);
    view.setUint32(at + 4, size, little);
    view.setUint32(at + 8, offset, little);
    bytes.set(new TextEncoder().encode(text), at + offset);
    at += size;
  }
  view.setUint32(20, at - start, little);
  return bytes;
}

describe("ELF", () => {
  for (const shape of [{}, { wide: false }, { little: false }, { wide: false, little: false }]) {
    test(`RPATH, RUNPATH and needed paths: ${JSON.stringify(shape)}`, () => {
      const file = craftElf(
        [
          [DT.needed, "libc.so.6"],
          [DT.runpath, "$ORIGIN/../x.libs:/opt/lib"],
          [DT.rpath, "$ORIGIN"],
          [DT.needed, "$ORIGIN/sub/liby.so"],
        ],
        shape,
      );
      expect(elfSearchFolders(accessBytes(file))).toEqual([
        "$ORIGIN/../x.libs",
        "/opt/lib",
        "$ORIGIN",
        "$ORIGIN/sub",
      ]);
    });
  }

  const readelf = Bun.which("readelf");
  const real = new Bun.Glob("node_modules/**/*.node").scanSync({
    cwd: `${import.meta.dir}/../..`,
    followSymlinks: false,
  });
  test.skipIf(readelf === null)("the same as readelf says of real libraries", () => {
    for (const path of [...real].slice(0, 5)) {
      const whole = `${import.meta.dir}/../../${path}`;
      const { stdout } = runProcess(["readelf", "-d", "-W", whole]);
      const said = [...stdout.matchAll(/\((?:RPATH|RUNPATH)\).*\[(.*)\]/g)].flatMap((match) =>
        match[1]!.split(":"),
      );
      expect(elfSearchFolders(accessBytes(new Uint8Array(readFileSync(whole))))).toEqual(said);
    }
  });
});

describe("Mach-O", () => {
  for (const shape of [{}, { wide: false }, { little: false }]) {
    test(`run paths and libraries: ${JSON.stringify(shape)}`, () => {
      const file = craftMachO(
        [
          [0x8000001c, "@loader_path/../.dylibs"],
          [0x0c, "@loader_path/libx.dylib"],
          [0x0c, "/usr/lib/libSystem.B.dylib"],
          [0x19, "x"],
        ],
        shape,
      );
      expect(machoSearchFolders(accessBytes(file))).toEqual([
        "@loader_path/../.dylibs",
        "@loader_path",
        "/usr/lib",
      ]);
    });
  }

  test("all architectures of a fat file; a Java class is none", () => {
    const inner = craftMachO([[0x8000001c, "@loader_path/../../up"]]);
    const fat = new Uint8Array(64 + inner.length);
    const view = new DataView(fat.buffer);
    view.setUint32(0, 0xcafebabe);
    view.setUint32(4, 1);
    view.setUint32(8 + 8, 64);
    view.setUint32(8 + 12, inner.length);
    fat.set(inner, 64);
    expect(machoSearchFolders(accessBytes(fat))).toEqual(["@loader_path/../../up"]);
    expect(escapingRpath(fat, "pkg/x.so")).toBe(true);
    view.setUint32(4, 0x0000_0041);
    expect(machoSearchFolders(accessBytes(fat))).toEqual([]);
  });
});

test("what leads out of the wheel is judged from the file's own place in it", () => {
  const folders = new Set([
    "numpy.libs",
    "numpy",
    "numpy/core",
    "scipy",
    "scipy.libs",
    "nvidia",
    "nvidia/cudnn",
    "nvidia/cudnn/lib",
  ]);
  const climbs = (path: string, rpath: string) =>
    escapingRpath(craftElf([[DT.runpath, rpath]]), path, (folder) => folders.has(folder));
  expect(climbs("numpy/core/_x.so", "$ORIGIN/../../numpy.libs")).toBe(false);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the loader's own way of writing it.
  expect(climbs("numpy/core/_x.so", "${ORIGIN}/../../numpy.libs")).toBe(false);
  expect(climbs("scipy/a/b/c/_x.so", "$ORIGIN/../../../../scipy.libs")).toBe(false);
  expect(climbs("scipy/_x.so", "$ORIGIN/../../../../scipy.libs")).toBe(true);
  expect(climbs("torch/lib/libtorch.so", "$ORIGIN:$ORIGIN/../../nvidia/cublas/lib")).toBe(true);
  expect(climbs("nvidia/cudnn/lib/libcudnn.so", "$ORIGIN/../../cublas/lib")).toBe(true);
  expect(climbs("nvidia/cudnn/lib/libcudnn.so", "$ORIGIN/../../cudnn/lib")).toBe(false);
  expect(climbs("numpy/core/_x.so", "$ORIGIN")).toBe(false);
  expect(climbs("numpy/core/_x.so", "$ORIGIN/not/there")).toBe(false);
  expect(climbs("numpy/core/_x.so", "/build/machine/../lib")).toBe(false);
  expect(climbs("numpy/core/_x.so", "$ORIGINAL/../../../..")).toBe(false);
  expect(climbs("pkg/x.so", "$ORIGIN/..")).toBe(false);
});

test("any bytes behind the magic: an answer, never a crash", () => {
  const elf = craftElf([[DT.runpath, "$ORIGIN/../x"]]);
  const macho = craftMachO([[0x8000001c, "@loader_path/../x"]]);
  const change = fc.tuple(fc.nat(700), fc.nat(255));
  fc.assert(
    fc.property(
      fc.constantFrom(elf, macho),
      fc.array(change, { maxLength: 8 }),
      fc.nat(4096),
      (file, changes, length) => {
        const damaged = file.slice(0, Math.max(4, length));
        for (const [at, value] of changes) if (at >= 4 && at < damaged.length) damaged[at] = value;
        escapingRpath(damaged, "a/b.so");
      },
    ),
    { numRuns: 2000 },
  );
});
