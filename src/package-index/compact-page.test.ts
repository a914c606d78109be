import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { compactPage } from "./compact-page.ts";
import { scanEntries } from "./json-entries.ts";
import { groupByVersion } from "./listing.ts";
import type { PackagePage } from "./package-page.ts";
import { type CompactPage, decodePage, encodePage, openPage, packPage } from "./page-format.ts";
import { readSimplePage } from "./simple-page.ts";

const source = {
  url: "https://x.test/simple/spam/",
  index: "https://x.test/simple",
  contentType: "application/vnd.pypi.simple.v1+json",
};

/** As Python's `json.dumps` writes it: a space after each comma and colon. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${spaced(item)}`);
  return `{${members.join(", ")}}`;
}

const styles = {
  spaced,
  plain: (value: unknown) => JSON.stringify(value),
  indented: (value: unknown) => JSON.stringify(value, undefined, 2),
};

const version = fc.oneof(
  fc.constantFrom("1.0", "1.0.0", "1.0RC1", "1.0rc1", "2", "x", "1-1", ""),
  fc.stringMatching(/^[0-9]\.[0-9](rc1|\.post1|\+a)?$/),
);
const filename = fc.oneof(
  fc
    .tuple(fc.constantFrom("spam", "Spam", "egg"), version, fc.constantFrom("any", "win32", "macosx_1_x"))
    .map(([name, text, platform]) => `${name}-${text}-py3-none-${platform}.whl`),
  version.map((text) => `spam-${text}.tar.gz`),
  fc.constantFrom("spam-1.0-py3.whl", "spam-1.0.egg", "spam-1.0.tar.gz.asc", "späm-1.0.zip", 'a"b.whl', ""),
);
/** Texts that look like the ends of entries. */
const text = fc.oneof(
  fc.string(),
  fc.constantFrom("},{", "}, {", "}]", '"}, {"filename": "', "\\", "ä", '{"files": [{'),
);
const entry = fc.record(
  {
    "core-metadata": fc.oneof(fc.boolean(), fc.record({ sha256: fc.stringMatching(/^[0-9a-f]{64}$/) })),
    filename: fc.oneof({ weight: 20, arbitrary: filename }, { weight: 1, arbitrary: text }),
    hashes: fc.record({ sha256: fc.stringMatching(/^[0-9a-f]{64}$/) }),
    provenance: fc.oneof(
      { weight: 20, arbitrary: fc.constant(null) },
      {
        weight: 1,
        arbitrary: fc.constantFrom([{ a: 1 }, { filename: "spam-1.0.zip" }], [{}], { filename: "b" }),
      },
    ),
    "requires-python": fc.oneof(fc.constant(null), text),
    size: fc.nat(),
    url: fc.constantFrom("https://y.test/a", "../b/c.whl", "https://y.test/b#sha256=00"),
    yanked: fc.oneof(fc.boolean(), text),
  },
  { requiredKeys: ["filename", "url"] },
);
const page = fc.record({
  "alternate-locations": fc.constantFrom([], ["https://z.test"], [{ files: [{ filename: "spam-9.zip" }] }]),
  files: fc.array(entry, { maxLength: 12 }),
  meta: fc.constant({ "api-version": "1.1" }),
  versions: fc.array(version, { maxLength: 3 }),
});

/** All that a page says, the same when it was made now as when it was kept. */
function contentOf(compact: CompactPage) {
  const made = rowsOf(openPage(compact, "spam", source.index));
  const packed = packPage(compact);
  // Short as it is.
  if (packed instanceof Promise) throw new Error("it is compressed by another thread");
  expect(rowsOf(decodePage(packed, "spam", source.index))).toEqual(made);
  return made;
}

function rowsOf(decoded: PackagePage) {
  const rows = Array.from({ length: decoded.count }, (_, i) => ({
    text: decoded.versionText(i),
    prerelease: decoded.isPrerelease(i),
    files: decoded.files(i),
  }));
  // A version whose files cannot be installed is as good as none.
  return rows.filter(({ files }) => files.length > 0);
}

describe("a JSON page", () => {
  test.each(Object.entries(styles))("%s: as if it had been parsed whole", (_, write) => {
    fc.assert(
      fc.property(page, (value) => {
        const body = Buffer.from(write(value));
        const whole = encodePage(groupByVersion("spam", readSimplePage(body, source)), source.url);
        expect(contentOf(compactPage("spam", body, source))).toEqual(contentOf(whole));
      }),
      { numRuns: 500 },
    );
  });

  test("what an index writes is found without parsing it", () => {
    const files = ["spam-1.0-py3-none-any.whl", "spam-1.0.tar.gz", "spam-1.1.tar.gz"].map((name) => ({
      "core-metadata": { sha256: "0".repeat(64) },
      filename: name,
      hashes: { sha256: "0".repeat(64) },
      url: `https://y.test/${name}`,
      yanked: "{}, for good",
    }));
    for (const write of [styles.spaced, styles.plain]) {
      const found: string[] = [];
      const frame = scanEntries(write({ files: files.slice(0, 2), meta: {} }), (name, start, end) => {
        found.push(name, String(end > start));
      });
      expect(frame).toEqual({ files: [], meta: {} });
      expect(found).toEqual(["spam-1.0-py3-none-any.whl", "true", "spam-1.0.tar.gz", "true"]);
    }
  });

  test("a file that lies nowhere is none", () => {
    const files = ["mailto:x", "https://y.test/spam-2.zip"].map((url, i) => ({
      filename: `spam-${i + 1}.zip`,
      url,
    }));
    const found = contentOf(compactPage("spam", Buffer.from(spaced({ files })), source));
    expect(found.map((row) => row.text)).toEqual(["2"]);
  });

  test("damage is an error that names the page, or says nothing else than before", () => {
    fc.assert(
      fc.property(page, fc.nat(), fc.nat(255), fc.boolean(), (value, at, byte, cut) => {
        const body = Buffer.from(spaced(value));
        body[at % body.length] = byte;
        try {
          contentOf(compactPage("spam", cut ? body.subarray(0, at % body.length) : body, source));
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
          expect((error as Failure).code).toBe("DXPY_BAD_INDEX_PAGE");
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("another language is refused without a look at its files", () => {
    const body = Buffer.from(
      spaced({ files: [{ filename: "spam-1.zip", url: "https://y.test" }], meta: { "api-version": "2.0" } }),
    );
    expect(() => compactPage("spam", body, source)).toThrow("it speaks version 2.0");
  });
});
