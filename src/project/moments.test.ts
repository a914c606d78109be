import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../platform/errors.ts";
import { readMoment } from "./moments.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const DAY = 86_400_000;

describe("exclude-newer", () => {
  test("a moment with its zone", () => {
    expect(readMoment("2026-01-31T12:00:00Z", "x", NOW)).toBe(Date.UTC(2026, 0, 31, 12));
    expect(readMoment("2026-01-31 12:00:00.5+02:00", "x", NOW)).toBe(Date.UTC(2026, 0, 31, 10) + 500);
  });

  test("a day: what was uploaded on it counts", () => {
    expect(readMoment("2026-01-31", "x", NOW)).toBe(new Date(2026, 1, 1).getTime());
  });

  test("a span before now", () => {
    for (const text of ["30 days", "30d", "30 Days ago", "P30D", "720 hours"])
      expect(readMoment(text, "x", NOW)).toBe(NOW - 30 * DAY);
    expect(readMoment("2 weeks", "x", NOW)).toBe(NOW - 14 * DAY);
    expect(readMoment("PT12H", "x", NOW)).toBe(NOW - DAY / 2);
  });

  test("what is no moment is an error that names the key", () => {
    for (const text of [
      "",
      "yesterday",
      "2026-02-30",
      "2026-13-01",
      "P",
      "1 fortnight",
      "2026-01-31T12:00:00",
      "99999999 days",
    ]) {
      expect(() => readMoment(text, "tool.dx-py.exclude-newer", NOW)).toThrow(
        "`tool.dx-py.exclude-newer` is not a moment",
      );
    }
  });

  test("property: any text gives a number or that error", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(Number.isFinite(readMoment(text, "x", NOW))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }),
    );
  });
});
