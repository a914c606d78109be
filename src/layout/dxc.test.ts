import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { blake3Bytes } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import { homeFolders } from "../platform/home.ts";
import { allRecords, dxcOf, findRecord } from "./dxc.ts";
import {
  type AliasRecord,
  type DxcRecord,
  decodeRecord,
  encodeRecord,
  type LayoutRecord,
  UNKNOWN_STAMPS,
} from "./dxc-format.ts";
import { compactIndex, encodeIndex, insertRecords, rebuildIndex, removeRecords } from "./dxc-writer.ts";
import { DESCRIPTION_FILE } from "./layout-description.ts";
import { lookupAlias, lookupLayout, openDxc } from "./open-dxc.ts";

const scratch = mkdtempSync(`${process.env["TMPDIR"] ?? "/tmp"}/dxc-`);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let counter = 0;
const newHome = () => homeFolders({ DX_PY_HOME: `${scratch}/${counter++}` });
const keyOf = (n: number | string) => blake3Bytes(`key ${n}`);

function layoutRecord(n: number): LayoutRecord {
  return {
    kind: "layout",
    key: keyOf(n),
    created: 1_700_000_000_000 + n,
    packages: n % 1000,
    links: n,
    stamps: { ...UNKNOWN_STAMPS, siteMtime: BigInt(n), configSize: 120n },
    interpreterSize: 10n,
    interpreterMtimeNs: 1_700_000_000_123_456_789n,
    sitePackages: "lib/python3.12/site-packages",
    scripts: "bin",
  };
}

function aliasRecord(n: number): AliasRecord {
  return {
    kind: "alias",
    key: keyOf(`alias ${n}`),
    projectHash: keyOf(n),
    interpreterSize: 99n,
    interpreterMtimeNs: 1n,
    interpreterPath: "/usr/bin/python3.12",
    watched: [{ path: "/project/setup.py", size: 3n, mtimeNs: 4n }],
  };
}

const uint64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const relative = fc
  .string({ unit: "binary", maxLength: 200 })
  .filter(
    (s) => s.isWellFormed() && !s.startsWith("/") && !s.split("/").includes("..") && !s.startsWith("\ufeff"),
  );
const anyLayout: fc.Arbitrary<LayoutRecord> = fc.record({
  kind: fc.constant("layout" as const),
  key,
  created: fc.maxSafeNat(),
  packages: fc.nat(0xffff_ffff),
  links: fc.nat(0xffff_ffff),
  stamps: fc.record({
    siteMtime: uint64,
    siteCtime: uint64,
    scriptsMtime: uint64,
    scriptsCtime: uint64,
    prefixMtime: uint64,
    configMtime: uint64,
    configSize: uint64,
  }),
  interpreterSize: uint64,
  interpreterMtimeNs: uint64,
  sitePackages: relative,
  scripts: relative,
});
const anyAlias: fc.Arbitrary<AliasRecord> = fc.record({
  kind: fc.constant("alias" as const),
  key,
  projectHash: key,
  interpreterSize: uint64,
  interpreterMtimeNs: uint64,
  interpreterPath: relative,
  watched: fc.array(fc.record({ path: relative, size: uint64, mtimeNs: uint64 }), { maxLength: 4 }),
});

function codeOf(action: () => unknown): string {
  try {
    action();
    return "no failure";
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.code;
  }
}

describe("the bytes of layouts.dxc", () => {
  test("a record that was written is read back the same", () => {
    fc.assert(
      fc.property(fc.oneof(anyLayout, anyAlias), (record) => {
        expect(decodeRecord(encodeRecord(record), "x")).toEqual(record);
      }),
    );
  });

  test("every record of an index is found by its key, and no other key is", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(anyLayout, anyAlias), { selector: (r) => r.key.toHex(), maxLength: 60 }),
        key,
        (records, stranger) => {
          const dxc = dxcOf(encodeIndex(records), "x");
          for (const record of records) expect(findRecord(dxc, record.key)).toEqual(record);
          if (!records.some((r) => r.key.toHex() === stranger.toHex()))
            expect(findRecord(dxc, stranger)).toBeUndefined();
          expect([...allRecords(dxc)].length).toBe(records.length);
        },
      ),
    );
  });

  test("whatever the bytes are, reading them gives records or a Failure that names the file", () => {
    const good = encodeIndex([layoutRecord(1), aliasRecord(1), layoutRecord(2)]);
    const read = (bytes: Uint8Array) => {
      const dxc = dxcOf(bytes, "/some/layouts.dxc");
      findRecord(dxc, keyOf(1));
      return [...allRecords(dxc)];
    };
    const check = (bytes: Uint8Array) => {
      try {
        read(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
        expect((error as Failure).message).toContain("/some/layouts.dxc");
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), check));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, cut) => {
        const changed = good.slice();
        changed[at] = value;
        check(changed);
        check(good.slice(0, cut));
      }),
      { numRuns: 500 },
    );
  });

  test("a changed byte in a record is noticed", () => {
    const good = encodeIndex([layoutRecord(1)]);
    const start = 64 + 16 * 16;
    for (let at = start; at < start + 140; at++) {
      const changed = good.slice();
      changed[at]! ^= 0xff;
      expect(codeOf(() => [...allRecords(dxcOf(changed, "x"))])).toBe("DXPY_DXC_CORRUPT");
    }
  });

  test("a folder that leads out of the layout is refused", () => {
    for (const bad of ["../../etc", "/etc", "lib/../../x"]) {
      const bytes = encodeRecord({ ...layoutRecord(1), sitePackages: bad });
      expect(codeOf(() => decodeRecord(bytes, "x"))).toBe("DXPY_DXC_CORRUPT");
    }
  });
});

