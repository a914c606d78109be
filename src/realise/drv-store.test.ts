import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import { buildHash, type Derivation, derivationText, textHash } from "./derivation.ts";
import {
  derivationPath,
  listDerivations,
  readDerivation,
  requireDerivation,
  writeDerivation,
  writeDerivationText,
} from "./drv-store.ts";
import { testPlace } from "./testing/test-context.ts";

const place = testPlace();
afterEach(place.remove);

const wheel: Derivation = {
  format: 1,
  kind: "package",
  fetch: { filename: "a-1-py3-none-any.whl", sha256: "1".repeat(64) },
};

describe("the store of derivations", () => {
  test("a derivation is written under its build hash, read-only, as its canonical text", () => {
    const root = place.home.store;
    const hash = writeDerivation(root, wheel);
    expect(hash).toBe(buildHash(wheel));
    expect(readFileSync(derivationPath(root, hash), "utf8")).toBe(derivationText(wheel));
    expect(statSync(derivationPath(root, hash)).mode & 0o777).toBe(0o444);
    expect(readDerivation([root], hash)).toEqual(wheel);
    expect(listDerivations(root)).toEqual([hash]);
  });

  test("writing again changes nothing, and leaves no other files", () => {
    const root = place.home.store;
    const hash = writeDerivation(root, wheel);
    const before = statSync(derivationPath(root, hash)).mtimeMs;
    writeDerivation(root, wheel);
    expect(statSync(derivationPath(root, hash)).mtimeMs).toBe(before);
    expect(readdirSync(`${root}/drv`)).toEqual([`${hash}.drv`]);
  });

  test("a file that a crash cut short counts as missing, and is written again", () => {
    const root = place.home.store;
    const hash = buildHash(wheel);
    mkdirSync(`${root}/drv`, { recursive: true });
    writeFileSync(derivationPath(root, hash), derivationText(wheel).slice(0, 20));
    chmodSync(derivationPath(root, hash), 0o444);
    expect(readDerivation([root], hash)).toBeUndefined();
    writeDerivation(root, wheel);
    expect(readDerivation([root], hash)).toEqual(wheel);
  });

  test("the user store is asked before the system store", () => {
    const system = `${place.folder}/system`;
    const hash = writeDerivation(system, wheel);
    expect(readDerivation([place.home.store], hash)).toBeUndefined();
    expect(readDerivation([place.home.store, system], hash)).toEqual(wheel);
  });

  test("what has its own hash and is no derivation is named as such", () => {
    const root = place.home.store;
    const text = '{"format":9,"kind":"package"}';
    writeDerivationText(root, textHash(text), text);
    expect(() => readDerivation([root], textHash(text))).toThrow("format is not 1");
  });

  test("a hash that is none is never a path", () => {
    expect(readDerivation([place.home.store], "../../etc/passwd")).toBeUndefined();
    expect(() => requireDerivation([place.home.store], "0".repeat(64))).toThrow(Failure);
  });
});
