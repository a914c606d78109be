import { afterAll, expect, test } from "bun:test";
import { readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { readDescription } from "../layout/layout-description.ts";
import { verifyLayout } from "../layout/verify-layout.ts";
import { removeTree, sweepStaging } from "../platform/staging.ts";
import { staged } from "../platform/testing/staged.ts";
import { openStore } from "../store/store.ts";
import { planOfDescription } from "./private-environment.ts";
import {
  install,
  type LockedWheel,
  python,
  pythonSays,
  temporaryFolder,
  testProject,
  warm,
} from "./testing/test-project.ts";

const scratch = temporaryFolder();
afterAll(() => removeTree(scratch));

const MANY: LockedWheel[] = Array.from({ length: 12 }, (_, i) => ({
  name: `package${i}`,
  modules: { [`package${i}/__init__.py`]: `value = ${i}\n`, [`shared/m${i}.py`]: "" },
  entryPoints: { [`command${i}`]: `package${i}:main` },
}));

test("L8 an installer that is killed at any moment leaves what the next one uses or repairs", async () => {
  const script = `${scratch}/install.ts`;
  writeFileSync(
    script,
    `import { install, testProject } from ${JSON.stringify(`${import.meta.dir}/testing/test-project.ts`)};
     const [dir, home, specs] = process.argv.slice(2);
     const project = await testProject(dir, home, JSON.parse(specs));
     console.log("ready");
     await install(project);`,
  );
  const home = `${scratch}/home`;
  for (let round = 0; round < 8; round++) {
    const specs = JSON.stringify(MANY.slice(0, 2 + (round % 10)));
    const child = Bun.spawn([process.execPath, script, `${scratch}/project`, home, specs], {
      stdout: "pipe",
      stderr: "ignore",
    });
    await child.stdout.getReader().read();
    await Bun.sleep(round * 6);
    child.kill("SIGKILL");
    await child.exited;
  }
  const project = await testProject(`${scratch}/project`, home, MANY);
  const { layoutPath } = await install(project);
  expect(readlinkSync(project.link)).toBe(layoutPath);
  expect(warm(project)?.changed).toBe(false);
  expect(pythonSays(project.link, "import package11, shared.m0, shared.m11; print(package11.value)")).toBe(
    "11",
  );
  // Whatever the others left under the name of a layout is a whole one.
  for (const name of readdirSync(project.home.layouts)) {
    const path = `${project.home.layouts}/${name}`;
    const plan = planOfDescription(readDescription(path)!, python, openStore(project.home));
    expect(verifyLayout(plan, path)).toEqual([]);
  }
  sweepStaging(project.home);
  expect(staged(project.home)).toEqual([]);
}, 60_000);
