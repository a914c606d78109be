import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { mapReadOnly } from "./mapping.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-mapping-`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a read-only file is mapped, and its slices share the mapping's memory", () => {
  const path = `${folder}/f`;
  writeFileSync(path, "hello, mapping", { mode: 0o444 });
  const mapping = mapReadOnly(path);
  const slice = mapping.bytes.subarray(7);
  expect(new TextDecoder().decode(slice)).toBe("mapping");
  expect(slice.buffer).toBe(mapping.bytes.buffer);
  mapping.close();
});

test("after closing, slices are empty rather than dangling", () => {
  const path = `${folder}/g`;
  writeFileSync(path, new Uint8Array(100_000).fill(7));
  const mapping = mapReadOnly(path);
  const slice = mapping.bytes.subarray(10, 20);
  expect(slice[0]).toBe(7);
  mapping.close();
  mapping.close();
  if (process.platform !== "win32") expect(slice.length).toBe(0);
});

test("an empty file has empty bytes; a missing one is the system's error", () => {
  writeFileSync(`${folder}/empty`, "");
  expect(mapReadOnly(`${folder}/empty`).bytes.length).toBe(0);
  expect(() => mapReadOnly(`${folder}/none`)).toThrow("ENOENT");
});
