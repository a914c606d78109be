import { describe, expect, test } from "bun:test";
import { Failure } from "../platform/errors.ts";
import { parseEntryPoints } from "./entry-points.ts";
import { fullMetadata, parseMetadata } from "./metadata.ts";
import { parseWheelFile } from "./wheel-file.ts";

const METADATA = `Metadata-Version: 2.3
Name: Foo.Bar
Version: 1.0
Summary: A
  summary
Requires-Python: >=3.8
Requires-Dist: a>=1
requires-dist: b ; extra == 'Dev_Tools'
Provides-Extra: Dev_Tools
Provides-Extra: dev-tools
Dynamic: Requires-Dist
Project-URL: Docs, https://example.org/docs

# Foo

Requires-Dist: not-a-field
`;

describe("METADATA", () => {
  test.each([
    ["text", METADATA],
    ["bytes", new TextEncoder().encode(METADATA)],
    [
      "bytes with a byte order mark and Windows line ends",
      new TextEncoder().encode(`\ufeff${METADATA.replaceAll("\n", "\r\n")}`),
    ],
  ])("is read from %s", (_, data) => {
    expect(parseMetadata(data)).toEqual({
      metadataVersion: "2.3",
      name: "Foo.Bar",
      version: "1.0",
      requiresPython: ">=3.8",
      requiresDist: ["a>=1", "b ; extra == 'Dev_Tools'"],
      providesExtra: ["dev-tools"],
      dynamic: ["requires-dist"],
    });
  });

  test("has all fields and the description on request", () => {
    const full = fullMetadata(METADATA);
    expect(full.summary).toBe("A summary");
    expect(full.description).toBe("# Foo\n\nRequires-Dist: not-a-field\n");
    expect(full.projectUrls).toEqual([["Docs", "https://example.org/docs"]]);
    expect(full.fields.get("provides-extra")).toEqual(["Dev_Tools", "dev-tools"]);
  });

  test("of old and odd packages is read as far as it goes", () => {
    const odd = "Name: a\nVersion: 2004d\nName: b\nRequires-Dist: x (>=1.*)\n";
    expect(parseMetadata(odd)).toMatchObject({
      metadataVersion: "1.0",
      name: "a",
      version: "2004d",
      requiresDist: ["x (>=1.*)"],
    });
  });

  test.each([
    ["Version: 1\n", "has no `Name`"],
    ["Name: a\n", "has no `Version`"],
    ["\nName: a\nVersion: 1\n", "has no `Name`"],
    ["Name: a/../b\nVersion: 1\n", "is not the name of a project"],
    ["", "has no `Name`"],
  ])("%j is refused", (text, reason) => {
    expect(() => parseMetadata(text, { file: "a.whl" })).toThrow(Failure);
    expect(() => parseMetadata(text, { file: "a.whl" })).toThrow(reason);
  });

  test("made to be slow is not", () => {
    const lines = `Name: a\nVersion: 1\nX: ${" \t".repeat(200_000)}y\n${"A: b\r".repeat(100_000)}${"C: d\n".repeat(100_000)}`;
    expect(fullMetadata(lines).fields.get("a")).toHaveLength(100_000);
    expect(fullMetadata(lines).fields.get("c")).toHaveLength(100_000);
  });
});

describe("WHEEL", () => {
  test("says where files go", () => {
    const file = parseWheelFile(
      "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: True\nTag: py2-none-any\nTag: py3-none-any\n",
    );
    expect(file).toEqual({
      wheelVersion: "1.0",
      generator: "x",
      rootIsPurelib: true,
      tags: ["py2-none-any", "py3-none-any"],
    });
    expect(parseWheelFile("Wheel-Version: 1.9\nRoot-Is-Purelib: false\n").rootIsPurelib).toBe(false);
  });

  test.each(["", "Wheel-Version: 2.0\n", "Wheel-Version: x\n"])("%j is refused", (text) => {
    expect(() => parseWheelFile(text)).toThrow(Failure);
  });
});

describe("entry_points.txt", () => {
  test("has groups, names and references", () => {
    const text =
      "[console_scripts]\nfoo = foo.cli:main\n; odd\n# comment\n\n[x.y]\na = m.n [q, r]\nbad = 1-2\n";
    expect(parseEntryPoints(text)).toEqual([
      { group: "console_scripts", name: "foo", module: "foo.cli", attribute: "main", extras: [] },
      { group: "x.y", name: "a", module: "m.n", extras: ["q", "r"] },
    ]);
  });

  test("made to be slow is not", () => {
    expect(parseEntryPoints(`[a]\n${"[".repeat(300_000)}x]y\nb = ${"a ".repeat(300_000)}`)).toEqual([]);
  });
});