describe("layouts.dxc on disk", () => {
  test("L3 the index is binary, at <home>/layouts.dxc, with O(1) lookup: the work does not grow with the entries", async () => {
    for (const count of [10, 1000, 100_000]) {
      const home = newHome();
      mkdirSync(home.tmp, { recursive: true });
      writeFileSync(home.layoutsIndex, encodeIndex(Array.from({ length: count }, (_, i) => layoutRecord(i))));
      expect(home.layoutsIndex.endsWith("/layouts.dxc")).toBe(true);
      const dxc = openDxc(home.layoutsIndex)!;
      expect(new TextDecoder().decode(dxc.bytes.subarray(0, 4))).toBe("DXLC");
      // Count what a lookup reads instead of how long it takes.
      let reads = 0;
      const counting = new Proxy(dxc.view, {
        get(view, name) {
          reads++;
          const value = Reflect.get(view, name);
          return typeof value === "function" ? value.bind(view) : value;
        },
      });
      const step = Math.max(1, Math.floor(count / 500));
      let lookups = 0;
      for (let i = 0; i < count; i += step) {
        const found = findRecord({ ...dxc, view: counting }, keyOf(i));
        expect(found?.kind === "layout" && found.created).toBe(1_700_000_000_000 + i);
        lookups++;
      }
      expect(reads / lookups).toBeLessThan(8);
    }
  });

  test("L4 the index is memory-mapped: a change made in place is seen through an open index", async () => {
    const home = newHome();
    await insertRecords(home, [layoutRecord(1)]);
    const open = openDxc(home.layoutsIndex)!;
    await insertRecords(home, [layoutRecord(2)]);
    const slots = open.bytes.subarray(64, 64 + open.slots * 16);
    const fresh = new Uint8Array(readFileSync(home.layoutsIndex)).subarray(64, 64 + open.slots * 16);
    expect(slots).toEqual(fresh);
    expect(findRecord(open, keyOf(1))).toEqual(layoutRecord(1));
  });

  test("what is inserted is found; what is inserted again is replaced; what is removed is gone, with its aliases", async () => {
    const home = newHome();
    expect(lookupLayout(home.layoutsIndex, keyOf(1))).toBeUndefined();
    for (let i = 0; i < 50; i++) await insertRecords(home, [layoutRecord(i), aliasRecord(i)]);
    for (let i = 0; i < 50; i++) {
      expect(lookupLayout(home.layoutsIndex, keyOf(i))).toEqual(layoutRecord(i));
      expect(lookupAlias(home.layoutsIndex, keyOf(`alias ${i}`))).toEqual(aliasRecord(i));
      expect(lookupLayout(home.layoutsIndex, keyOf(`alias ${i}`))).toBeUndefined();
    }
    await insertRecords(home, [{ ...layoutRecord(7), links: 12345 }]);
    expect(lookupLayout(home.layoutsIndex, keyOf(7))?.links).toBe(12345);
    await removeRecords(home, [keyOf(7)]);
    expect(lookupLayout(home.layoutsIndex, keyOf(7))).toBeUndefined();
    expect(lookupAlias(home.layoutsIndex, keyOf("alias 7"))).toBeUndefined();
    expect([...allRecords(openDxc(home.layoutsIndex)!)].length).toBe(98);
  });

  test("any order of inserting and removing leaves what a map would hold", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.nat(30)), { maxLength: 60 }), async (steps) => {
        const home = newHome();
        const model = new Map<string, DxcRecord>();
        for (const [add, n] of steps) {
          const record = { ...layoutRecord(n), created: model.size };
          if (add) await insertRecords(home, [record]);
          else await removeRecords(home, [record.key]);
          if (add) model.set(record.key.toHex(), record);
          else model.delete(record.key.toHex());
        }
        for (let n = 0; n <= 30; n++)
          expect(lookupLayout(home.layoutsIndex, keyOf(n)) as DxcRecord | undefined).toEqual(
            model.get(keyOf(n).toHex()),
          );
      }),
      { numRuns: 15 },
    );
  });

  test("replacing one record again and again does not make the file grow without end", async () => {
    const home = newHome();
    for (let i = 0; i < 300; i++) await insertRecords(home, [{ ...layoutRecord(1), links: i }]);
    expect(readFileSync(home.layoutsIndex).length).toBeLessThan(8192);
    await compactIndex(home);
    expect(readFileSync(home.layoutsIndex).length).toBeLessThan(600);
    expect(lookupLayout(home.layoutsIndex, keyOf(1))?.links).toBe(299);
  });

  test("corruption and unknown versions are told to a reader, and mended by the next insertion", async () => {
    const damages: [string, (bytes: Uint8Array) => Uint8Array, string][] = [
      ["wrong magic", (b) => b.fill(0x41, 0, 4), "DXPY_DXC_CORRUPT"],
      ["header flipped", (b) => b.fill(0x41, 8, 9), "DXPY_DXC_CORRUPT"],
      ["another version", (b) => b.fill(0x02, 4, 5), "DXPY_DXC_VERSION"],
      ["cut short", (b) => b.slice(0, 100), "DXPY_DXC_CORRUPT"],
      ["empty", () => new Uint8Array(), "DXPY_DXC_CORRUPT"],
      ["record flipped", (b) => b.fill(0xee, b.length - 24, b.length - 20), "DXPY_DXC_CORRUPT"],
    ];
    for (const [what, damage, code] of damages) {
      const home = newHome();
      await insertRecords(home, [layoutRecord(1)]);
      const description = {
        format: 1,
        projectHash: keyOf(1).toHex(),
        created: 5,
        linkMode: "symlink",
        realPaths: [],
        interpreter: { executable: "/p", version: "3.12.1", size: "10", mtimeNs: "20" },
        sitePackages: "lib/python3.12/site-packages",
        scripts: "bin",
        packages: [],
      };
      const layout = `${home.layouts}/${description.projectHash}`;
      mkdirSync(layout, { recursive: true });
      mkdirSync(`${home.layouts}/not-a-hash`, { recursive: true });
      writeFileSync(`${layout}/${DESCRIPTION_FILE}`, JSON.stringify(description));
      writeFileSync(home.layoutsIndex, damage(new Uint8Array(readFileSync(home.layoutsIndex))));
      expect(`${what}: ${codeOf(() => lookupLayout(home.layoutsIndex, keyOf(1)))}`).toBe(`${what}: ${code}`);
      if (what === "record flipped") await rebuildIndex(home);
      else await insertRecords(home, [layoutRecord(2)]);
      const found = lookupLayout(home.layoutsIndex, keyOf(1));
      expect(found?.created).toBe(5);
      expect(found?.stamps).toEqual(UNKNOWN_STAMPS);
      if (what !== "record flipped")
        expect(lookupLayout(home.layoutsIndex, keyOf(2))).toEqual(layoutRecord(2));
    }
  });

  test("L8 many processes insert at once: every record is there, and the file is whole", async () => {
    const home = newHome();
    const script = `${scratch}/insert.ts`;
    writeFileSync(
      script,
      `import { insertRecords } from ${JSON.stringify(`${import.meta.dir}/dxc-writer.ts`)};
       import { homeFolders } from ${JSON.stringify(`${import.meta.dir}/../platform/home.ts`)};
       import { UNKNOWN_STAMPS } from ${JSON.stringify(`${import.meta.dir}/dxc-format.ts`)};
       import { blake3Bytes } from ${JSON.stringify(`${import.meta.dir}/../platform/blake3.ts`)};
       const [root, first] = process.argv.slice(2);
       for (let i = 0; i < 12; i++) await insertRecords(homeFolders({ DX_PY_HOME: root }), [{
         kind: "layout", key: blake3Bytes("key " + (Number(first) + i)), created: Number(first) + i, packages: 0, links: 0,
         stamps: UNKNOWN_STAMPS, interpreterSize: 0n, interpreterMtimeNs: 0n, sitePackages: "lib", scripts: "bin" }]);`,
    );
    const children = Array.from({ length: 8 }, (_, i) =>
      Bun.spawn([process.execPath, script, home.root, String(i * 12)], { stderr: "inherit" }),
    );
    const codes = await Promise.all(children.map((child) => child.exited));
    expect(codes).toEqual(codes.map(() => 0));
    expect([...allRecords(openDxc(home.layoutsIndex)!)].length).toBe(96);
    for (let i = 0; i < 96; i++) expect(lookupLayout(home.layoutsIndex, keyOf(i))?.created).toBe(i);
  }, 30_000);
});
