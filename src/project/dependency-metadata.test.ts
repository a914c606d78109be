import { describe, expect, test } from "bun:test";
import { statedMetadata } from "./dependency-metadata.ts";
import { readToolSettings } from "./tool-settings.ts";

const ENTRIES = [
  { name: "Chumpy", version: "0.70", "requires-dist": ["numpy>=1.8.1"], "provides-extra": ["Fast_Math"] },
  { name: "chumpy", "requires-dist": ["scipy"], "requires-python": ">=3.9" },
];
const of = (filename: string, kind: "wheel" | "sdist" = "sdist") =>
  statedMetadata({ filename, kind }, ENTRIES);

describe("metadata that the project states", () => {
  test("for a version, in any spelling; else for every version", () => {
    expect(of("chumpy-0.70.tar.gz")).toMatchObject({
      requiresDist: ["numpy>=1.8.1"],
      providesExtra: ["fast-math"],
    });
    expect(of("chumpy-0.70.0-py3-none-any.whl", "wheel")?.requiresDist).toEqual(["numpy>=1.8.1"]);
    expect(of("chumpy-1.0.tar.gz")).toMatchObject({ requiresDist: ["scipy"], requiresPython: ">=3.9" });
    expect(of("other-1.0.tar.gz")).toBeUndefined();
    expect(of("chumpy.exe")).toBeUndefined();
  });

  test("what is no requirement or no version is refused where it stands", () => {
    const read = (entry: object) => () =>
      readToolSettings({ tool: { "dx-py": { "dependency-metadata": [entry] } } }, () => {});
    expect(read({ version: "1" })).toThrow("must have a `name`");
    expect(read({ name: "a", version: "one" })).toThrow("dependency-metadata[0].version");
    expect(read({ name: "a", "requires-dist": ["b>>1"] })).toThrow("dependency-metadata[0].requires-dist[0]");
    expect(read({ name: "a", requires: [] })).toThrow("dependency-metadata[0].requires");
  });
});
