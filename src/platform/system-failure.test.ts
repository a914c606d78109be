import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { Failure } from "./errors.ts";
import { systemFailure } from "./system-failure.ts";

function refused(code: string, at: { path?: string; dest?: string }): Failure | undefined {
  return systemFailure(Object.assign(new Error(`${code}: x`), { code, syscall: "open", ...at }));
}

describe("systemFailure", () => {
  test("says what, where, and the code; a temporary file is told by its folder", () => {
    expect(refused("EROFS", { path: "/p/.tmp-1a-2-xyz" })).toMatchObject({
      code: "DXPY_SYSTEM_REFUSED",
      message: "/p cannot be used: the file system is read-only (EROFS)",
      context: { path: "/p" },
    });
    expect(refused("ENOSPC", { path: "/a", dest: "/b" })?.message).toBe(
      "/b cannot be used: the disk is full (ENOSPC)",
    );
    expect(refused("EMFILE", {})?.message).toBe("`open` failed: too many files are open (EMFILE)");
  });

  test("an error of the real system", () => {
    const folder = mkdtempSync(`${tmpdir()}/dxpy-refused-`);
    try {
      mkdirSync(`${folder}/${"n".repeat(300)}`);
      expect.unreachable();
    } catch (error) {
      expect(systemFailure(error)?.message).toContain("the path is too long (ENAMETOOLONG)");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("what is a defect, or told already, stays what it is", () => {
    expect(refused("ENOENT", { path: "/p" })).toBeUndefined();
    expect(systemFailure(new TypeError("x is undefined"))).toBeUndefined();
    expect(systemFailure(new Failure("DXPY_X", "told"))).toBeUndefined();
    expect(systemFailure("text")).toBeUndefined();
  });
});
