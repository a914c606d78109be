import { describe, expect, test } from "bun:test";
import { Failure } from "../platform/errors.ts";
import { parseObjectReference } from "./entry-points.ts";
import {
  parseSdistFilename,
  parseWheelFilename,
  tryParseSdistFilename,
  tryParseWheelFilename,
} from "./filenames.ts";
import { normalizeName } from "./names.ts";
import { bestRank, expandTagSet, parseTag, tagRanks, tagsFor } from "./tags.ts";

describe("the name of a wheel", () => {
  test("has its parts", () => {
    const wheel = parseWheelFilename(
      "Foo_Bar-1.0rc1-2b-cp312.cp313-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    );
    expect(wheel).toMatchObject({
      name: "foo-bar",
      build: [2, "b"],
      python: ["cp312", "cp313"],
      abi: ["abi3"],
    });
    expect(wheel.version.text).toBe("1.0rc1");
    expect(wheel.tags).toHaveLength(4);
    expect(wheel.tags).toContain("cp313-abi3-manylinux2014_x86_64");
  });

  test("that stands for too many tags is refused, not expanded", () => {
    const many = Array.from({ length: 100 }, (_, i) => `a${i}`).join(".");
    expect(tryParseWheelFilename(`a-1-${many}-${many}-${many}.whl`)).toBeUndefined();
    expect(tryParseWheelFilename(`a-1-py3-none-${many}.whl`)?.tags).toHaveLength(100);
  });

  test.each([
    ["a-1.0-py3-none-any.zip", "does not end with"],
    ["a-1.0-none-any.whl", "five or six parts"],
    ["a b-1.0-py3-none-any.whl", "not the name of a project"],
    ["a-x-py3-none-any.whl", "is not a version"],
    ["a-1.0-b-py3-none-any.whl", "does not start with a digit"],
    ["a-1.0-py3--any.whl", "not a compatibility tag"],
    ["../a-1.0-py3-none-any.whl", "not the name of a project"],
    ["a\n-1.0-py3-none-any.whl", "control character"],
  ])("%j is refused: %s", (name, reason) => {
    expect(() => parseWheelFilename(name)).toThrow(Failure);
    expect(() => parseWheelFilename(name)).toThrow(reason);
  });
});

describe("the name of an sdist", () => {
  test.each([
    ["requests-2.31.0.tar.gz", undefined, "requests", "2.31.0", ".tar.gz"],
    ["foo-bar-1.0.zip", undefined, "foo-bar", "1.0", ".zip"],
    ["foo-1.0-1.tar.bz2", "foo", "foo", "1.0.post1", ".tar.bz2"],
    ["Foo-2-3.0.tar.gz", "foo-2", "foo-2", "3.0", ".tar.gz"],
    ["Foo-2-3.0.tar.gz", "foo", "foo", "2.post3.0", ""],
  ])("%s on the page of %s", (file, expected, name, version, extension) => {
    const sdist = tryParseSdistFilename(file, expected);
    if (extension === "") return expect(sdist).toBeUndefined();
    expect(sdist).toMatchObject({ name, extension });
    expect(sdist?.version.text).toBe(version);
  });

  test("of another project is refused", () => {
    expect(() => parseSdistFilename("foobar-1.0.tar.gz", "foo")).toThrow("is not `foo` followed by");
  });
});

test("names are normalised once and for all", () => {
  expect(normalizeName("Zope__Interface.-x")).toBe("zope-interface-x");
  expect(normalizeName("simple")).toBe("simple");
});

describe("tags", () => {
  test("are ranked by the interpreter's list", () => {
    const ranks = tagRanks(
      tagsFor({ implementation: "cp", major: 3, minor: 12, abiFlags: "", platforms: ["linux_x86_64"] }),
    );
    expect(ranks.get("cp312-cp312-linux_x86_64")).toBe(0);
    const own = bestRank(expandTagSet("cp311.cp312-cp312-linux_x86_64"), ranks);
    const pure = bestRank(["py2-none-any", "py3-none-any"], ranks);
    expect(own).toBe(0);
    expect(pure).toBeGreaterThan(own!);
    expect(bestRank(["cp312-cp312-win_amd64"], ranks)).toBeUndefined();
  });

  test("are read one at a time", () => {
    expect(parseTag("CP312-abi3-Any")).toEqual({ python: "cp312", abi: "abi3", platform: "any" });
    for (const text of ["", "py3", "py3-none", "py2.py3-none-any", "3py-none-any", "a-b-c-d"]) {
      expect(() => parseTag(text)).toThrow(Failure);
    }
  });
});

test("names, tags and object references may hold letters of any script, and nothing else", () => {
  expect(parseWheelFilename("größe-1-py3-none-any.whl").name).toBe("größe");
  expect(() => parseWheelFilename("gr!ß-1-py3-none-any.whl")).toThrow("not the name of a project");
  expect(parseTag("pyß-none-any").python).toBe("pyß");
  expect(() => parseTag("3ß-none-any")).toThrow();
  expect(parseObjectReference("módulo.á:función [extra_é]")).toEqual({
    module: "módulo.á",
    attribute: "función",
    extras: ["extra_é"],
  });
  expect(parseObjectReference("mod-é:f")).toBeUndefined();
});
