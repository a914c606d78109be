import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { parsePythonRequest } from "./python-request.ts";

describe("what a person writes after --python", () => {
  const version = (release: number[], more = {}) => ({
    kind: "version",
    release,
    freeThreaded: false,
    debug: false,
    ...more,
  });

  test.each([
    ["3", version([3])],
    ["3.12", version([3, 12])],
    ["3.12.1", version([3, 12, 1])],
    ["312", version([3, 12])],
    ["cpython3.12", version([3, 12])],
    ["cpython-3.12.1", version([3, 12, 1])],
    ["python3.12", version([3, 12])],
    ["cp312", version([3, 12])],
    ["3.14.0rc1", version([3, 14, 0], { exact: "3.14.0rc1" })],
    ["3.13t", version([3, 13], { freeThreaded: true })],
    ["3.13+freethreaded", version([3, 13], { freeThreaded: true })],
    ["3.13d", version([3, 13], { debug: true })],
    ["python3", version([3])],
    ["python", version([])],
    ["", { kind: "any" }],
    ["./bin/python", { kind: "path", path: "./bin/python" }],
    ["/usr/bin/python3", { kind: "path", path: "/usr/bin/python3" }],
    ["my-python", { kind: "name", name: "my-python" }],
  ])("%p", (text, expected) => {
    expect(parsePythonRequest(text)).toEqual(expected as never);
  });

  test("a range is a specifier set", () => {
    const request = parsePythonRequest(">=3.9,<3.12");
    expect(request.kind).toBe("range");
  });

  test.each(["pypy3.9", "pypy", "pp310", "graalpy24", "3.7", "2.7", "27"])(
    "%p is refused clearly",
    (text) => {
      expect(() => parsePythonRequest(text)).toThrow(
        expect.objectContaining({ code: "DXPY_UNSUPPORTED_PYTHON", exitCode: 2 }),
      );
    },
  );

  test("any text is understood or refused with a Failure", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[<>=!~a-z0-9.,+@-]{0,20}$/)), (text) => {
        try {
          parsePythonRequest(text);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }),
    );
  });
});
