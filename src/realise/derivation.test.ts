import { describe, expect, test } from "bun:test";
import { Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import schema from "../../docs/formats/derivation.schema.json";
import { Failure } from "../platform/errors.ts";
import { canonicalJson } from "./canonical-json.ts";
import { buildHash, type Derivation, derivationText, parseDerivation } from "./derivation.ts";

const hash = fc.stringMatching(/^[0-9a-f]{64}$/);
const filled = fc.string({ minLength: 1, unit: "grapheme" });
const filename = fc.stringMatching(/^[A-Za-z0-9_.-]{1,40}\.whl$/);
const name = fc.stringMatching(/^[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}$/);
const texts = fc.array(filled, { maxLength: 3 });
const textMap = fc.dictionary(filled, fc.string({ unit: "grapheme" }), { maxKeys: 3 });
const configSettings = fc.dictionary(filled, fc.oneof(fc.string({ unit: "grapheme" }), texts), {
  maxKeys: 3,
});
const hook = fc.constantFrom("build_wheel" as const, "build_editable" as const);
const python = fc.record({ implementation: filled, version: filled, abi: filled });
const subdirectory = { subdirectory: filled };
const source = fc.oneof(
  fc.record(
    { kind: fc.constant("file" as const), filename, sha256: hash, ...subdirectory },
    { requiredKeys: ["kind", "filename", "sha256"] },
  ),
  fc.record(
    {
      kind: fc.constant("git" as const),
      url: filled,
      commit: fc.stringMatching(/^[0-9a-f]{40}$/),
      ...subdirectory,
    },
    { requiredKeys: ["kind", "url", "commit"] },
  ),
  fc.record(
    { kind: fc.constant("directory" as const), digest: hash, path: filled, ...subdirectory },
    { requiredKeys: ["kind", "digest"] },
  ),
);
const format = fc.constant(1 as const);
const reference = fc.record(
  { name, version: filled, output: hash, derivation: hash },
  { requiredKeys: ["name", "version", "output"] },
);
const derivations: fc.Arbitrary<Derivation> = fc.oneof(
  fc.record({ format, kind: fc.constant("fetch" as const), filename, sha256: hash, url: filled }),
  fc.record({ format, kind: fc.constant("package" as const), fetch: fc.record({ filename, sha256: hash }) }),
  fc.record({
    format,
    kind: fc.constant("package" as const),
    build: fc.record({
      hook,
      source,
      python,
      platform: filled,
      configSettings,
      environment: textMap,
      extraRequires: texts,
      constraints: texts,
      isolated: fc.boolean(),
    }),
  }),
  fc.record({
    format,
    kind: fc.constant("build" as const),
    name,
    version: filled,
    hook,
    source,
    backend: fc.record({ name: filled, path: texts }),
    requires: fc.array(reference, { maxLength: 3 }),
    python,
    platform: filled,
    configSettings,
    environment: textMap,
    isolated: fc.boolean(),
  }),
  fc.record(
    {
      format,
      kind: fc.constant("layout" as const),
      interpreter: hash,
      linkMode: fc.constantFrom("symlink" as const, "hardlink" as const, "clone" as const, "copy" as const),
      packages: fc.array(fc.oneof(hash, fc.record({ output: hash, directUrl: filled })), { maxLength: 3 }),
      editables: fc.array(fc.record({ output: hash, path: filled, directUrl: filled }), { maxLength: 2 }),
      prompt: filled,
      realPaths: texts,
    },
    { requiredKeys: ["format", "kind", "interpreter", "linkMode", "packages", "editables", "realPaths"] },
  ),
  fc.record({
    format,
    kind: fc.constant("env" as const),
    layout: hash,
    lock: hash,
    project: filled,
    selection: fc.record({ extras: texts, groups: texts }),
  }),
);

const validator = new Validator(schema as object, "2020-12");
const runs = { numRuns: 60 };

describe("derivations", () => {
  test("what is written is read back, and satisfies the schema", () => {
    fc.assert(
      fc.property(derivations, (derivation) => {
        const text = derivationText(derivation);
        expect(parseDerivation(text, "x.drv")).toEqual(JSON.parse(text));
        expect(buildHash(parseDerivation(text, "x.drv"))).toBe(buildHash(derivation));
        expect(validator.validate(JSON.parse(text)).errors).toEqual([]);
      }),
      runs,
    );
  });

  test("the schema and the reader refuse the same changes", () => {
    const change = fc.tuple(
      derivations,
      fc.nat(),
      fc.constantFrom<unknown>(undefined, null, 7, "", [], {}, "\n", ["x"]),
    );
    fc.assert(
      fc.property(change, ([derivation, at, value]) => {
        const changed = JSON.parse(derivationText(derivation));
        const holders = objectsIn(changed);
        const holder = holders[at % holders.length] as Record<string, unknown>;
        const keys = Object.keys(holder);
        const key = keys[at % Math.max(1, keys.length)] ?? "extra";
        if (value === undefined && Array.isArray(holder)) holder.pop();
        else if (value === undefined) delete holder[key];
        else holder[key] = value;
        const text = canonicalJson(changed);
        expect(accepts(text)).toBe(validator.validate(JSON.parse(text)).valid);
      }),
      { numRuns: 300 },
    );
  });

  test("foreign text never throws anything but a Failure", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        accepts(text);
      }),
    );
    accepts("[".repeat(300_000));
    accepts(`{"format":1,"kind":"fetch","url":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
  });

  test("a known derivation has the build hash that the format's description gives", () => {
    const wheel: Derivation = {
      kind: "package",
      format: 1,
      fetch: { sha256: "ab".repeat(32), filename: "six-1.16.0-py2.py3-none-any.whl" },
    };
    expect(derivationText(wheel)).toBe(
      `{"fetch":{"filename":"six-1.16.0-py2.py3-none-any.whl","sha256":"${"ab".repeat(32)}"},"format":1,"kind":"package"}`,
    );
    expect(buildHash(wheel)).toBe("f10bef87455f027cbf27efb762ef937bfff7d55fc9ff7c776b81c837596bda91");
  });

  test("text that is not canonical, is of another format, or holds duplicate keys is refused, with the reason", () => {
    const text = derivationText({
      format: 1,
      kind: "fetch",
      filename: "a",
      sha256: "0".repeat(64),
      url: "u",
    });
    expect(reason(`${text} `)).toContain("canonical");
    expect(reason(text.replace('"url":"u"', '"url":"u","url":"u"'))).toContain("canonical");
    expect(reason(text.replace('"format":1', '"format":2'))).toContain("format is not 1");
    expect(reason(text.replace('"a"', '"../a"'))).toContain("filename must be a file name");
    expect(reason(text.replace('"url"', '"urk"'))).toContain("url is missing");
  });
});

function accepts(text: string): boolean {
  try {
    parseDerivation(text, "x.drv");
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    return false;
  }
}

function reason(text: string): string {
  try {
    parseDerivation(text, "x.drv");
  } catch (error) {
    return (error as Failure).message;
  }
  return "";
}

function objectsIn(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(objectsIn)];
}
