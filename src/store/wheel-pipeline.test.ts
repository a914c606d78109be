import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { makeWheel } from "../../test/make-wheel.ts";
import { Failure } from "../platform/errors.ts";
import { homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { openStore } from "./store.ts";
import { createWheelPipeline, startThreadsAhead } from "./wheel-pipeline.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-pipeline-`);
afterAll(() => removeTree(folder));
const wheels = Array.from({ length: 12 }, (_, i) =>
  makeWheel({ name: `p${i}`, modules: { [`p${i}.py`]: "x\n".repeat(i * 100) } }),
);

for (const workers of [0, 1, 3, undefined]) {
  test(`wheels are unpacked by ${workers ?? "the usual number of"} threads; a bad one fails alone`, async () => {
    const home = homeFolders({ DX_PY_HOME: `${folder}/${workers}` });
    const store = openStore(home);
    const expected = workers === 1 ? {} : { expected: 12 };
    const pipeline = createWheelPipeline({
      store,
      ...expected,
      ...(workers === undefined ? {} : { workers }),
    });
    const jobs = wheels.map(({ bytes, filename }) => pipeline.add({ bytes: bytes.slice(), filename }));
    const bad = pipeline.add({ bytes: new Uint8Array(9), filename: "bad-1.0-py3-none-any.whl", name: "bad" });
    await expect(bad).rejects.toThrow("bad-1.0-py3-none-any.whl cannot be unpacked: it is not a zip file");
    await bad.catch((error) => {
      expect(error).toBeInstanceOf(Failure);
      expect((error as Failure).code).toBe("DXPY_BAD_ZIP");
      expect((error as Failure).context.file).toBe("bad-1.0-py3-none-any.whl");
      expect((error as Failure).hint).toBeDefined();
    });
    const results = await Promise.all(jobs);
    expect(new Set(results.map(({ outputHash }) => outputHash)).size).toBe(12);
    expect(store.list()).toEqual(results.map(({ outputHash }) => outputHash).sort());
    await pipeline.close();
    if (workers !== 0) expect(readdirSync(home.tmp)).toEqual([]);
  });
}

test("threads that were started before there was a pipeline are the next one's, ready or not", async () => {
  for (const [round, wait] of [0, 300].entries()) {
    startThreadsAhead(2);
    startThreadsAhead(1);
    await Bun.sleep(wait);
    const store = openStore(homeFolders({ DX_PY_HOME: `${folder}/ahead-${round}` }));
    const pipeline = createWheelPipeline({ store, expected: 12 });
    const jobs = wheels.map(({ bytes, filename }) => pipeline.add({ bytes: bytes.slice(), filename }));
    await Promise.all(jobs);
    expect(store.list().length).toBe(12);
    await pipeline.close();
  }
});

test("closing waits for what has begun and refuses the rest", async () => {
  const store = openStore(homeFolders({ DX_PY_HOME: `${folder}/closing` }));
  const pipeline = createWheelPipeline({ store, workers: 1 });
  // Small ones would all be given to the thread at once.
  const noise = randomBytes(1_500_000).toString("hex");
  const large = Array.from({ length: 6 }, (_, i) =>
    makeWheel({ name: `l${i}`, modules: { "l.py": `"${noise}${i}"` } }),
  );
  const jobs = large.map(({ bytes, filename }) => pipeline.add({ bytes: bytes.slice(), filename }));
  const settled = Promise.allSettled(jobs);
  await Promise.race(jobs);
  await pipeline.close();
  const results = await settled;
  expect(results.filter(({ status }) => status === "fulfilled").length).toBe(store.list().length);
  const refused = results.flatMap((result) =>
    result.status === "rejected" ? [(result.reason as Failure).code] : [],
  );
  expect(new Set(refused)).toEqual(new Set(["DXPY_CANCELLED"]));
  await expect(pipeline.add({ bytes: new Uint8Array(), filename: "x" })).rejects.toThrow("was not unpacked");
});

test("closing at once, or without any work, ends", async () => {
  const store = openStore(homeFolders({ DX_PY_HOME: `${folder}/empty` }));
  await createWheelPipeline({ store }).close();
  await createWheelPipeline({ store, workers: 2, expected: 3 }).close();
  // Threads that are there begin at once: another pipeline has them.
  const others = createWheelPipeline({ store, workers: 8, expected: 8 });
  const pipeline = createWheelPipeline({ store, workers: 2 });
  const job = pipeline
    .add({ bytes: wheels[0]!.bytes.slice(), filename: wheels[0]!.filename })
    .catch((error) => error.code);
  await pipeline.close();
  expect(await job).toBe("DXPY_CANCELLED");
  expect(store.list()).toEqual([]);
  await others.close();
});
