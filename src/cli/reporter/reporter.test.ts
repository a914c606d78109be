import { describe, expect, test } from "bun:test";
import { Failure } from "../../platform/errors.ts";
import { count, formatBytes, formatDuration } from "./amounts.ts";
import { exitCodeOf, failureJson, failureText } from "./failure-text.ts";
import { palette, takesColor } from "./terminal.ts";

const plain = palette(false);

describe("a failure is told", () => {
  test("with its place, the quoted input, the chain of causes and one hint", () => {
    const failure = new Failure("DXPY_X", "It went wrong", {
      context: { path: "/p/pyproject.toml", line: 3, column: 7, detail: "3 | a = =\n        ^" },
      cause: new Error("the reason", { cause: new Error("the reason of the reason") }),
      hint: "Do this.",
    });
    expect(failureText(failure, plain, false)).toBe(
      [
        "error: It went wrong",
        "  --> /p/pyproject.toml:3:7",
        "   3 | a = =",
        "           ^",
        "  caused by: the reason",
        "  caused by: the reason of the reason",
        "hint: Do this.",
      ].join("\n"),
    );
  });

  test("without saying twice what the message says already", () => {
    const failure = new Failure("DXPY_X", "/p/x cannot be read: no space", {
      context: { path: "/p/x" },
      cause: new Error("no space"),
    });
    expect(failureText(failure, plain, false)).toBe("error: /p/x cannot be read: no space");
  });

  test("what is no Failure is a defect of dx-py, without a stack", () => {
    const said = failureText(new RangeError("out of bounds"), plain, false);
    expect(said).toContain("dx-py failed: out of bounds");
    expect(said).toContain("defect");
    expect(said).not.toMatch(/^\s+at /m);
    expect(exitCodeOf(new RangeError())).toBe(1);
  });

  test("as JSON, with the code", () => {
    const { error } = failureJson(
      new Failure("DXPY_X", "m", { hint: "h", context: { package: "p" }, exitCode: 2 }),
    );
    expect(error).toEqual({ code: "DXPY_X", message: "m", hint: "h", context: { package: "p" }, causes: [] });
  });
});

describe("colours", () => {
  test("are decided by --color, NO_COLOR, FORCE_COLOR, TERM, in this order; a test's stdout is no terminal", () => {
    expect(takesColor(1, "always", { NO_COLOR: "1" })).toBe(true);
    expect(takesColor(1, "never", { FORCE_COLOR: "1" })).toBe(false);
    expect(takesColor(2, "auto", { NO_COLOR: "1", FORCE_COLOR: "1" })).toBe(false);
    expect(takesColor(2, "auto", { FORCE_COLOR: "1", TERM: "dumb" })).toBe(true);
    expect(takesColor(2, "auto", { TERM: "dumb" })).toBe(false);
  });

  test("paint nothing where they are off", () => {
    expect(palette(false).red("x")).toBe("x");
    expect(palette(true).red("x")).toBe("\x1b[31mx\x1b[39m");
    expect(palette(true).bold("")).toBe("");
  });
});

test("amounts as people read them", () => {
  expect([count(1, "package"), count(0, "package"), count(2, "entry", "entries")]).toEqual([
    "1 package",
    "0 packages",
    "2 entries",
  ]);
  expect([0, 999, 1000, 15_400_000, 2e13].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "15 MB",
    "20 TB",
  ]);
  expect([0.84, 53.2, 1240, 125_000].map(formatDuration)).toEqual(["0.8 ms", "53 ms", "1.24 s", "2 m 05 s"]);
});
