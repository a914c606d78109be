import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import type { CoreMetadata } from "../standards/metadata.ts";
import { decodeMetadata, encodeMetadata } from "./metadata-record.ts";
import {
  appendRecord,
  confirmPackageFile,
  encodeRecord,
  packageFilePath,
  readPackageFile,
  writePackageFile,
} from "./package-file.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/package-file-`);
});
afterEach(() => rmSync(root, { recursive: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const key = (n: number) => n.toString(16).padStart(32, "0");
const content = {
  state: "page" as const,
  validatedAt: 1000,
  ttl: 600,
  info: { policy: { v: 1 } },
  page: bytes("the page"),
};

describe("the file of a project", () => {
  test("page, validity, and records as they were appended", () => {
    const path = `${root}/a/b.dxi`;
    writePackageFile(path, { ...content, records: encodeRecord(key(1), bytes("one")) });
    appendRecord(path, encodeRecord(key(2), bytes("two")), true);
    appendRecord(path, encodeRecord(key(1), bytes("newer")), true);
    confirmPackageFile(path, 5000);
    const file = readPackageFile(path)!;
    expect(file).toMatchObject({ state: "page", validatedAt: 5000, ttl: 600 });
    expect(file.info()).toEqual({ policy: { v: 1 } });
    expect(Buffer.from(file.page).toString()).toBe("the page");
    expect(Buffer.from(file.record(key(1))!).toString()).toBe("newer");
    expect(Buffer.from(file.record(key(2))!).toString()).toBe("two");
    expect(file.record(key(3))).toBeUndefined();
    expect(file.damaged()).toBe(false);
  });

  test("a record without a page makes a file of its own", () => {
    const path = `${root}/c.dxi`;
    appendRecord(path, encodeRecord(key(1), bytes("one")), false);
    appendRecord(path, encodeRecord(key(2), bytes("two")), false);
    const file = readPackageFile(path)!;
    expect(file.state).toBe("unknown");
    expect(Buffer.from(file.record(key(2))!).toString()).toBe("two");
  });

  test("no damage is taken for content: one changed byte, a cut, or anything at all", () => {
    const path = `${root}/d.dxi`;
    writePackageFile(path, { ...content, records: encodeRecord(key(1), bytes("one")) });
    const whole = readFileSync(path);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(whole);
        damaged[at]! ^= change;
        const copy = `${root}/e${at}-${change}.dxi`;
        writeFileSync(copy, damaged);
        const file = readPackageFile(copy);
        if (file === undefined) return;
        expect(Buffer.from(file.page).toString()).toBe("the page");
        const record = file.record(key(1));
        if (record !== undefined) expect(Buffer.from(record).toString()).toBe("one");
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const copy = `${root}/f${Bun.hash(noise)}.dxi`;
        writeFileSync(copy, noise);
        expect(readPackageFile(copy)?.record(key(1))).toBeUndefined();
      }),
    );
  });

  test("cut off anywhere, its page is whole or it is no file; of another format it is none", () => {
    const path = `${root}/i.dxi`;
    writePackageFile(path, { ...content, records: encodeRecord(key(1), bytes("one")) });
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      const file = readPackageFile(path);
      if (file === undefined) continue;
      expect(Buffer.from(file.page).toString()).toBe("the page");
      expect(file.record(key(1))).toBeUndefined();
    }
    for (const format of [0, 3, 5]) {
      const other = Buffer.from(whole);
      other.writeUInt16LE(format, 4);
      other.writeUInt32LE(Bun.hash.crc32(other.subarray(16, 44), Bun.hash.crc32(other.subarray(4, 8))), 44);
      writeFileSync(path, other);
      expect(readPackageFile(path)).toBeUndefined();
    }
  });

  test("a cache that may only be read is read", () => {
    const path = `${root}/g.dxi`;
    writePackageFile(path, { ...content, records: new Uint8Array() });
    chmodSync(path, 0o444);
    expect(readPackageFile(path)?.ttl).toBe(600);
    expect(() => confirmPackageFile(`${root}/none.dxi`, 1)).not.toThrow();
    expect(() =>
      writePackageFile("/dev/null/x/y.dxi", { ...content, records: new Uint8Array() }),
    ).not.toThrow();
  });

  test("many processes append at once", async () => {
    const path = `${root}/h.dxi`;
    writePackageFile(path, { ...content, records: new Uint8Array() });
    const script = `const { appendRecord, encodeRecord } = await import(${JSON.stringify(`${import.meta.dir}/package-file.ts`)});
      for (let i = 0; i < 50; i++) appendRecord(${JSON.stringify(path)}, encodeRecord((Number(process.argv[1]) * 50 + i).toString(16).padStart(32, "0"), new Uint8Array(500 + i)), true);`;
    const running = [0, 1, 2].map((n) => Bun.spawn([process.execPath, "-e", script, String(n)]).exited);
    expect(await Promise.all(running)).toEqual([0, 0, 0]);
    const file = readPackageFile(path)!;
    for (let i = 0; i < 150; i += 1) expect(file.record(key(i))?.length).toBe(500 + (i % 50));
    expect(file.damaged()).toBe(false);
  });

  test("names that are no file names are hashed", () => {
    expect(packageFilePath("/x", "spam-eggs")).toBe("/x/spam-eggs.dxi");
    expect(packageFilePath("/x", "../../etc/passwd")).toMatch(/^\/x\/_[0-9a-f]{32}\.dxi$/);
    expect(packageFilePath("/x", "a".repeat(500))).toMatch(/^\/x\/_[0-9a-f]{32}\.dxi$/);
  });
});

describe("metadata as a record", () => {
  const line = fc.string().map((text) => text.replace(/[\r\n]/g, ""));
  test("gives back what went in", () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            metadataVersion: line,
            name: line,
            version: line,
            requiresPython: line.filter((text) => text !== ""),
            requiresDist: fc.array(line),
            providesExtra: fc.array(line),
            dynamic: fc.array(line),
          },
          {
            requiredKeys: ["metadataVersion", "name", "version", "requiresDist", "providesExtra", "dynamic"],
          },
        ),
        (metadata) => {
          expect(decodeMetadata(encodeMetadata(metadata as CoreMetadata))).toEqual(metadata as CoreMetadata);
        },
      ),
    );
    expect(decodeMetadata(encodeMetadata("needs-build"))).toBe("needs-build");
  });

  test("anything else is no metadata", () => {
    fc.assert(
      fc.property(fc.string(), (text) => decodeMetadata(bytes(text)) === undefined || text === "needs-build"),
    );
  });
});
