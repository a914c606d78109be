/** Folders for one test file, gone when it ends. */
import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

export function temporaryFolder(name: string): string {
  if (made.length === 0) afterAll(removeAll);
  const path = mkdtempSync(join(tmpdir(), `dx-py-${name}-`));
  made.push(path);
  return path;
}

function removeAll(): void {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
}
