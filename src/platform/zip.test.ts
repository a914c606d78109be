import { describe, expect, test } from "bun:test";
import { configure, Uint8ArrayReader, Uint8ArrayWriter, ZipReader, ZipWriter } from "@zip.js/zip.js";
import fc from "fast-check";
import { Failure } from "./errors.ts";
import { type CraftedArchive, type CraftedEntry, craftZip, numbers } from "./testing/craft-zip.ts";
import { openZip, readZipEntryAt } from "./zip.ts";
import { readZipDirectory, type ZipLimits } from "./zip-directory.ts";

configure({ useWebWorkers: false });
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What opening and reading everything says, without the hint: the message after "x.whl cannot be unpacked: ". */
function faultOf(bytes: Uint8Array, options = {}): string {
  try {
    const archive = openZip(bytes, { name: "x.whl", ...options });
    for (const entry of archive.entries) archive.read(entry);
    return "none";
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "DXPY_BAD_ZIP") throw error;
    return error.message.replace("x.whl cannot be unpacked: ", "");
  }
}
const one: CraftedEntry = { name: "a.txt", content: "hello hello" };
const fault = (entries: CraftedEntry[], archive?: CraftedArchive, options = {}) =>
  faultOf(craftZip(entries, archive), options);

describe("a sound archive", () => {
  test("entries, contents, modes, folders", () => {
    const archive = openZip(
      craftZip([
        { name: "pkg/", method: 0, attributes: 0o040755 },
        { name: "pkg/a.txt", content: "hello hello" },
        { name: "pkg/stored", content: "raw", method: 0, attributes: 0o100755 },
        { name: "pkg/empty", content: "" },
        { name: "pkg/grüße.txt", content: "ü" },
      ]),
    );
    expect(
      archive.entries.map(({ path, isDirectory, executable, size }) => [path, isDirectory, executable, size]),
    ).toEqual([
      ["pkg", true, false, 0],
      ["pkg/a.txt", false, false, 11],
      ["pkg/stored", false, true, 3],
      ["pkg/empty", false, false, 0],
      ["pkg/grüße.txt", false, false, 2],
    ]);
    expect(text(archive.read(archive.get("pkg/a.txt")!))).toBe("hello hello");
    expect(text(archive.read(archive.get("pkg/stored")!))).toBe("raw");
    expect(archive.read(archive.get("pkg/empty")!).length).toBe(0);
    expect(archive.get("pkg/none")).toBeUndefined();
  });

  test("a buffer that is large enough is used again", () => {
    const archive = openZip(craftZip([one]));
    const buffer = new Uint8Array(100);
    expect(archive.read(archive.entries[0]!, buffer).buffer).toBe(buffer.buffer);
    expect(archive.read(archive.entries[0]!, new Uint8Array(3)).length).toBe(11);
  });

  test("a content larger than the inflater's buffer comes in pieces", () => {
    const content = new Uint8Array(3_000_000).map((_, i) => (i * i) >> 9);
    const archive = openZip(craftZip([{ name: "big", content }, one]));
    expect(Buffer.compare(archive.read(archive.entries[0]!), content)).toBe(0);
    expect(text(archive.read(archive.entries[1]!))).toBe("hello hello");
  });

  test("data descriptors of every form, a comment, zip64, no entries at all", () => {
    const crc = Bun.hash.crc32("hello hello");
    const size = craftZip([one]).length && 11;
    const raw = craftZip([one]);
    const compressed = new DataView(raw.buffer).getUint32(18, true);
    const zero = { crc: 0, size: 0, compressedSize: 0 };
    for (const after of [
      numbers([4, 0x08074b50], [4, crc], [4, compressed], [4, size]),
      numbers([4, crc], [4, compressed], [4, size]),
      numbers([4, 0x08074b50], [4, crc], [8, compressed], [8, size]),
      numbers([4, crc], [8, compressed], [8, size]),
    ]) {
      expect(fault([{ ...one, flags: 0x808, local: zero, after }])).toBe("none");
    }
    expect(fault([one], { comment: new TextEncoder().encode("made by hand") })).toBe("none");
    expect(fault([one], { zip64: {} })).toBe("none");
    const extra = numbers([2, 1], [2, 16], [8, 11], [8, compressed]);
    expect(fault([{ ...one, size: 0xffffffff, compressedSize: 0xffffffff, extra, localExtra: extra }])).toBe(
      "none",
    );
    expect(fault([])).toBe("none");
  });
});

