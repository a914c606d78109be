import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { makeWheel } from "../../test/make-wheel.ts";
import { homeFolders } from "../platform/home.ts";
import { removeTree, sweepStaging } from "../platform/staging.ts";
import { openStore } from "./store.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-crash-`);
afterAll(() => removeTree(folder));

test("a process killed at any moment leaves whole packages only, and nothing in tmp/ that stays", async () => {
  const home = homeFolders({ DX_PY_HOME: `${folder}/home` });
  for (let i = 0; i < 30; i += 1) {
    const modules = Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [`p${i}/m${n}.py`, `x = ${n}\n`]),
    );
    const { bytes, filename } = makeWheel({ name: `p${i}`, modules });
    writeFileSync(`${folder}/${filename}`, bytes);
  }
  const script = `
    const { unpackWheel } = await import(${JSON.stringify(`${import.meta.dir}/ingest.ts`)});
    const { homeFolders } = await import(${JSON.stringify(`${import.meta.dir}/../platform/home.ts`)});
    const home = homeFolders({ DX_PY_HOME: ${JSON.stringify(home.root)} });
    console.log("begun");
    for (let i = 0; i < 30; i += 1) {
      const filename = "p" + i + "-1.0-py3-none-any.whl";
      await unpackWheel({ path: ${JSON.stringify(folder)} + "/" + filename, filename, home });
    }`;
  const store = openStore(home);
  for (let round = 0; round < 6; round += 1) {
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    await child.stdout.getReader().read();
    await Bun.sleep(3 + round * 7);
    child.kill("SIGKILL");
    await child.exited;
    for (const hash of store.list()) expect((await store.verify(hash)).faults).toEqual([]);
  }
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore" });
  expect(await child.exited).toBe(0);
  expect(store.list().length).toBe(30);
  for (const hash of store.list()) expect((await store.verify(hash)).faults).toEqual([]);
  sweepStaging(home);
  expect(readdirSync(home.tmp)).toEqual([]);
});
