import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeReferences, scanAnchors } from "./html-anchors.ts";

describe("anchors of a page", () => {
  test("attributes in any order, case and quoting", () => {
    const page = scanAnchors(`<!doctype html><html><head>
      <meta name="pypi:repository-version" content="1.1"><BASE HREF="https://x.test/files/"></head><body>
      <a href="a-1.whl#sha256=00" data-requires-python="&gt;=3.8,&lt;4">a</a>
      <A data-yanked HREF='b&amp;c.whl'>b</A><a href=c.tar.gz data-core-metadata=true>c</a>
      <a
        data-dist-info-metadata="sha256=ab" href = " d.whl "
      >d</a><abbr href="no.whl"><a name="top">no link</a></body>`);
    expect(page.version).toBe("1.1");
    expect(page.base).toBe("https://x.test/files/");
    expect(page.anchors).toEqual([
      { href: "a-1.whl#sha256=00", requiresPython: ">=3.8,<4" },
      { href: "b&c.whl", yanked: "" },
      { href: "c.tar.gz", metadata: "true" },
      { href: "d.whl", metadata: "sha256=ab" },
    ]);
  });

  test("comments and what is cut off count for nothing", () => {
    expect(scanAnchors('<!-- <a href="x.whl"> --><a href="y.whl">').anchors).toEqual([{ href: "y.whl" }]);
    expect(scanAnchors('<a href="x.whl">x</a><!-- <a href="y.whl">').anchors).toEqual([{ href: "x.whl" }]);
    expect(scanAnchors('<a href="x.whl" data-yanked="').anchors).toEqual([]);
    expect(scanAnchors("<a href=x.whl").anchors).toEqual([]);
  });

  test.each([
    ["&lt;3 &#62; &#x3e; &amp;amp; &quot;&apos;", "<3 > > &amp; \"'"],
    ["&unknown; &#0; &#xD800; &#1114112; &", "&unknown; \ufffd \ufffd \ufffd &"],
    ["no references", "no references"],
  ])("character references: %s", (text, expected) => {
    expect(decodeReferences(text)).toBe(expected);
  });

  test("agrees with Python's own parser on generated pages", () => {
    const value = fc.stringMatching(/^[a-z0-9 ./#=&;><'-]{0,12}$/);
    const attribute = fc.oneof(
      fc.record({
        name: fc.constantFrom("href", "HREF", "data-yanked", "data-requires-python", "class"),
        value,
      }),
    );
    const tag = fc.record({
      name: fc.constantFrom("a", "A", "abbr", "p"),
      attributes: fc.array(attribute, { maxLength: 4 }),
    });
    const pages = fc.sample(fc.array(tag, { maxLength: 6 }), 200).map((tags) =>
      tags
        .map(({ name, attributes }) => {
          const text = attributes.map((one) => ` ${one.name}="${one.value.replaceAll("&", "&amp;")}"`);
          return `<${name}${text.join("")}>x</${name}>`;
        })
        .join("\n"),
    );
    const oracle = Bun.spawnSync(
      [
        "python3",
        "-c",
        `import html.parser, json, sys
class P(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(); self.found = []
    def handle_starttag(self, tag, attrs):
        if tag != "a": return
        d = {}
        for k, v in attrs:
            if k == "href" and d.get("href"): continue
            if k in ("href",): d[k] = (v or "").strip()
            elif k not in d: d[k] = v or ""
        if d.get("href"): self.found.append([d["href"], d.get("data-requires-python"), d.get("data-yanked")])
out = []
for page in json.load(sys.stdin):
    p = P(); p.feed(page); p.close(); out.append(p.found)
print(json.dumps(out))`,
      ],
      { stdin: new TextEncoder().encode(JSON.stringify(pages)) },
    );
    const expected = JSON.parse(oracle.stdout.toString()) as unknown[];
    const actual = pages.map((page) =>
      scanAnchors(page).anchors.map((anchor) => [
        anchor.href,
        anchor.requiresPython ?? null,
        anchor.yanked ?? null,
      ]),
    );
    expect(actual).toEqual(expected as never);
  });

  test("hostile pages are read in linear time and never throw", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom("<a ", "<", ">", '"', "'", "=", " ", "/", "<!--", "-->", "href", "&#", ";", "x"),
        ),
        (parts) => {
          scanAnchors(parts.join(""));
        },
      ),
    );
    for (const piece of ['<a href="', "<a href='x", "<!--", "<a =", "<a/", "<a href=x ", "<base ", '<a ">']) {
      scanAnchors(piece.repeat(200_000));
    }
  });
});
