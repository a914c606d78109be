import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { isPrerelease, parseVersion } from "../standards/version.ts";
import type { DistributionFile } from "./distribution.ts";
import { groupByVersion, possibleProjects } from "./listing.ts";
import { overlayPage } from "./overlay-page.ts";
import { decodePage, encodePage, packPage } from "./page-format.ts";
import { resolveUrl } from "./page-links.ts";

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const hashes = fc.oneof(
  fc.constant({}),
  fc.record({ sha256: hex(64) }),
  fc.record({ sha256: hex(64), md5: hex(32) }),
  fc.record({ blake2b: hex(128) }),
  fc.record({ sha256: hex(40) }),
);
const folder = fc.oneof(
  fc.tuple(hex(2), hex(2), hex(60)).map((parts) => `https://files.test/packages/${parts.join("/")}/`),
  fc.constantFrom("https://x.test/", "file:///wheels/", "https://y.test/a%20b/"),
  fc.webUrl().map((url) => `${url}/`),
);
const files = fc.array(
  fc.record(
    {
      version: fc.stringMatching(/^([0-9]|1[0-9])\.[0-9](\.0|rc1|\.post1|\+local)?$/),
      kind: fc.constantFrom("wheel" as const, "sdist" as const),
      python: fc.constantFrom("py3", "cp312", "py2.py3"),
      folder,
      elsewhere: fc.boolean(),
      hashes,
      yanked: fc.oneof(fc.constant(false as const), fc.string()),
      size: fc.nat(2 ** 40),
      requiresPython: fc.string({ minLength: 1 }),
      uploadTime: fc.nat(2 ** 45),
      metadataHashes: hashes,
    },
    { requiredKeys: ["version", "kind", "python", "folder", "elsewhere", "hashes", "yanked"] },
  ),
  { maxLength: 30 },
);
type Row = typeof files extends fc.Arbitrary<(infer T)[]> ? T : never;
const asFiles = (rows: Row[]) =>
  rows.map(({ version, python, folder: place, elsewhere, ...rest }): DistributionFile => {
    const filename =
      rest.kind === "wheel" ? `spam-${version}-${python}-none-any.whl` : `spam-${version}.tar.gz`;
    return {
      ...rest,
      filename,
      // As every reader gives it: absolute and normal.
      url: resolveUrl(elsewhere ? `${place}get?file=${filename}&x` : place + filename, "file:///")!,
      index: "https://x.test/simple",
    };
  });

describe("the compact form of a page", () => {
  test("gives back every file of every version, in order", async () => {
    await fc.assert(
      fc.asyncProperty(files, async (rows) => {
        const groups = groupByVersion("spam", asFiles(rows));
        const page = decodePage(
          await packPage(encodePage(groups, "file:///")),
          "spam",
          "https://x.test/simple",
        );
        expect(page.count).toBe(groups.length);
        for (const [i, group] of groups.entries()) {
          expect(page.versionText(i)).toBe(group.version.text);
          expect(page.isPrerelease(i)).toBe(isPrerelease(group.version));
          expect(page.files(i)).toEqual(group.files);
          expect(page.position(group.version)).toBe(i);
        }
      }),
    );
  });

  test("what is laid over a page is as if it had been on it", async () => {
    await fc.assert(
      fc.asyncProperty(files, files, async (below, above) => {
        const [under, over] = [asFiles(below), asFiles(above)];
        const compact = encodePage(groupByVersion("spam", under), "file:///");
        const page = decodePage(await packPage(compact), "spam", "https://x.test/simple");
        const laid = overlayPage(page, groupByVersion("spam", over));
        const expected = groupByVersion("spam", [...over, ...under]);
        expect(laid.versions.length).toBe(expected.length);
        for (const [i, group] of expected.entries()) {
          expect(laid.files(i)).toEqual(group.files);
          expect(laid.isPrerelease(i)).toBe(isPrerelease(group.version));
          expect(laid.position(group.version)).toBe(i);
        }
      }),
    );
  });

  test("cut off, changed or anything at all, without a checksum: an error that says so, or a page", async () => {
    const many = Array.from({ length: 300 }, (_, i): DistributionFile => {
      const filename = `spam-${i}.tar.gz`;
      const hashes = { sha256: new Bun.CryptoHasher("sha256").update(filename).digest("hex") };
      return {
        filename,
        kind: "sdist",
        url: `https://x.test/${filename}`,
        hashes,
        yanked: false,
        index: "i",
      };
    });
    const kept = await packPage(encodePage(groupByVersion("spam", many)));
    const look = (bytes: Uint8Array) => {
      try {
        const page = decodePage(bytes, "spam", "i");
        for (const i of [0, 150, page.count - 1]) page.files(i);
        page.position(parseVersion("150"));
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
      }
    };
    for (let at = 0; at < kept.length; at += 1) {
      expect(() => decodePage(kept.subarray(0, at), "spam", "i")).toThrow("What is cached of spam");
      const changed = kept.slice();
      changed[at]! ^= 1 << (at % 8);
      look(changed);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), look));
  });

  test("a thousand folders", async () => {
    const many = Array.from({ length: 1000 }, (_, i): DistributionFile => {
      const filename = `spam-${i}.tar.gz`;
      return {
        filename,
        kind: "sdist",
        url: `https://x.test/${i}/${filename}`,
        hashes: {},
        yanked: false,
        index: "i",
      };
    });
    const page = decodePage(await packPage(encodePage(groupByVersion("spam", many))), "spam", "i");
    expect(page.files(page.position(parseVersion("999")))).toEqual([many[999]!]);
  });
});

describe("grouping files into versions", () => {
  test("the projects that a file may be of", () => {
    expect(possibleProjects("a_b-1.0-1-py3-none-any.whl")).toEqual(["a-b"]);
    expect(possibleProjects("a-2-1.0-1.tar.gz")).toEqual(["a-2-1-0", "a", "a-2"]);
  });

  const file = (filename: string): DistributionFile => ({
    filename,
    kind: filename.endsWith(".whl") ? "wheel" : "sdist",
    url: `https://x.test/${filename}`,
    hashes: {},
    yanked: false,
    index: "i",
  });

  test("one version however it is spelt; other projects and unreadable versions left out", () => {
    const groups = groupByVersion(
      "a-b",
      [
        "a_b-1.0-py3-none-any.whl",
        "a-b-1.0.0.tar.gz",
        "A.B-0.9.zip",
        "a_b-extra-1.0.tar.gz",
        "a_b-1.0-py3-none.whl",
        "c-1.0.tar.gz",
        "a_b-1.0-py3-none-any.whl",
      ].map(file),
    );
    expect(
      groups.map(({ version, files: own }) => [version.text, own.map(({ filename }) => filename)]),
    ).toEqual([
      ["0.9", ["A.B-0.9.zip"]],
      ["1.0", ["a_b-1.0-py3-none-any.whl", "a-b-1.0.0.tar.gz"]],
    ]);
  });
});
