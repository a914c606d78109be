import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type MadeFile, makeSdist, makeWheel, sha256Of } from "../../../test/make-wheel.ts";
import type { DistributionFile } from "../../package-index/distribution.ts";
import type { Failure } from "../../platform/errors.ts";
import type { RealiseContext, RealiseEvent } from "../realise-context.ts";
import { realisePackages } from "../realise-packages.ts";
import {
  type TestPlace,
  testContext,
  testIndex,
  testInterpreter,
  testPlace,
  unpackSdist,
  urlOf,
} from "../testing/test-context.ts";
import { createBuildInterface } from "./create-build-interface.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

let place: TestPlace;
let hooks: string[];
beforeEach(() => {
  place = testPlace();
  hooks = [];
});
afterEach(() => place.remove());

function contextFor(files: MadeFile[]): RealiseContext {
  return {
    ...testContext(place, testIndex(files)),
    onProgress(event: RealiseEvent) {
      if (event.kind === "build") hooks.push(event.hook);
    },
  };
}

function served(file: MadeFile): DistributionFile {
  return {
    filename: file.filename,
    kind: "sdist",
    url: urlOf(file),
    hashes: { sha256: sha256Of(file.bytes) },
    yanked: false,
    index: "http://127.0.0.1:9/",
  };
}

const plain = {
  name: "plain",
  version: "1.0",
  requires: ["six>=1", 'colorama; sys_platform == "win32"'],
  requiresPython: ">=3.8",
};