describe("names that must not become files", () => {
  for (const [name, message] of [
    ["../evil", "climbs out of the archive with “..”"],
    ["a/../../evil", "climbs out of the archive with “..”"],
    ["/etc/passwd", "is an absolute path"],
    ["C:/evil", "begins with a drive letter"],
    ["c:evil", "begins with a drive letter"],
    ["a\\b", "has a backslash in its name"],
    ["a\0b", "has a NUL in its name"],
    ["a\nb", "has a control character in its name"],
    ["a//b", "has an empty folder name in it"],
    ["./a", "has “.” as a folder name"],
    ["a/.", "has “.” as a folder name"],
    ["a//", "has an empty folder name in it"],
    ["", "has no name"],
    ["/", "has no name"],
    ["x".repeat(256), "has a name that is too long"],
    ["x/".repeat(1600).slice(0, -1), "has a name that is too long"],
  ] as const) {
    test(JSON.stringify(name.slice(0, 20)), () => {
      expect(fault([{ name, content: "" }])).toEndWith(message);
    });
  }

  test("names that Windows cannot have, there only", () => {
    for (const name of ["aux.py", "ab:c", "a?", "trailing.", "sub/NUL"]) {
      expect(fault([{ name }], {}, { windows: true })).toEndWith("has a name that Windows cannot have");
      expect(fault([{ name }], {}, { windows: false })).toBe("none");
    }
  });

  test("not UTF-8, or UTF-8 that does not say so", () => {
    expect(fault([{ name: Uint8Array.from([0x61, 0xff]) }])).toBe(
      'the name "aÿ" is not UTF-8, or does not say that it is',
    );
    expect(fault([{ name: "ü", flags: 0 }])).toEndWith("is not UTF-8, or does not say that it is");
  });

  test("a symbolic link, a device; links by their mode", () => {
    expect(fault([{ ...one, attributes: 0o120777 }])).toBe('"a.txt" is a symbolic link');
    expect(fault([{ ...one, attributes: 0o060644 }])).toBe('"a.txt" is neither a file nor a folder');
  });

  test("escapes in a message cannot reach the terminal", () => {
    expect(fault([{ name: "\u001b[31mred" }])).toBe('"\\u001b[31mred" has a control character in its name');
    expect(fault([{ name: "../\u202egnp" }])).toContain("\\u202e");
  });
});

describe("two names for one place", () => {
  test("the same twice, a file and a folder, a folder twice", () => {
    expect(fault([one, one])).toBe('"a.txt" occurs twice');
    expect(fault([one, { name: "a.txt/b" }])).toBe('"a.txt/b" is both a file and a folder');
    expect(fault([{ name: "a/b" }, { name: "a" }])).toBe('"a" is both a file and a folder');
    const folder = { name: "a/", method: 0, attributes: 0o040755 };
    expect(fault([folder, folder])).toBe('"a" occurs twice');
    expect(fault([{ name: "a/b" }, folder, { name: "a/c" }])).toBe("none");
  });

  test("written in another case where that is one file; composed and decomposed everywhere", () => {
    const both = [{ name: "A.txt" }, { name: "a.TXT" }];
    expect(fault(both, {}, { foldCase: true })).toBe(
      '"a.TXT" is the same name as "A.txt", written differently',
    );
    expect(fault(both, {}, { foldCase: false })).toBe("none");
    expect(fault([{ name: "P/a" }, { name: "p/b" }], {}, { foldCase: true })).toEndWith(
      "written differently",
    );
    expect(fault([{ name: "\u00fc" }, { name: "u\u0308" }])).toEndWith("written differently");
  });
});

