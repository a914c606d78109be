import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { makeWheel } from "../../test/make-wheel.ts";
import { homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { unpackWheel } from "./ingest.ts";
import { hasSharedDistInfo, makeSharedDistInfo, sharedDistInfoFaults } from "./shared-dist-info.ts";
import { openStore } from "./store.ts";

const folder = mkdtempSync(`${tmpdir()}/dxpy-dist-info-`);
afterAll(() => {
  Bun.spawnSync(["chmod", "-R", "u+w", folder]);
  removeTree(folder);
});

const home = homeFolders({ DX_PY_HOME: `${folder}/home` });
const { bytes, filename } = makeWheel({ name: "apple", version: "1.0", modules: { "apple.py": "" } });
writeFileSync(`${folder}/${filename}`, bytes);
const { outputHash } = await unpackWheel({ path: `${folder}/${filename}`, filename, home });
const store = openStore(home);
const object = store.readPackageObject(outputHash);
const tree = store.objectPath(outputHash);

test("one that is whole stays, one that is damaged is replaced", () => {
  const staging = `${folder}/staging`;
  mkdirSync(staging);
  expect(sharedDistInfoFaults(object, tree)).toEqual([]);
  Bun.spawnSync(["sh", "-c", `chmod u+w '${tree}/dist-info' && rm '${tree}/dist-info/RECORD'`]);
  expect(hasSharedDistInfo(tree)).toBe(false);
  expect(makeSharedDistInfo(object, tree, staging)).toBe(true);
  expect(sharedDistInfoFaults(object, tree)).toEqual([]);
  expect(makeSharedDistInfo(object, tree, staging)).toBe(true);
  expect(readdirSync(staging)).toEqual([]);
});

test.skipIf(process.platform === "win32")(
  "many processes make it at once: none fails, none takes it from another",
  async () => {
    const script = (n: number) => `
    const { makeSharedDistInfo, hasSharedDistInfo } = await import(${JSON.stringify(`${import.meta.dir}/shared-dist-info.ts`)});
    const { openStore } = await import(${JSON.stringify(`${import.meta.dir}/store.ts`)});
    const { homeFolders } = await import(${JSON.stringify(`${import.meta.dir}/../platform/home.ts`)});
    const { mkdirSync, readFileSync } = await import("node:fs");
    const store = openStore(homeFolders({ DX_PY_HOME: ${JSON.stringify(home.root)} }));
    const object = store.readPackageObject(${JSON.stringify(outputHash)});
    const staging = ${JSON.stringify(folder)} + "/staging-${n}";
    mkdirSync(staging);
    for (let i = 0; i < 150; i += 1) {
      if (!makeSharedDistInfo(object, ${JSON.stringify(tree)}, staging)) process.exit(2);
      readFileSync(${JSON.stringify(tree)} + "/dist-info/RECORD");
    }`;
    const record = readFileSync(`${tree}/dist-info/RECORD`, "utf8");
    // From nothing: that is when they meet.
    Bun.spawnSync(["sh", "-c", `chmod u+w '${tree}/dist-info' && rm -r '${tree}/dist-info'`]);
    const done = await Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (n) => {
        const child = Bun.spawn([process.execPath, "-e", script(n)], { stderr: "pipe" });
        const said = await new Response(child.stderr).text();
        return { code: await child.exited, said };
      }),
    );
    expect(done).toEqual(done.map(() => ({ code: 0, said: "" })));
    expect(readFileSync(`${tree}/dist-info/RECORD`, "utf8")).toBe(record);
    for (const n of [0, 1, 2, 3, 4, 5]) expect(readdirSync(`${folder}/staging-${n}`)).toEqual([]);
  },
);
