import { expect, test } from "bun:test";
import { blake3Hex } from "../platform/blake3.ts";
import { packageBuildHash, packageDerivationText } from "./package-identity.ts";

const sha256 = "ab".repeat(32);

test("the derivation is canonical JSON: sorted members, no white space", () => {
  const text = packageDerivationText("a-1-py3-none-any.whl", sha256);
  expect(text).toBe(
    `{"fetch":{"filename":"a-1-py3-none-any.whl","sha256":"${sha256}"},"format":1,"kind":"package"}`,
  );
  expect(packageBuildHash("a-1-py3-none-any.whl", sha256)).toBe(blake3Hex(text));
});

test("strings are escaped as RFC 8785 says", () => {
  const name = 'é"\\\n\u0001\u{1f600}.whl';
  const text = packageDerivationText(name, sha256);
  expect(text).toContain('"filename":"é\\"\\\\\\n\\u0001😀.whl"');
  expect(JSON.parse(text)).toMatchObject({ fetch: { filename: name } });
});

test("other bytes or another name is another package", () => {
  const hashes = [
    packageBuildHash("a-1-py3-none-any.whl", sha256),
    packageBuildHash("a-2-py3-none-any.whl", sha256),
    packageBuildHash("a-1-py3-none-any.whl", "cd".repeat(32)),
  ];
  expect(new Set(hashes).size).toBe(3);
});
