import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { zstdCompressSync } from "node:zlib";
import { homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { openStore } from "../store/store.ts";
import { runUnpackJob } from "../store/unpack-job.ts";
import { createWheelPipeline } from "../store/wheel-pipeline.ts";
import { craftPackage, soundFiles } from "./testing/craft-package.ts";

const folder = mkdtempSync(`${tmpdir()}/unpack-job-`);
afterAll(() => removeTree(folder));

const { outputHash, packed } = craftPackage(soundFiles());
const compressed = new Uint8Array(zstdCompressSync(packed));

function unpack(path: string, size: number, name: string) {
  const home = homeFolders({ DX_PY_HOME: `${folder}/${name}` });
  const job = { file: { path, size }, filename: path, packed: { outputHash, size: packed.length } };
  return { home, done: runUnpackJob(job, home, home.store) };
}

test("a package in a file is read where it is unpacked, one after the other into one memory", async () => {
  const path = `${folder}/sound`;
  writeFileSync(path, compressed);
  for (const name of ["home-1", "home-2"]) {
    const { home, done } = unpack(path, compressed.length, name);
    expect((await done).outputHash).toBe(outputHash);
    expect((await openStore(home).verify(outputHash)).faults).toEqual([]);
  }
});

test("a file that is another by now, or none, is a damaged package, and waits for nobody", async () => {
  const replaced: Record<string, (path: string) => void> = {
    longer: (path) => writeFileSync(path, Buffer.concat([compressed, new Uint8Array(9)])),
    shorter: (path) => writeFileSync(path, compressed.subarray(0, 40)),
    different: (path) => writeFileSync(path, new Uint8Array(compressed.length)),
    gone: () => {},
    pipe: (path) => void Bun.spawnSync(["mkfifo", path]),
  };
  for (const [name, make] of Object.entries(replaced)) {
    if (name === "pipe" && process.platform === "win32") continue;
    make(`${folder}/${name}`);
    const { home, done } = unpack(`${folder}/${name}`, compressed.length, `home-${name}`);
    expect(await done.catch((error) => error.code), name).toBe("DXPY_BAD_PACKAGE");
    expect(openStore(home).list()).toEqual([]);
  }
});

test("small packages that are given to one thread at once come out as they are, and a damaged one fails alone", async () => {
  const packages = Array.from({ length: 24 }, (_, i) =>
    craftPackage([...soundFiles(), { path: "lib/extra.txt", content: `${i}\n`.repeat(i * 2000) }]),
  );
  const home = homeFolders({ DX_PY_HOME: `${folder}/queue` });
  const pipeline = createWheelPipeline({ store: openStore(home), workers: 1 });
  const jobs = packages.map(({ outputHash, packed }, i) => {
    const whole = new Uint8Array(zstdCompressSync(packed));
    const bytes = i === 7 ? whole.subarray(0, whole.length - 9) : whole;
    const path = `${folder}/queued-${i}`;
    if (i % 2 === 0) writeFileSync(path, bytes);
    const half = bytes.length >> 1;
    const content =
      i % 2 === 0
        ? { file: { path, size: bytes.length } }
        : { pieces: [bytes.slice(0, half), bytes.slice(half)] };
    return pipeline.add({ ...content, filename: `queued-${i}`, packed: { outputHash, size: packed.length } });
  });
  const results = await Promise.allSettled(jobs);
  await pipeline.close();
  for (const [i, result] of results.entries()) {
    if (i === 7) expect(result).toMatchObject({ status: "rejected", reason: { code: "DXPY_BAD_PACKAGE" } });
    else
      expect(result).toMatchObject({ status: "fulfilled", value: { outputHash: packages[i]!.outputHash } });
  }
  const store = openStore(home);
  expect(store.list()).toEqual(
    packages
      .filter((_, i) => i !== 7)
      .map((one) => one.outputHash)
      .sort(),
  );
  for (const hash of store.list()) expect((await store.verify(hash)).faults).toEqual([]);
});
