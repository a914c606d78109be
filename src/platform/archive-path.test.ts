import { expect, test } from "bun:test";
import fc from "fast-check";
import { archivePathFault, createPathRegister, quoted } from "./archive-path.ts";

test("an accepted path stays below the folder it is joined to", () => {
  const segment = fc.oneof(
    fc.constantFrom("..", ".", "", "a", "C:", "\\", "\0"),
    fc.string({ maxLength: 6, unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      const path = segments.join("/");
      if (archivePathFault(path) !== undefined) return;
      expect(
        new URL(`file:///base/${path.split("/").map(encodeURIComponent).join("/")}`).pathname,
      ).toStartWith("/base/");
      expect(path.split("/")).not.toContain("..");
      expect(path).not.toMatch(/[\0-\x1f\\]/);
    }),
    { numRuns: 2000 },
  );
});

test("ordinary names are accepted", () => {
  for (const path of ["a", "a/b.py", ".hidden", "..a", "a..b", "a b", "grüße/λ.txt", "x".repeat(255)]) {
    expect(archivePathFault(path, { windows: false })).toBeUndefined();
  }
  expect(archivePathFault("ü".repeat(128))).toBe("has a name that is too long");
});

test("a path twice, a file as a folder, an implied folder as a file", () => {
  const register = createPathRegister({ foldCase: false });
  expect(register.add("a/b/c", false)).toBeUndefined();
  expect(register.add("a/b", true)).toBeUndefined();
  expect(register.add("a/b/d", false)).toBeUndefined();
  expect(register.add("a/b/c", false)).toBe("occurs twice");
  expect(register.add("a", false)).toBe("is both a file and a folder");
  expect(register.add("a/b/c/d", false)).toBe("is both a file and a folder");
  expect(register.add("A/x", false)).toBeUndefined();
  expect(createPathRegister({ foldCase: true }).add("A/x", false)).toBeUndefined();
});

test("names in messages are one line without control characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (name) => {
      const shown = quoted(name);
      expect(shown).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
      expect(shown.length).toBeLessThan(900);
    }),
  );
});
