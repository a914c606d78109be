import { afterAll, describe, expect, test } from "bun:test";
import { lstatSync, readFileSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { makeWheel } from "../../test/make-wheel.ts";
import { readDescription } from "../layout/layout-description.ts";
import { verifyLayout } from "../layout/verify-layout.ts";
import { writeLock } from "../lock/lock-files.ts";
import type { Lock } from "../lock/lock-model.ts";
import { removeTree } from "../platform/staging.ts";
import { opened } from "../platform/testing/closed-folders.ts";
import type { RealisedPackage } from "../realise/wanted-package.ts";
import { unpackWheel } from "../store/ingest.ts";
import { openStore } from "../store/store.ts";
import { detachEnvironment, planOfDescription } from "./private-environment.ts";
import { listRoots } from "./roots.ts";
import {
  install,
  type LockedWheel,
  python,
  pythonSays,
  type TestProject,
  temporaryFolder,
  testProject,
  warm,
} from "./testing/test-project.ts";

const scratch = temporaryFolder();
afterAll(() => removeTree(scratch));
let counter = 0;
const fresh = () => `${scratch}/${counter++}`;
const ALPHA: LockedWheel = {
  name: "alpha",
  entryPoints: { alpha: "alpha:main" },
  modules: { "alpha/__init__.py": "import sys\nvalue = 1\ndef main(): print(sys.prefix)\n" },
};
const BETA: LockedWheel = { name: "beta" };

describe("a detached environment", () => {
  test("is a private, writable copy; changing it leaves the layout and the store alone", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA, BETA]);
    const { layoutPath } = await install(project);
    const store = openStore(project.home);
    const options = { home: project.home, store, link: project.link, inspect: () => python };
    expect((await detachEnvironment(options)).packages).toBe(2);
    const module = `${project.link}/${python.paths.purelib}/alpha/__init__.py`;
    expect(lstatSync(project.link).isDirectory()).toBe(true);
    expect(statSync(module).mode & 0o200).toBe(0o200);
    writeFileSync(module, "value = 42\n");
    expect(pythonSays(project.link, "import alpha, beta, sys; print(alpha.value, sys.prefix)")).toBe(
      `42 ${project.link}`,
    );
    expect(readFileSync(`${layoutPath}/${python.paths.purelib}/alpha/__init__.py`, "utf8")).toContain(
      "value = 1",
    );
    expect(readFileSync(`${project.link}/bin/alpha`, "utf8").split("\n")[0]).toBe(
      `#!${project.link}/bin/python`,
    );
    expect(listRoots(project.home)).toEqual([]);
    // It stays private, and as it is, until the lock says otherwise or it is removed.
    expect(warm(project)).toBeUndefined();
    expect(await install(project)).toMatchObject({ hit: "private", changed: false });
    expect(pythonSays(project.link, "import alpha; print(alpha.value)")).toBe("42");
    const more = await testProject(project.dir, project.home.root, [ALPHA, BETA, { name: "gamma" }]);
    expect(await install(more)).toMatchObject({ hit: "private", changed: true });
    expect(pythonSays(project.link, "import gamma; print('there')")).toBe("there");
    removeTree(project.link);
    expect((await install(more)).hit).toBe("miss");
    await expect(detachEnvironment({ ...options, link: `${project.dir}/none` })).rejects.toMatchObject({
      code: "DXPY_NOT_ATTACHED",
    });
  });
});

describe("verifying a layout", () => {
  test("finds what is missing, changed or extra, and nothing in a layout that is used", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA, BETA]);
    const { layoutPath } = await install(project);
    pythonSays(project.link, "import alpha, beta");
    const plan = planOfDescription(readDescription(layoutPath)!, python, openStore(project.home));
    expect(verifyLayout(plan, layoutPath)).toEqual([]);
    Bun.spawnSync(["chmod", "-R", "u+w", layoutPath]);
    const site = `${layoutPath}/${python.paths.purelib}`;
    unlinkSync(`${site}/beta`);
    writeFileSync(`${site}/stray.py`, "");
    unlinkSync(`${opened(`${site}/alpha-1.0.dist-info`)}/METADATA`);
    writeFileSync(`${site}/alpha-1.0.dist-info/METADATA`, "changed");
    unlinkSync(`${layoutPath}/bin/python3`);
    symlinkSync("/bin/sh", `${layoutPath}/bin/python3`);
    expect(
      verifyLayout(plan, layoutPath)
        .map((f) => `${f.fault} ${f.path.split("/").at(-1)}`)
        .sort(),
    ).toEqual(["changed METADATA", "changed python3", "extra stray.py", "missing beta"]);
    expect(verifyLayout(plan, `${layoutPath}-none`)).toEqual([{ path: ".", fault: "missing" }]);
  });
});

describe("what is the project's own", () => {
  test("two worktrees share every package object and never import each other's code", async () => {
    const home = fresh();
    const worktree = async (): Promise<TestProject> => {
      const project = await testProject(fresh(), home, [ALPHA]);
      const lock: Lock = {
        environments: [],
        extras: [],
        dependencyGroups: [],
        defaultGroups: [],
        fingerprint: "f",
        options: {},
        packages: [
          {
            name: "alpha",
            version: "1.0",
            source: { kind: "index" },
            dependencies: [],
            wheels: [...project.wheels.entries()].map(([name, bytes]) => ({
              name,
              hashes: { sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex") },
            })),
          },
          {
            name: "test",
            version: "0",
            source: { kind: "directory", path: ".", editable: true },
            dependencies: [],
            wheels: [],
          },
        ],
      };
      await writeLock(project.dir, lock, ["pyproject.toml"]);
      writeFileSync(`${project.dir}/mine.py`, `where = ${JSON.stringify(project.dir)}\n`);
      return project;
    };
    /** What a PEP 660 backend makes of a project: a wheel with a `.pth`. */
    const realise = (project: TestProject) => async (wanted: readonly { name: string }[]) => {
      const realised: RealisedPackage[] = [];
      for (const { name } of wanted) {
        const spec =
          name === "alpha"
            ? ALPHA
            : { name: "test", version: "0", modules: { "__editable__.test.pth": `${project.dir}\n` } };
        const made = makeWheel(spec);
        const { outputHash, object } = await unpackWheel({
          bytes: made.bytes,
          filename: made.filename,
          home: project.home,
        });
        realised.push({ name, derivation: "", outputHash, object, how: "built" });
      }
      return realised;
    };
    const [one, two] = [await worktree(), await worktree()];
    const first = await install(one, { realise: realise(one) });
    const second = await install(two, { realise: realise(two) });
    expect(first.projectHash).not.toBe(second.projectHash);
    for (const project of [one, two]) {
      expect(pythonSays(project.link, "import mine, alpha; print(mine.where)")).toBe(project.dir);
      expect(warm(project)?.layoutPath).toBe((project === one ? first : second).layoutPath);
    }
    expect(first.realised[0]?.outputHash).toBe(second.realised[0]!.outputHash);
    const direct = readFileSync(
      `${one.link}/${python.paths.purelib}/test-0.dist-info/direct_url.json`,
      "utf8",
    );
    expect(JSON.parse(direct)).toEqual({ dir_info: { editable: true }, url: `file://${one.dir}` });
    // A build script that appears may change what the build would give.
    writeFileSync(`${one.dir}/setup.py`, "");
    expect(warm(one)).toBeUndefined();
    expect(warm(two)).toBeDefined();
  });
});