describe.skipIf(testInterpreter === undefined)("metadata of sources", () => {
  test("an sdist with static metadata is not built (PEP 643)", async () => {
    const sdist = makeSdist(plain);
    const metadata = await createBuildInterface(contextFor([sdist])).metadataOfSdist(served(sdist));
    expect(metadata).toMatchObject({
      name: "plain",
      version: "1.0",
      requiresPython: ">=3.8",
      requiresDist: plain.requires,
    });
    expect(hooks).toEqual([]);
  });

  test("one whose requirements are dynamic is prepared by its backend, once", async () => {
    const sdist = makeSdist({ ...plain, dynamic: ["Requires-Dist"] });
    const context = contextFor([sdist]);
    const metadata = await createBuildInterface(context).metadataOfSdist(served(sdist));
    expect(metadata.requiresDist).toEqual(plain.requires);
    expect(hooks).toContain("prepare_metadata_for_build_wheel");
    expect(hooks).not.toContain("build_wheel");
    hooks = [];
    expect(await createBuildInterface(context).metadataOfSdist(served(sdist))).toEqual(metadata);
    expect(hooks).toEqual([]);
  });

  test("a backend that cannot prepare builds, and the build is kept for the installation", async () => {
    const sdist = makeSdist({
      ...plain,
      metadataVersion: "2.1",
      pyproject: '[build-system]\nrequires = []\nbuild-backend = "odd"\nbackend-path = ["."]\n',
      files: { "odd.py": "import build_backend\nbuild_wheel = build_backend.build_wheel\n" },
    });
    const context = contextFor([sdist]);
    const metadata = await createBuildInterface(context).metadataOfSdist(served(sdist));
    expect(metadata.requiresDist).toEqual(plain.requires);
    expect(hooks).toContain("build_wheel");
    const file = { name: sdist.filename, url: urlOf(sdist), hashes: served(sdist).hashes };
    const [realised] = await realisePackages(
      [{ name: "plain", sdist: file, source: { kind: "index" } }],
      context,
    );
    expect(realised!.how).toBe("store");
  });

  test("a folder with a static project table is read, and locked by a relative path", async () => {
    const folder = `${place.folder}/beside`;
    mkdirSync(folder);
    writeFileSync(
      `${folder}/pyproject.toml`,
      `[project]\nname = "Beside.Me"\nversion = "3"\ndependencies = ["six"]\n[project.optional-dependencies]\nFast_Mode = ["a; os_name == 'nt' or os_name == 'x'", "b"]\n`,
    );
    const build = createBuildInterface(contextFor([]));
    const { metadata, locked } = await build.metadataOfSource(
      { kind: "path", path: folder, editable: true },
      "beside-me",
    );
    expect(metadata).toMatchObject({ name: "Beside.Me", version: "3", providesExtra: ["fast-mode"] });
    expect(metadata.requiresDist).toEqual([
      "six",
      'a; (os_name == "nt" or os_name == "x") and extra == "fast-mode"',
      'b; extra == "fast-mode"',
    ]);
    expect(locked).toEqual({ kind: "directory", path: "../beside", editable: true });
    const other = (await build
      .metadataOfSource({ kind: "path", path: folder, editable: true }, "x")
      .catch((e) => e)) as Failure;
    expect(other.code).toBe("DXPY_BAD_SOURCE");
  });

  test("a folder whose version is dynamic is asked again when its files change", async () => {
    const folder = `${place.projectDir}/plain`;
    unpackSdist(makeSdist({ ...plain, metadataVersion: "2.1" }), folder);
    const build = createBuildInterface(contextFor([]));
    const ask = async () =>
      (await build.metadataOfSource({ kind: "workspace", path: folder, editable: true }, "plain")).metadata;
    expect((await ask()).version).toBe("1.0");
    hooks = [];
    await ask();
    expect(hooks).toEqual([]);
    writeFileSync(`${folder}/METADATA.in`, "Metadata-Version: 2.1\nName: plain\nVersion: 1.1\n");
    expect((await ask()).version).toBe("1.1");
  });

  test("archives by URL and by path, wheels and sdists, are locked by their SHA-256", async () => {
    const sdist = makeSdist(plain);
    const wheel = makeWheel({ ...plain, name: "wheely" });
    const build = createBuildInterface(contextFor([sdist, wheel]));
    const byUrl = await build.metadataOfSource({ kind: "url", url: urlOf(sdist) }, "plain");
    expect(byUrl.locked).toEqual({
      kind: "archive",
      url: urlOf(sdist),
      size: sdist.bytes.length,
      hashes: served(sdist).hashes,
    });
    const wheelByUrl = await build.metadataOfSource(
      { kind: "url", url: `${urlOf(wheel)}#sha256=${sha256Of(wheel.bytes)}` },
      "wheely",
    );
    expect(wheelByUrl.metadata.requiresDist).toEqual(plain.requires);
    writeFileSync(`${place.projectDir}/${wheel.filename}`, wheel.bytes);
    const byPath = await build.metadataOfSource(
      { kind: "path", path: `${place.projectDir}/${wheel.filename}`, editable: false },
      "wheely",
    );
    expect(byPath.locked).toMatchObject({ kind: "archive", path: wheel.filename });
    expect(byPath.metadata).toEqual(wheelByUrl.metadata);
  });

  test("a repository is locked to its commit, with the subdirectory", async () => {
    const repository = `${place.folder}/repository`;
    unpackSdist(makeSdist({ ...plain, metadataVersion: "2.1" }), `${repository}/python/plain`);
    rmSync(`${repository}/python/plain/PKG-INFO`);
    const run = (...args: string[]) => {
      const done = Bun.spawnSync(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
        cwd: repository,
        env: { PATH: process.env["PATH"], HOME: place.folder },
      });
      expect(done.stderr.toString()).toBe("");
      return done.stdout.toString().trim();
    };
    run("init", "-q", "-b", "main");
    run("add", "-A");
    run("commit", "-q", "-m", "one");
    const context = contextFor([]);
    const source = {
      kind: "git" as const,
      url: `file://${repository}`,
      branch: "main",
      subdirectory: "python/plain",
    };
    const { metadata, locked } = await createBuildInterface(context).metadataOfSource(source, "plain");
    expect(metadata.version).toBe("1.0");
    expect(locked).toEqual({
      kind: "git",
      url: `file://${repository}`,
      requestedRevision: "main",
      commitId: run("rev-parse", "HEAD"),
      subdirectory: "python/plain",
    });
    const [realised] = await realisePackages([{ name: "plain", source: locked }], context);
    expect(realised).toMatchObject({ how: "built", name: "plain" });
    expect((await realisePackages([{ name: "plain", source: locked }], context))[0]!.how).toBe("store");
  });

  test.each(["../..", "/etc", "C:\\x", "a/../../b"])(
    "a subdirectory that leads out is refused: %s",
    async (subdirectory) => {
      const sdist = makeSdist({ ...plain, metadataVersion: "2.1" });
      const build = createBuildInterface(contextFor([sdist]));
      const failure = (await build
        .metadataOfSource({ kind: "url", url: urlOf(sdist), subdirectory }, "plain")
        .catch((e) => e)) as Failure;
      expect(failure.code).toBe("DXPY_BAD_SOURCE");
    },
  );
});