describe("headers that contradict each other", () => {
  const contradicts = (what: string) =>
    `"a.txt" has a local header that contradicts the central directory (${what})`;
  test("name, method, flags, checksum, sizes", () => {
    expect(fault([{ ...one, local: { name: "b.txt" } }])).toBe(contradicts("name"));
    expect(fault([{ ...one, local: { method: 0 } }])).toBe(contradicts("method"));
    expect(fault([{ ...one, local: { flags: 0x801 } }])).toBe(contradicts("flags"));
    expect(fault([{ ...one, local: { crc: 1 } }])).toBe(contradicts("checksum"));
    expect(fault([{ ...one, local: { size: 12 } }])).toBe(contradicts("size"));
    expect(fault([{ ...one, local: { compressedSize: 1 } }])).toBe(contradicts("size"));
  });

  test("a second name in an extra field", () => {
    const extra = Buffer.concat([
      numbers([2, 0x7075], [2, 11], [2, 1]),
      new Uint8Array(3),
      new TextEncoder().encode("b.txt!"),
    ]);
    expect(fault([{ ...one, extra }])).toBe('"a.txt" has a second, different name');
    expect(fault([{ ...one, extra: numbers([2, 9], [2, 50]) }])).toBe(
      '"a.txt" has an extra field that is cut off',
    );
  });

  test("bytes that belong to nothing: before, between, after", () => {
    const junk = new TextEncoder().encode("junk");
    const shifted = [{ ...one }];
    expect(fault(shifted, { prefix: junk })).toBe("other data stands before its first entry");
    expect(fault([{ ...one, offset: 0 }], { prefix: junk })).toBe('"a.txt" has no local header');
    expect(fault([one], { prefix: junk, directoryOffset: 48 })).toStartWith(
      "its central directory is not where it says",
    );
    expect(fault([], { prefix: junk })).toBe("other data stands before the archive");
    expect(fault([{ ...one, after: junk }])).toBe('"a.txt" is followed by data that belongs to no entry');
    expect(fault([one], { suffix: junk })).toBe("it is not a zip file, or it is cut off");
  });

  test("two ends", () => {
    const inner = numbers([4, 0x06054b50], [8, 0], [8, 0], [2, 0]);
    expect(fault([one], { comment: inner })).toBe("it has two places that could be its end");
  });

  test("overlapping entries, one content for two names, entries outside", () => {
    const twice = [one, { ...one, name: "b.txt", offset: 0, onlyCentral: true }];
    expect(fault(twice)).toBe('"a.txt" overlaps with another entry');
    expect(fault([{ ...one, offset: 5000 }])).toBe('"a.txt" lies outside of the archive');
    expect(fault([{ ...one, compressedSize: 1000 }])).toBe('"a.txt" lies outside of the archive');
  });

  test("counts, parts, zip64 records that lie", () => {
    expect(fault([one], { count: 2 })).toBe(
      "its number of entries contradicts the size of its central directory",
    );
    expect(fault([one, { name: "b" }], { count: 1 })).toBe(
      "its central directory has more in it than entries",
    );
    expect(fault([one], { disk: 1 })).toBe("it is one part of an archive in several parts");
    expect(fault([one], { zip64: { count: 1e15 } })).toBe(`it has too many entries (${1e15})`);
    expect(fault([one], { zip64: { offset: 1 } })).toStartWith("its central directory is not where it says");
    expect(fault([one], { zip64: { recordOffset: 1 } })).toBe("its zip64 end record is not where it says");
    expect(fault([one], { zip64: {}, directoryOffset: 1 })).toBe("its two end records contradict each other");
  });

  test("a data descriptor that lies", () => {
    const after = numbers([4, 0x08074b50], [4, 1], [4, 2], [4, 3]);
    expect(fault([{ ...one, flags: 0x808, after }])).toBe(
      '"a.txt" has a data descriptor that contradicts the central directory',
    );
  });
});

