import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeDpl } from "./dpl-decode.ts";
import { MAGIC, nameHash, packVersion, SLOT_SIZE } from "./dpl-layout.ts";
import { openDpl } from "./dpl-reader.ts";
import { type DplDigests, encodeDpl, withInputs } from "./dpl-writer.ts";
import type { Lock } from "./lock-model.ts";
import { packageBuildHash } from "./package-identity.ts";
import { anyDigests, anyLock, anyPackage, anyText, largeLock } from "./testing/arbitrary-lock.ts";
import { countingSource } from "./testing/counting-source.ts";
import { bare, lockOf } from "./testing/small-lock.ts";

/** The requirements on the binary lock, one by one, and what follows from docs/formats/dpl.md. */

const digests: DplDigests = { pylockSha256: "0".repeat(64), inputs: [] };
const choices = { name: anyText, text: anyText, maxPackages: 12, maxExtras: 6 };

test("D1 the file starts with DXPL", () => {
  const bytes = encodeDpl(lockOf([]), digests);
  expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe("DXPL");
  expect(new DataView(bytes.buffer).getUint32(0, true)).toBe(MAGIC);
});

describe("D2 entries are in a hash table, O(1) by name", () => {
  test("every name is found, and no other, in locks of any size", () => {
    for (const count of [0, 1, 2, 3, 17, 400, 5000]) {
      const dpl = openDpl(encodeDpl(largeLock(count, 0), digests));
      for (const entry of dpl.entries())
        expect(dpl.find(entry.name).map((e) => e.index)).toEqual([entry.index]);
      expect(dpl.find("absent")).toEqual([]);
      expect(dpl.find("")).toEqual([]);
    }
  });

  test("a lookup looks at no more than two slots, whatever the names are", () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyText, { maxLength: 60 }), anyText, (names, other) => {
        const bytes = encodeDpl(lockOf(names.map((name) => bare(name))), digests);
        const source = countingSource(bytes);
        const dpl = openDpl(source);
        for (const name of [...names, other]) {
          source.reads.length = 0;
          expect(dpl.find(name).map((entry) => entry.name)).toEqual(names.includes(name) ? [name] : []);
          expect(source.reads.filter(([, length]) => length === SLOT_SIZE).length).toBeLessThanOrEqual(2);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("several versions of a name are neighbours, and all of them are found", () => {
    const versions = ["1.2", "1.10", "2.0rc1", "2.0"];
    const lock = lockOf([bare("a"), ...versions.map((version) => bare("b", { version })), bare("c")]);
    const found = openDpl(encodeDpl(lock, digests)).find("b");
    expect(found.map((entry) => entry.version)).toEqual(versions);
  });
});

describe("D3 reading one entry parses nothing else", () => {
  test("the bytes touched do not grow with the number of packages", () => {
    const touched = [10, 100, 1000, 5000].map((count) => {
      const source = countingSource(encodeDpl(largeLock(count), digests));
      const dpl = openDpl(source);
      const [entry] = dpl.find("package-00007");
      expect(entry?.toLocked().wheels.length).toBe(2);
      return source.touched;
    });
    // A few bytes more or less: one slot or two, and the digits of numbers.
    for (const bytes of touched) expect(Math.abs(bytes - touched[0]!)).toBeLessThanOrEqual(3 * SLOT_SIZE);
    expect(Math.max(...touched)).toBeLessThan(1500);
  });

  test("damage to all other entries goes unnoticed", () => {
    const bytes = encodeDpl(largeLock(50), digests);
    const counting = countingSource(bytes);
    openDpl(counting).find("package-00030");
    const destroyed = new Uint8Array(bytes.length).fill(0xaa);
    for (const [offset, length] of counting.reads)
      destroyed.set(bytes.subarray(offset, offset + length), offset);
    const [entry] = openDpl(destroyed).find("package-00030");
    expect(entry?.toLocked()).toEqual(largeLock(50).packages[30]!);
  });
});

test("D4 name hashes are stored, in the slots and in the entries", () => {
  const bytes = encodeDpl(lockOf([bare("numpy"), bare("requests")]), digests);
  const view = new DataView(bytes.buffer);
  const seed = view.getUint32(28, true);
  const [slots, length] = [view.getUint32(40, true), view.getUint32(44, true)];
  const stored: number[] = [];
  for (let at = slots; at < slots + length; at += SLOT_SIZE) {
    if (view.getUint32(at + 8, true) > 0) stored.push(view.getUint32(at, true));
  }
  const expected = ["numpy", "requests"].map((name) => nameHash(name, seed));
  expect(stored.sort()).toEqual([...expected].sort());
  expect(
    openDpl(bytes)
      .entries()
      .map((entry) => entry.nameHash),
  ).toEqual(expected);
});

describe("D5 versions are packed integers", () => {
  test.each([
    ["1.2.3", 1, 2, 3, true],
    ["2024.10.22", 2024, 10, 22, true],
    ["3.1", 3, 1, 0, true],
    ["7", 7, 0, 0, true],
    ["4294967295.0.1", 4294967295, 0, 1, true],
    ["4294967296.0", 4294967295, 0, 0, false],
    ["1!2.3.4", 2, 3, 4, false],
    ["1.0rc1", 1, 0, 0, false],
    ["1.2.3.4", 1, 2, 3, false],
    ["01.2", 1, 2, 0, false],
    ["nonsense", 0, 0, 0, false],
  ])("%s", (version, major, minor, patch, exact) => {
    expect(packVersion(version)).toMatchObject({ major, minor, patch, exact });
    const [entry] = openDpl(encodeDpl(lockOf([bare("a", { version })]), digests)).find("a");
    expect(entry?.version).toBe(version);
    expect(entry?.packedVersion).toEqual({ major, minor, patch });
  });

  test("a version that the numbers say whole has no text in the file", () => {
    const bytes = encodeDpl(lockOf([bare("a", { version: "31.41.59" })]), digests);
    expect(new TextDecoder().decode(bytes)).not.toContain("31.41");
  });

  test("no version is not version 0", () => {
    const dpl = openDpl(encodeDpl(lockOf([bare("a"), bare("b", { version: "0" })]), digests));
    expect(dpl.entries().map((entry) => entry.version)).toEqual([undefined, "0"]);
  });
});

describe("D6 extras are a bitmap", () => {
  test.each([0, 1, 7, 8, 9, 63, 64, 65, 128, 300])("%d extras", (count) => {
    const extras = Array.from({ length: count }, (_, i) => `e${String(i).padStart(3, "0")}`);
    const lock = lockOf([bare("a", { dependencies: [{ name: "b", extras }] }), bare("b")]);
    const dpl = openDpl(encodeDpl(lock, digests));
    const [asked] = dpl.find("b");
    expect(asked?.extras).toEqual(extras);
    expect(asked?.extrasBitmap.length).toBe(Math.ceil(count / 8));
    expect(asked?.extrasTable).toEqual(extras);
    expect(dpl.find("a")[0]?.dependencies).toEqual([{ name: "b", extras }]);
  });

  test("the nth bit is the nth name of the table", () => {
    const dependencies = [
      { name: "b", extras: ["c", "a"] },
      { name: "c", extras: ["b"] },
    ];
    const lock = lockOf([bare("a", { dependencies }), bare("b"), bare("c")]);
    const dpl = openDpl(encodeDpl(lock, digests));
    expect(dpl.find("a")[0]?.extrasTable).toEqual(["a", "b", "c"]);
    expect(dpl.find("a")[0]?.dependencies.map((edge) => edge.extras)).toEqual([["a", "c"], ["b"]]);
    expect(dpl.find("b")[0]?.extrasBitmap).toEqual(new Uint8Array([0b11]));
  });

  test("an empty list of extras is not an absent one", () => {
    const lock = lockOf([bare("a", { dependencies: [{ name: "b" }, { name: "c", extras: [] }] })]);
    expect(decodeDpl(encodeDpl(lock, digests)).lock).toEqual(lock);
  });
});

test("D7 every wheel has its BLAKE3 build hash and its SHA-256", () => {
  const sha256 = "ab".repeat(32);
  const wheels = [
    { name: "a-1-py3-none-any.whl", hashes: { sha256 } },
    { name: "b-1-py3-none-any.whl", hashes: { md5: "00" } },
  ];
  const [entry] = openDpl(encodeDpl(lockOf([bare("a", { wheels })]), digests)).find("a");
  expect(entry?.wheels).toEqual([
    { ...wheels[0]!, buildHash: packageBuildHash("a-1-py3-none-any.whl", sha256) },
    wheels[1]!,
  ]);
});

test("D8 the writer is deterministic, and does not mind the order that things come in", () => {
  fc.assert(
    fc.property(anyLock(choices), anyDigests, (lock, from) => {
      const bytes = encodeDpl(lock, from);
      expect(encodeDpl(lock, from)).toEqual(bytes);
      expect(encodeDpl(decodeDpl(bytes).lock, from)).toEqual(bytes);
    }),
    { numRuns: 50 },
  );
});

test("D9 the reader gives every field of every entry", () => {
  fc.assert(
    fc.property(anyLock(choices), anyDigests, (lock, from) => {
      const dpl = openDpl(encodeDpl(lock, from));
      const { packages, ...rest } = lock;
      expect(dpl.lock).toEqual(rest);
      expect(dpl.header.inputs).toEqual(from.inputs);
      expect(dpl.header.pylockSha256).toBe(from.pylockSha256);
      expect(dpl.entries().map((entry) => entry.toLocked())).toEqual(packages);
      for (const { name } of packages) {
        expect(dpl.find(name).map((entry) => entry.toLocked())).toEqual(
          packages.filter((p) => p.name === name),
        );
      }
    }),
    { numRuns: 50 },
  );
});

describe("D10 write then read is the identity", () => {
  const identity = (lock: Lock, from: DplDigests) => {
    const decoded = decodeDpl(encodeDpl(lock, from));
    expect(Bun.deepEquals(decoded, { lock, digests: from }, true)).toBe(true);
  };

  test("for arbitrary locks", () => {
    fc.assert(fc.property(anyLock(choices), anyDigests, identity), { numRuns: 300 });
  });

  test("for several versions of few names", () => {
    const few = { ...choices, name: fc.constantFrom("a", "b", "c"), maxPackages: 30 };
    fc.assert(fc.property(anyLock(few), anyDigests, identity), { numRuns: 50 });
  });

  test("for packages with up to 300 extras", () => {
    const many = { ...choices, maxPackages: 3, maxExtras: 300 };
    fc.assert(fc.property(anyLock(many), anyDigests, identity), { numRuns: 40 });
  });

  test("for up to 5,000 packages", () => {
    fc.assert(
      fc.property(
        fc.nat(5000),
        fc.array(anyPackage(choices), { minLength: 1, maxLength: 20 }),
        (count, some) => {
          const packages = Array.from({ length: count }, (_, i) => ({
            ...some[i % some.length]!,
            name: `${String(Math.floor(i / 2)).padStart(4, "0")}`,
          }));
          const lock = decodeDpl(encodeDpl(lockOf(packages), digests)).lock;
          expect(lock.packages.length).toBe(count);
          identity(lock, digests);
        },
      ),
      { numRuns: 4 },
    );
    identity(largeLock(5000), digests);
  });
});

test("reading leaves the bytes as they are, Buffers too", () => {
  const bytes = Buffer.from(encodeDpl(largeLock(3), digests));
  const before = new Uint8Array(bytes);
  expect(decodeDpl(bytes)).toEqual(decodeDpl(bytes));
  expect(new Uint8Array(bytes)).toEqual(before);
});

test("the digest names the content, not what it was compiled from", () => {
  const lock = largeLock(3);
  const digest = openDpl(encodeDpl(lock, digests)).digest;
  const elsewhere = { pylockSha256: "1".repeat(64), inputs: [{ path: "p", sha256: "2".repeat(64) }] };
  expect(openDpl(encodeDpl(lock, elsewhere)).digest).toEqual(digest);
  expect(openDpl(encodeDpl({ ...lock, fingerprint: "11" }, digests)).digest).not.toEqual(digest);
});

test("the inputs of a DPL can be exchanged: the bytes are those of a lock compiled from the others", () => {
  fc.assert(
    fc.property(anyLock(choices), anyDigests, anyDigests, (lock, before, after) => {
      const from = { ...before, inputs: after.inputs };
      expect(withInputs(encodeDpl(lock, before), after.inputs)).toEqual(encodeDpl(lock, from));
    }),
    { numRuns: 100 },
  );
});
