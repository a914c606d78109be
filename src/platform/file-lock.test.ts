import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { acquireBySqlite, acquireLock, withLock } from "./file-lock.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-lock-`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const [name, acquire] of [
  ["flock", acquireLock],
  ["SQLite", acquireBySqlite],
] as const) {
  describe(name, () => {
    const path = `${folder}/${name}.lock`;
    test("an exclusive lock keeps everybody else out, until it is released", () => {
      const first = acquire(path);
      expect(first).toBeDefined();
      expect(acquire(path)).toBeUndefined();
      expect(acquire(path, { shared: true })).toBeUndefined();
      first?.release();
      first?.release();
      const second = acquire(path);
      expect(second).toBeDefined();
      second?.release();
    });

    test("shared locks stand side by side and keep an exclusive one out", () => {
      const one = acquire(path, { shared: true });
      const two = acquire(path, { shared: true });
      expect(one && two).toBeDefined();
      expect(acquire(path)).toBeUndefined();
      one?.release();
      two?.release();
      acquire(path)?.release();
    });

    test("a killed process holds nothing", async () => {
      const child = Bun.spawn(
        [
          process.execPath,
          "-e",
          `
          const lock = await import(${JSON.stringify(`${import.meta.dir}/file-lock.ts`)});
          lock.${acquire.name}(${JSON.stringify(path)});
          Bun.gc(true);
          console.log("held");
          setInterval(() => {}, 1000);`,
        ],
        { stdout: "pipe" },
      );
      try {
        await child.stdout.getReader().read();
        expect(acquire(path)).toBeUndefined();
      } finally {
        child.kill("SIGKILL");
        await child.exited;
      }
      const lock = acquire(path, { wait: true });
      expect(lock).toBeDefined();
      lock?.release();
    });
  });
}

test("withLock lets one action in at a time, in one process and across processes", async () => {
  const path = `${folder}/with.lock`;
  const counter = `${folder}/counter`;
  writeFileSync(counter, "0");
  const script = `
    const { withLock } = await import(${JSON.stringify(`${import.meta.dir}/file-lock.ts`)});
    const { readFileSync, writeFileSync } = await import("node:fs");
    const add = () => withLock(${JSON.stringify(path)}, async () => {
      const n = Number(readFileSync(${JSON.stringify(counter)}, "utf8"));
      await Bun.sleep(1);
      writeFileSync(${JSON.stringify(counter)}, String(n + 1));
    });
    await Promise.all([add(), add(), add(), add(), add()]);`;
  const children = [1, 2, 3].map(() => Bun.spawn([process.execPath, "-e", script]));
  await Promise.all(children.map((child) => child.exited));
  expect(readFileSync(counter, "utf8")).toBe("15");
});

test("withLock releases when the action fails", async () => {
  const path = `${folder}/fails.lock`;
  await expect(withLock(path, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await withLock(path, () => 7)).toBe(7);
});

test("a lock file that cannot be opened is an error with a code", () => {
  expect(() => acquireLock(`${folder}/none/x.lock`)).toThrow("cannot be opened");
});
