import { describe, expect, test } from "bun:test";
import { Failure } from "../platform/errors.ts";
import { validatePylock } from "./pylock.ts";
import { validPylock } from "./testing/pylock-documents.ts";

const withPackage = (entry: object) => validatePylock({ ...validPylock, packages: [entry] });
const hashes = { sha256: "00" };

describe("pylock.toml", () => {
  test("is read whole", () => {
    const lock = validatePylock(validPylock);
    expect(lock).toMatchObject({
      lockVersion: "1.0",
      requiresPython: ">=3.9",
      defaultGroups: ["dev"],
      createdBy: "a tool",
    });
    expect(lock.packages.map(({ name }) => name)).toEqual(["foo-bar", "vcs-one", "folder", "packed"]);
    expect(lock.packages[0]!.wheels.map(({ name }) => name)).toEqual([
      "foo_bar-1.0-py3-none-any.whl",
      "foo_bar-1.0-cp312-cp312-win_amd64.whl",
    ]);
    expect(lock.packages[2]!.directory).toEqual({ path: "../folder", editable: true });
  });

  test("has moments as TOML parsers give them", () => {
    const text = 'url = "https://example.org/a-1.tar.gz"\nhashes = {sha256 = "00"}\nupload-time = ';
    for (const moment of [
      "2024-01-02T03:04:05Z",
      "2024-01-02T04:04:05+01:00",
      "2024-01-02T03:04:05",
      "2024-01-02 03:04:05.000000Z",
    ]) {
      const sdist = Bun.TOML.parse(text + moment);
      expect(withPackage({ name: "a", sdist }).packages[0]!.sdist!.uploadTime).toBe(
        Date.UTC(2024, 0, 2, 3, 4, 5),
      );
    }
    expect(() => withPackage({ name: "a", sdist: Bun.TOML.parse(`${text}2024-01-02`) })).toThrow(
      "packages[0].sdist.upload-time",
    );
    expect(() => withPackage({ name: "a", sdist: Bun.TOML.parse(`${text}"2024-01-02T03:04:05Z"`) })).toThrow(
      "not a string",
    );
  });

  test("of another format version is refused by name", () => {
    expect(() => validatePylock({ ...validPylock, "lock-version": "2.0" })).toThrow("only 1.x is known");
    expect(validatePylock({ ...validPylock, "lock-version": "1.7" }).lockVersion).toBe("1.7");
  });

  test.each([
    [{ name: "A" }, "packages[0].name: `A` is not a normalised name"],
    [{ name: "a" }, "packages[0]: sdist or wheels are expected"],
    [{ name: "a", marker: "x" }, "packages[0].marker: `x` is not a valid environment marker"],
    [{ name: "a", directory: { path: "." }, archive: { path: "a", hashes } }, "or exactly one of"],
    [
      { name: "a", directory: { path: "." }, wheels: [{ path: "a-1-py3-none-any.whl", hashes }] },
      "exclude sdist and wheels",
    ],
    [
      { name: "a", wheels: [{ path: "b-1-py3-none-any.whl", hashes }] },
      "packages[0].wheels[0]: `b-1-py3-none-any.whl` is no file of",
    ],
    [
      { name: "a", version: "2", wheels: [{ path: "a-1-py3-none-any.whl", hashes }] },
      "is not of the version 2",
    ],
    [{ name: "a", sdist: { path: "a-1.tar.gz", hashes: {} } }, "packages[0].sdist.hashes: one hash at least"],
    [{ name: "a", sdist: { path: "a-1.tar.gz" } }, "packages[0].sdist.hashes: the key is missing"],
    [{ name: "a", sdist: { hashes } }, "packages[0].sdist: a path or a url is expected"],
    [{ name: "a", vcs: { type: "git", url: "u" } }, "packages[0].vcs.commit-id: the key is missing"],
  ])("%.60j: %s", (entry, reason) => {
    expect(() => withPackage(entry)).toThrow(Failure);
    expect(() => withPackage(entry)).toThrow(reason);
  });
});
