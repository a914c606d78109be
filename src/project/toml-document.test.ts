import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { temporaryFolder } from "./testing/temporary-folder.ts";
import { parseKeyPath, parseToml, quoteLine, readTomlFile } from "./toml-document.ts";

async function failureOf(text: string): Promise<Failure> {
  try {
    await parseToml(text, "/p/pyproject.toml");
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("a TOML file that is wrong is shown at its place", () => {
  const cases: [string, number, number][] = [
    ["a = = 1\n", 1, 5],
    ['[project]\nname = "x\nb = 1\n', 2, 10],
    ["é = 1\n", 1, 1],
    ['a = "🎉" b\n', 1, 9],
    ["a = 1\na = 2\n", 2, 1],
  ];
  test.each(cases)("%j", async (text, line, column) => {
    const { code, context, exitCode } = await failureOf(text);
    expect(code).toBe("DXPY_BAD_TOML");
    expect([context.line, context.column]).toEqual([line, column]);
    expect(context.detail).toContain("^");
    expect(exitCode).toBe(2);
  });

  test("what only TOML 1.1 allows is refused, because Python's tomllib refuses it", async () => {
    for (const text of ["a = {\n b = 1 }\n", "a = { b = 1, }\n", 'a = "\\e"\n', "a = 12:30\n"]) {
      expect((await failureOf(text)).code).toBe("DXPY_BAD_TOML");
    }
  });

  test("what looks like it, inside of strings and arrays, is not", async () => {
    const text = "a = \"{\\n\"\nb = { c = [\n 1,\n] }\nd = 12:30:00\n# {,}\ne = '\\e'\n";
    expect(Object.keys((await parseToml(text, "/p")).table)).toEqual(["a", "b", "d", "e"]);
  });
});

test("a file that is missing is `undefined`; one that is not UTF-8 or is a folder is an error", async () => {
  const dir = temporaryFolder("toml");
  expect(await readTomlFile(`${dir}/none.toml`)).toBeUndefined();
  writeFileSync(`${dir}/bad.toml`, Uint8Array.of(0x61, 0x3d, 0xff));
  expect(readTomlFile(`${dir}/bad.toml`)).rejects.toThrow("is not UTF-8 text");
  expect(readTomlFile(dir)).rejects.toThrow("cannot be read");
});

test("key paths come apart as they were put together", () => {
  expect(parseKeyPath("project.optional-dependencies.x[2]")).toEqual([
    "project",
    "optional-dependencies",
    "x",
    2,
  ]);
  expect(parseKeyPath('tool."a.b".c[0][1]')).toEqual(["tool", "a.b", "c", 0, 1]);
});

test("a long line is cut around the caret", () => {
  const text = `${"x".repeat(500)}HERE${"y".repeat(500)}`;
  const [line = "", caret = ""] = quoteLine(text, 1, 501).split("\n");
  expect(line.length).toBeLessThan(120);
  expect(line[caret.indexOf("^")]).toBe("H");
});

test("property: any text is a table or a failure with a place", async () => {
  const piece = fc.constantFrom(
    "a",
    "=",
    "[",
    "]",
    "{",
    "}",
    ",",
    '"',
    "'",
    "\n",
    "#",
    "\\",
    "1",
    ".",
    "é",
    "\u0000",
    "'''",
    '"""',
    " ",
    "\r",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      try {
        expect(typeof (await parseToml(pieces.join(""), "/p")).table).toBe("object");
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
      }
    }),
    { numRuns: 500 },
  );
});
