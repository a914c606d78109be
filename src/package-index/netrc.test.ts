import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { parseNetrc } from "./netrc.ts";

describe(".netrc", () => {
  test.each([
    ["machine x.test login me password s3cret#1\n", { "x.test": ["me", "s3cret#1"] }],
    [
      'machine x login "a b" password "q\\"t"\ndefault login d password p',
      { x: ["a b", 'q"t'], default: ["d", "p"] },
    ],
    ["# c\nmachine x # c\n login a\n # c\n password b\n", { x: ["a", "b"] }],
    ["macdef init\nmachine evil login a password b\n\nmachine x login c password d", { x: ["c", "d"] }],
    ["machine x account y password z", { x: ["", "z"] }],
  ])("%p", (text, expected) => {
    const hosts = Object.fromEntries(
      [...parseNetrc(text)!].map(([host, { login, password }]) => [host, [login, password]]),
    );
    expect(hosts).toEqual(expected as never);
  });

  test.each(["machine", "login x", "machine x login a what", "macdef x\nno end"])("%p is refused", (text) => {
    expect(parseNetrc(text)).toBeUndefined();
  });

  test("agrees with Python's netrc", () => {
    const folder = mkdtempSync(`${tmpdir()}/netrc-`);
    try {
      const piece = fc.constantFrom(
        ...[
          "machine",
          "default",
          "login",
          "user",
          "password",
          "account",
          "macdef",
          "#",
          "x",
          "y",
          '"a b"',
          "\\#",
          '"q',
        ],
      );
      const space = fc.constantFrom(" ", "\n", "\n\n", "\t");
      const words = fc.array(fc.tuple(piece, space), { maxLength: 14 });
      const texts = fc.sample(words, 300).map((list) => list.flat().join(""));
      const done = Bun.spawnSync(
        [
          "python3",
          "-c",
          `import json, netrc, sys
def read(text):
    with open("${folder}/n", "w", newline="") as f: f.write(text)
    try: return {h: [a[0] or "", a[2] or ""] for h, a in netrc.netrc("${folder}/n").hosts.items()}
    except netrc.NetrcParseError: return None
print(json.dumps([sys.version_info[:2] >= (3, 11), [read(t) for t in json.load(sys.stdin)]]))`,
        ],
        { stdin: new TextEncoder().encode(JSON.stringify(texts)) },
      );
      const [modern, expected] = JSON.parse(done.stdout.toString()) as [
        boolean,
        (Record<string, string[]> | null)[],
      ];
      // Before 3.11 Python split words with shlex, which differs in quotes and comments.
      if (!modern) return;
      for (const [i, text] of texts.entries()) {
        const hosts = parseNetrc(text);
        const actual =
          hosts === undefined
            ? null
            : Object.fromEntries([...hosts].map(([host, { login, password }]) => [host, [login, password]]));
        expect([text, actual]).toEqual([text, expected[i] as never]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