describe("contents that are not what is declared", () => {
  test("a wrong checksum, encryption, other methods", () => {
    expect(fault([{ ...one, crc: 1 }])).toBe('"a.txt" is damaged (its checksum is wrong)');
    expect(fault([{ ...one, flags: 0x801 }])).toBe('"a.txt" is encrypted');
    expect(fault([{ ...one, method: 12 }])).toBe(
      '"a.txt" is compressed by a method that wheels do not use (12)',
    );
    expect(fault([{ ...one, raw: Uint8Array.from([0xff, 0xff]) }])).toBe(
      '"a.txt" is damaged (its compressed data is not valid)',
    );
    expect(fault([{ name: "d/", content: "x" }])).toBe('"d/" is a folder with content');
    expect(fault([{ ...one, method: 0, size: 5 }])).toBe('"a.txt" is stored with two different sizes');
  });

  test("bombs: more than declared, declared more than possible, more than the limit", () => {
    expect(fault([{ name: "bomb", content: new Uint8Array(1e6), size: 1000 }])).toBe(
      '"bomb" is larger than it says',
    );
    expect(fault([{ ...one, size: 100 }])).toBe('"a.txt" is smaller than it says');
    expect(fault([{ ...one, size: 0xfffffffe }])).toBe(
      '"a.txt" says that it unpacks to more than is possible',
    );
    expect(fault([{ name: "a", content: new Uint8Array(1000) }], {}, { maxBytes: 999 })).toBe(
      "it is too large when unpacked",
    );
    expect(fault([one, { name: "b" }], {}, { maxEntries: 1 })).toBe("it has too many entries (2)");
  });

  test("bytes after the end of the compressed data", () => {
    const raw = Uint8Array.from([0x03, 0x00, 0x41, 0x42]);
    expect(fault([{ name: "a", content: "", raw }])).toBe(
      '"a" has bytes after the end of its compressed data',
    );
  });
});

describe("the directory from the end of a file", () => {
  const whole = craftZip([one, { name: "b.txt", content: "bye" }], { comment: new Uint8Array(300) });
  test("asks for more until it has the directory, then gives the same entries as the whole", () => {
    let tail = whole.subarray(whole.length - 10);
    let asked = 0;
    for (;;) {
      const result = readZipDirectory(tail, whole.length);
      if (result.kind === "entries") {
        expect(result.entries.map(({ path }) => path)).toEqual(["a.txt", "b.txt"]);
        const entry = result.entries[1]!;
        expect(text(readZipEntryAt(whole.subarray(entry.offset, entry.end), entry))).toBe("bye");
        expect(() => readZipEntryAt(whole.subarray(entry.offset, entry.end - 1), entry)).toThrow(
          "is cut off",
        );
        break;
      }
      expect(result.start).toBeLessThan(whole.length - tail.length);
      tail = whole.subarray(result.start);
      asked += 1;
      expect(asked).toBeLessThan(4);
    }
  });
});

test("entries that are picked by their ends are as they are among all", () => {
  const name = fc.stringMatching(/^[a-c]{1,3}(\/[a-c]{1,2})?$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { maxLength: 12 }),
      fc.stringMatching(/^[a-c]{1,2}$/),
      (names, ending) => {
        const paths = names.filter((one) => !names.some((other) => other.startsWith(`${one}/`)));
        const bytes = craftZip(paths.map((path) => ({ name: path, content: path })));
        const read = (limits: ZipLimits) => {
          const directory = readZipDirectory(bytes, bytes.length, "x.whl", limits);
          return directory.kind === "entries" ? directory.entries : [];
        };
        const picked = read({}).filter(({ path }) => path.endsWith(ending));
        expect(read({ endingIn: ending })).toEqual(picked);
      },
    ),
  );
});

