import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unrelatedFolders } from "./unrelated-folders.ts";

test("where the filesystem knows the hint, lsattr shows it, and only there", () => {
  const folder = mkdtempSync(join(tmpdir(), "dx-py-unrelated-"));
  try {
    const given = unrelatedFolders(folder);
    const shown = Bun.which("lsattr") === null ? undefined : Bun.spawnSync(["lsattr", "-d", folder]);
    if (shown?.success) expect(shown.stdout.toString().split(" ", 1)[0]?.includes("T")).toBe(given);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a folder that is not there is no error", () => {
  expect(unrelatedFolders("/no/such/folder")).toBe(false);
});
