import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { parseIni, pipConfigFiles, readPipConfig } from "./pip-config.ts";

function python(script: string, input: unknown): unknown {
  const done = Bun.spawnSync(["python3", "-c", script], {
    stdin: new TextEncoder().encode(JSON.stringify(input)),
  });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  return JSON.parse(done.stdout.toString());
}

const CONFIGPARSER = `
import configparser, json, sys
def read(text):
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    result = {s: dict(parser._sections[s]) for s in parser.sections()}
    if parser._defaults: result["DEFAULT"] = dict(parser._defaults)
    return result
print(json.dumps([read(text) for text in json.load(sys.stdin)]))`;

describe("pip.conf", () => {
  const cases = [
    "[global]\nindex-url = https://x.test/simple\nextra-index-url =\n    https://a.test\n    https://b.test;x\n",
    "# c\n[install]\nkey: value\n; c\n\nother=a = b\n  more # not a comment\n\n  again\n",
    "[a]\nno value\n",
    "key = 1\n",
    "[a]\nx=1\nX=2\n",
    "[a]\n[a]\n",
    "[a] trailing\n  x = 1\n  y = 2\n    z\n",
    "[a]\nx =\n\n\ny=\n",
    "[DEFAULT]\nx = 1\n[a]\ny = 2\n",
  ];

  test("is read as Python's configparser reads it", () => {
    const piece = fc.constantFrom(
      "[a]",
      "[b]",
      "x",
      "Y",
      "=",
      ":",
      " ",
      "  ",
      "\n",
      "\n",
      "\n  ",
      "#",
      ";",
      "1",
      "v w",
      "\t",
    );
    const texts = [
      ...cases,
      ...fc.sample(
        fc.array(piece, { maxLength: 25 }).map((parts) => parts.join("")),
        1500,
      ),
    ];
    const expected = python(CONFIGPARSER, texts) as (Record<string, Record<string, string>> | null)[];
    for (const [i, text] of texts.entries()) {
      let actual: unknown = null;
      try {
        actual = Object.fromEntries(
          [...parseIni(text)].map(([name, keys]) => [name, Object.fromEntries(keys)]),
        );
      } catch {
        // configparser refuses it as well.
      }
      const wanted = expected[i] ?? null;
      expect([text, actual]).toEqual([text, wanted as never]);
    }
  });

  test("PIP_* before the files, the interpreter's before the user's, [install] before [global]", () => {
    const root = mkdtempSync(`${tmpdir()}/pip-config-`);
    try {
      mkdirSync(`${root}/.config/pip`, { recursive: true });
      mkdirSync(`${root}/prefix`);
      const user =
        "[global]\nindex-url = https://user.test\nfind_links = a\n  b\n[install]\nno-index = true\n";
      writeFileSync(`${root}/.config/pip/pip.conf`, user);
      writeFileSync(`${root}/prefix/pip.conf`, "[global]\nindex-url = https://site.test\nno-index = false\n");
      writeFileSync(`${root}/broken.conf`, "what = is this\n");
      const env = { HOME: root, XDG_CONFIG_DIRS: `${root}/none` };
      const warnings: string[] = [];
      const warn = (message: string) => void warnings.push(message);
      const config = readPipConfig(
        { ...env, PIP_CONFIG_FILE: `${root}/broken.conf` },
        `${root}/prefix`,
        warn,
      );
      expect(config.get("index-url")).toEqual({
        value: "https://site.test",
        origin: `${root}/prefix/pip.conf`,
      });
      expect(config.get("no-index")?.value).toBe("true");
      expect(config.get("find-links")?.value.split(/\s+/)).toEqual(["a", "b"]);
      expect(warnings).toEqual([
        `${root}/broken.conf is left out: line 1: a setting before the first [section]`,
      ]);
      const loud = readPipConfig({ ...env, PIP_INDEX_URL: "https://env.test" }, undefined);
      expect(loud.get("index-url")).toEqual({ value: "https://env.test", origin: "PIP_INDEX_URL" });
      expect(pipConfigFiles({ ...env, PIP_CONFIG_FILE: "/dev/null" }, undefined)).toEqual([]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