describe("against zip.js", () => {
  const file = fc.record({
    name: fc.stringMatching(/^[a-zA-Zäß_][a-z0-9_. -]{0,8}$/),
    content: fc.uint8Array({ maxLength: 300 }),
    level: fc.constantFrom(0, 6),
    dataDescriptor: fc.boolean(),
    zip64: fc.boolean(),
    executable: fc.boolean(),
  });
  const files = fc.uniqueArray(file, { maxLength: 6, selector: ({ name }) => name.toLowerCase() });

  async function write(
    entries: {
      name: string;
      content: Uint8Array;
      level: number;
      dataDescriptor: boolean;
      zip64: boolean;
      executable: boolean;
    }[],
  ) {
    const writer = new ZipWriter(new Uint8ArrayWriter(), { keepOrder: true });
    for (const { name, content, executable, ...options } of entries) {
      await writer.add(name, new Uint8ArrayReader(content), {
        ...options,
        unixMode: executable ? 0o100755 : 0o100644,
        extendedTimestamp: false,
      });
    }
    return await writer.close();
  }

  test("what it writes is read the same", async () => {
    await fc.assert(
      fc.asyncProperty(files, async (entries) => {
        const archive = openZip(await write(entries));
        expect(archive.entries.map(({ path, executable }) => [path, executable])).toEqual(
          entries.map(({ name, executable }) => [name, executable]),
        );
        entries.forEach(({ content }, i) => {
          expect(Buffer.compare(archive.read(archive.entries[i]!), content)).toBe(0);
        });
      }),
      { numRuns: 60 },
    );
  });

  test("of a mutated archive, an error or the same as zip.js reads strictly; never anything else", async () => {
    await fc.assert(
      fc.asyncProperty(
        files.filter((entries) => entries.length > 0),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        async (entries, changes) => {
          const bytes = (await write(entries)).slice();
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          let ours: Map<string, string> | undefined;
          try {
            const archive = openZip(bytes);
            const read = archive.entries.map((entry) => [entry.path, archive.read(entry).toHex()] as const);
            ours = new Map(read);
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
          }
          if (ours === undefined) return;
          const theirs = await readByZipJs(bytes);
          if (theirs === undefined) return;
          // A folder by its mode alone: for us, as for Python, one is what ends with a slash.
          for (const path of theirs.folders) ours.delete(path);
          expect(ours).toEqual(theirs.files);
        },
      ),
      { numRuns: 400 },
    );
  });

  async function readByZipJs(
    bytes: Uint8Array,
  ): Promise<{ files: Map<string, string>; folders: string[] } | undefined> {
    try {
      const reader = new ZipReader(new Uint8ArrayReader(bytes), {
        strictness: "strict",
        checkSignature: true,
      } as object);
      const files = new Map<string, string>();
      const folders: string[] = [];
      for (const entry of await reader.getEntries()) {
        const path = entry.filename.replace(/\/$/, "");
        if (entry.directory && path === entry.filename) folders.push(path);
        else if (entry.directory) files.set(path, "");
        else files.set(path, (await entry.getData(new Uint8ArrayWriter())).toHex());
      }
      return { files, folders };
    } catch {
      return undefined;
    }
  }
});

test("any bytes: an error or an archive, never a crash", () => {
  const signatures = fc.constantFrom(
    numbers([4, 0x04034b50]),
    numbers([4, 0x02014b50]),
    numbers([4, 0x06054b50]),
    new Uint8Array(22),
  );
  const bytes = fc.array(fc.oneof(signatures, fc.uint8Array({ maxLength: 60 })), { maxLength: 8 });
  fc.assert(
    fc.property(bytes, (parts) => {
      faultOf(new Uint8Array(Buffer.concat(parts)));
    }),
    { numRuns: 2000 },
  );
});
