import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { foreignLock } from "./foreign-lock.ts";
import { temporaryFolder } from "./testing/temporary-folder.ts";

function folder(files: Record<string, string>): string {
  const dir = temporaryFolder("foreign");
  for (const [name, text] of Object.entries(files)) writeFileSync(`${dir}/${name}`, text);
  return dir;
}

describe("another tool's lock", () => {
  test("of uv: what comes from an index", () => {
    const dir = folder({
      "uv.lock": `version = 1
[[package]]
name = "idna"
version = "3.4"
source = { registry = "https://h/simple" }
[[package]]
name = "app"
version = "0.1.0"
source = { editable = "." }
[[package]]
name = "lib"
version = "1.0"
source = { git = "https://h/r.git#abc" }
`,
    });
    expect(foreignLock(dir)).toEqual({ file: "uv.lock", preferences: [{ name: "idna", version: "3.4" }] });
  });

  test("of Poetry", () => {
    const dir = folder({
      "poetry.lock": '[[package]]\nname = "Jinja2"\nversion = "3.1.0"\noptional = false\n',
    });
    expect(foreignLock(dir)).toEqual({
      file: "poetry.lock",
      preferences: [{ name: "jinja2", version: "3.1.0" }],
    });
  });

  test.each([
    "",
    "][",
    "package = 3",
    "[[package]]\nname = 1\n",
    '[[package]]\nname = "a"\nversion = "no"\n',
  ])("what cannot be read counts as absent: %j", (text) => {
    expect(foreignLock(folder({ "uv.lock": text }))).toBeUndefined();
  });

  test("none", () => {
    expect(foreignLock(folder({}))).toBeUndefined();
  });
});
