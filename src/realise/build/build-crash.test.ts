import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makeSdist } from "../../../test/make-wheel.ts";
import { sweepStaging } from "../../platform/staging.ts";
import { openStore } from "../../store/store.ts";
import { type TestPlace, testInterpreter, testPlace, unpackSdist } from "../testing/test-context.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

let place: TestPlace;
beforeEach(() => {
  place = testPlace();
});
afterEach(() => place.remove());

const script = fileURLToPath(new URL("../testing/build-process.ts", import.meta.url));

function start() {
  return Bun.spawn([process.execPath, script, place.folder], { stdout: "pipe", stderr: "pipe" });
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 1000) throw new Error("it did not come to it");
    await Bun.sleep(10);
  }
}

describe.skipIf(testInterpreter === undefined)("a build that is killed", () => {
  test("leaves nothing in the store, and those that waited for it go on: one builds, one finds", async () => {
    const marks = `${place.folder}/marks`;
    const odd = makeSdist({
      name: "odd",
      pyproject: '[build-system]\nrequires = []\nbuild-backend = "odd_backend"\nbackend-path = ["."]\n',
      files: {
        "odd_backend.py": `from build_backend import *
import os, time
_build = build_wheel
def build_wheel(directory, *args):
    os.makedirs(${JSON.stringify(marks)}, exist_ok=True)
    open(os.path.join(${JSON.stringify(marks)}, str(os.getpid())), "w").close()
    while os.path.exists(${JSON.stringify(`${place.folder}/wait`)}):
        time.sleep(0.01)
    return _build(directory)
`,
      },
    });
    unpackSdist(odd, `${place.projectDir}/odd`);
    writeFileSync(`${place.folder}/wait`, "");
    const begun = () => (existsSync(marks) ? readdirSync(marks).length : 0);

    const first = start();
    await until(() => begun() === 1);
    const others = [start(), start()];
    await Bun.sleep(300);
    expect(begun()).toBe(1);
    first.kill("SIGKILL");
    await first.exited;
    expect(openStore(place.home).list()).toEqual([]);
    // The lock went with the process, although the backend that it started still runs.
    await until(() => begun() === 2);
    rmSync(`${place.folder}/wait`);
    const said = await Promise.all(
      others.map(async (child) => JSON.parse(await new Response(child.stdout).text())),
    );
    expect(said.map(({ how }) => how).sort()).toEqual(["built", "store"]);
    expect(said[0].outputHash).toBe(said[1].outputHash);
    expect(begun()).toBe(2);
    sweepStaging(place.home);
    expect(readdirSync(place.home.tmp)).toEqual([]);
  });
});
