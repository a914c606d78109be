import { describe, expect, test } from "bun:test";
import { type FileKinds, mayBuild, mayUseWheels } from "./file-kinds.ts";

const of = (kinds: FileKinds) => [mayUseWheels("a", kinds), mayBuild("a", kinds)];

describe("the kinds of files that a package may be installed from", () => {
  test("are both, unless one is ruled out for it or for all", () => {
    expect(of({})).toEqual([true, true]);
    expect(of({ noBinary: ["b"], noBuild: ["b"] })).toEqual([true, true]);
    expect(of({ noBinary: ["a"] })).toEqual([false, true]);
    expect(of({ noBuild: "all" })).toEqual([true, false]);
    expect(of({ noBinary: "all", noBuild: "all" })).toEqual([false, false]);
  });

  test("name one package as the exception of what holds for all", () => {
    expect(of({ noBuild: "all", noBinary: ["a"] })).toEqual([false, true]);
    expect(of({ noBinary: "all", noBuild: ["a"] })).toEqual([true, false]);
    expect(of({ noBuild: "all", noBinary: ["b"] })).toEqual([true, false]);
  });
});
