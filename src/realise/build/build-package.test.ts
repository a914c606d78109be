import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { makeSdist, makeWheel } from "../../../test/make-wheel.ts";
import type { Failure } from "../../platform/errors.ts";
import { staged } from "../../platform/testing/staged.ts";
import { readDrvOutNotes } from "../../store/drv-out.ts";
import { openStore } from "../../store/store.ts";
import type { BuildDerivation } from "../derivation.ts";
import { requireDerivation } from "../drv-store.ts";
import { realisePackages } from "../realise-packages.ts";
import {
  type TestPlace,
  testContext,
  testIndex,
  testInterpreter,
  testPlace,
  unpackSdist,
  wantedSdist,
  wantedWheel,
} from "../testing/test-context.ts";
import type { WantedPackage } from "../wanted-package.ts";
import { buildEditable } from "./build-editable.ts";
import { logPath, readLog } from "./build-log.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

let place: TestPlace;
beforeEach(() => {
  place = testPlace();
});
afterEach(() => place.remove());

const helper = makeWheel({
  name: "helper-tool",
  version: "3.0",
  modules: { "helper_tool.py": "answer = 42\n" },
});
const pure = makeSdist({ name: "pure", version: "1.5", entryPoints: { pure: "pure:main" } });

/** A backend in the tree, as a test needs it: `hooks` is Python. */
function withBackend(hooks: string, requires: string[] = []) {
  return makeSdist({
    name: "odd",
    version: "1.0",
    pyproject: `[build-system]\nrequires = ${JSON.stringify(requires)}\nbuild-backend = "odd_backend"\nbackend-path = ["."]\n`,
    files: { "odd_backend.py": `from build_backend import *\nimport os, sys\n${hooks}` },
  });
}

function directory(name: string, editable = false): WantedPackage {
  return { name, source: { kind: "directory", path: name, editable } };
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  return (await promise.then(
    () => undefined,
    (error) => error,
  )) as Failure;
}

describe.skipIf(testInterpreter === undefined)("building", () => {
  test("an sdist becomes a package object, and what it came from can be followed to the fetch", async () => {
    const index = testIndex([pure, helper]);
    const context = testContext(place, index);
    const [built] = await realisePackages([wantedSdist(pure, "pure")], context);
    expect(built).toMatchObject({ name: "pure", how: "built" });
    expect(built!.object).toMatchObject({ name: "pure", version: "1.5", distInfo: "pure-1.5.dist-info" });
    const root = place.home.store;
    expect(requireDerivation([root], built!.derivation)).toMatchObject({
      kind: "package",
      build: { hook: "build_wheel" },
    });
    const { build, fetch } = readDrvOutNotes(root, built!.derivation)!.notes;
    expect(requireDerivation([root], fetch!)).toMatchObject({ kind: "fetch", filename: pure.filename });
    const derivation = requireDerivation([root], build!) as BuildDerivation;
    expect(derivation).toMatchObject({
      name: "pure",
      version: "1.5",
      backend: { name: "build_backend", path: ["."] },
      requires: [],
    });
    expect(readDrvOutNotes(root, build!)!.outputHash).toBe(built!.outputHash);
    expect(readLog(logPath(root, build!))).toContain("build_wheel");
    // The second time it is known by the lock alone.
    index.downloads.length = 0;
    const again = await realisePackages([wantedSdist(pure, "pure")], {
      ...context,
      onProgress: undefined as never,
    });
    expect(again[0]).toMatchObject({ how: "store", outputHash: built!.outputHash });
    expect(index.downloads).toEqual([]);
  });

  test("the names of temporary folders, which backends write into what they make, are the same in each build", async () => {
    const odd = withBackend(
      `import tempfile
def build_wheel(d, *args, own=build_wheel):
    names = [os.path.basename(tempfile.mkdtemp(dir=d)) for _ in range(2)]
    with open("src/odd/__init__.py", "w") as f:
        f.write("names = %r\\n" % names)
    return own(d)
`,
    );
    const outputs = [];
    for (const home of [place, testPlace()]) {
      const [built] = await realisePackages([wantedSdist(odd, "odd")], testContext(home, testIndex([odd])));
      outputs.push(built!.outputHash);
      if (home !== place) home.remove();
    }
    expect(outputs[0]).toBe(outputs[1]!);
  });

  test("the environment has build-system.requires and what the backend asks for besides, as output hashes in the derivation", async () => {
    const other = makeWheel({ name: "other", version: "2.0", modules: { "other.py": "" } });
    const odd = withBackend(
      `def get_requires_for_build_wheel(config_settings=None):
    import helper_tool
    return ["other"]
_build = build_wheel
def build_wheel(directory, config_settings=None, metadata_directory=None):
    import other, helper_tool
    return _build(directory)
`,
      ["helper-tool>=2"],
    );
    const context = testContext(place, testIndex([odd, helper, other]), {
      "helper-tool": wantedWheel(helper, "helper-tool"),
      other: wantedWheel(other, "other"),
    });
    const [built] = await realisePackages([wantedSdist(odd, "odd")], context);
    const root = place.home.store;
    const derivation = requireDerivation(
      [root],
      readDrvOutNotes(root, built!.derivation)!.notes["build"]!,
    ) as BuildDerivation;
    expect(derivation.requires.map(({ name, version }) => `${name} ${version}`)).toEqual([
      "helper-tool 3.0",
      "other 2.0",
    ]);
    for (const { output, derivation: from } of derivation.requires) {
      expect(context.store.has(output)).toBe(true);
      expect(requireDerivation([root], from!)).toMatchObject({ kind: "package" });
    }
  });

  test("a build sees a clean environment, its own HOME, a fixed locale, umask and date, and no credentials", async () => {
    const odd = withBackend(`
_build = build_wheel
def build_wheel(directory, config_settings=None, metadata_directory=None):
    import json
    seen = dict(os.environ, umask="%o" % os.umask(0o22), argv=repr(sys.argv), cwd=os.getcwd())
    open("src/odd/seen.json", "w").write(json.dumps(seen))
    return _build(directory)
`);
    const context = {
      ...testContext(place, testIndex([odd])),
      env: {
        PATH: process.env["PATH"],
        HOME: place.folder,
        CFLAGS: "-O1",
        PIP_INDEX_URL: "http://user:secret@127.0.0.1/",
        UV_INDEX_X_PASSWORD: "secret",
        AWS_SECRET_ACCESS_KEY: "secret",
        HTTPS_PROXY: "http://user:secret@127.0.0.1:1",
        PYTHONPATH: "/nowhere",
      },
    };
    const [built] = await realisePackages([wantedSdist(odd, "odd")], context);
    const stored = context.store.open(built!.outputHash);
    const seen = JSON.parse(new TextDecoder().decode(stored.file("lib/odd/seen.json")));
    stored.close();
    expect(JSON.stringify(seen)).not.toContain("secret");
    expect(seen).toMatchObject({
      CFLAGS: "-O1",
      LC_ALL: "C.UTF-8",
      umask: "22",
      SOURCE_DATE_EPOCH: "315532800",
    });
    expect(seen.HOME).toStartWith(place.home.tmp);
    expect(seen.PYTHONPATH).toBeUndefined();
    expect(seen.PATH.split(":")[0]).toContain("/environment-");
    const root = place.home.store;
    const derivation = requireDerivation(
      [root],
      readDrvOutNotes(root, built!.derivation)!.notes["build"]!,
    ) as BuildDerivation;
    expect(derivation.environment).toMatchObject({ CFLAGS: "-O1", HOME: "<staging>/home" });
    expect(JSON.stringify(derivation)).not.toContain(place.folder);
    // Another compiler flag is another build.
    const flagged = await realisePackages([wantedSdist(odd, "odd")], {
      ...context,
      env: { ...context.env, CFLAGS: "-O2" },
    });
    expect(flagged[0]!.derivation).not.toBe(built!.derivation);
  });

  test("config settings reach the backend, and are part of what was asked for", async () => {
    const odd = withBackend(`
_build = build_wheel
def build_wheel(directory, config_settings=None, metadata_directory=None):
    open("src/odd/settings.txt", "w").write(repr(config_settings))
    return _build(directory)
`);
    const context = testContext(place, testIndex([odd]));
    const build = {
      configSettings: { "--plain": "yes" },
      configSettingsPackage: { odd: { list: ["a", "b"] } },
    };
    const [one] = await realisePackages([wantedSdist(odd, "odd")], { ...context, build });
    const [two] = await realisePackages([wantedSdist(odd, "odd")], context);
    const read = (hash: string) => {
      const stored = context.store.open(hash);
      const text = new TextDecoder().decode(stored.file("lib/odd/settings.txt"));
      stored.close();
      return text;
    };
    expect(read(one!.outputHash)).toBe("{'--plain': 'yes', 'list': ['a', 'b']}");
    expect(read(two!.outputHash)).toBe("None");
  });

  test("a failure shows the log's last lines, its path, and the hint that fits", async () => {
    const odd = withBackend(`
def build_wheel(directory, config_settings=None, metadata_directory=None):
    print("compiling thing.c")
    print("thing.c:1:10: fatal error: zlib.h: No such file or directory", file=sys.stderr)
    raise RuntimeError("command 'gcc' failed with exit code 1")
`);
    const failure = await failureOf(
      realisePackages([wantedSdist(odd, "odd")], testContext(place, testIndex([odd]))),
    );
    expect(failure.code).toBe("DXPY_BUILD_FAILED");
    expect(failure.message).toBe(
      "Building odd failed in build_wheel: RuntimeError: command 'gcc' failed with exit code 1",
    );
    expect(failure.context.detail).toContain("compiling thing.c");
    expect(failure.context.path).toStartWith(`${place.home.store}/log/`);
    expect(readLog(failure.context.path!.replace(/\.zst$/, ""))).toContain("fatal error: zlib.h");
    expect(failure.hint).toMatch(/`dx-py drv log [0-9a-f]{12}`/);
    expect(failure.hint).toContain("zlib.h");
    expect(existsSync(`${place.home.store}/drv-out`)).toBe(false);
  });

  test.each([
    ["build_wheel = lambda *args: os._exit(3)", "ended with code 3"],
    ["build_wheel = lambda *args: sys.exit('no')", "SystemExit: no"],
    ["build_wheel = lambda *args: 7", "it returned 7 and left 0 wheels"],
    ["build_wheel = lambda *args: object()", "no JSON value"],
    ["build_wheel = lambda *args: '../../x.whl'", "and left 0 wheels"],
    ["import missing_thing", "cannot be imported: No module named 'missing_thing'"],
    ["del build_wheel", "has no build_wheel"],
    ["get_requires_for_build_wheel = lambda settings: 'text'", "did not return a list of requirements"],
    [
      "def build_wheel(d, *args):\n    open(d + '/other-1.0-py3-none-any.whl', 'w')\n    return 'other-1.0-py3-none-any.whl'",
      "a wheel of other",
    ],
    ["def build_wheel(d, *args):\n    os.write(3, b'{\"result\"')\n    os._exit(0)", "without an answer"],
  ])("a backend that misbehaves is named: %s", async (hooks, message) => {
    const odd = withBackend(hooks);
    const failure = await failureOf(
      realisePackages([wantedSdist(odd, "odd")], testContext(place, testIndex([odd]))),
    );
    expect(failure.code).toBe("DXPY_BUILD_FAILED");
    expect(failure.message).toContain(message);
  });

  test("a backend that is not where backend-path says is refused (PEP 517)", async () => {
    const odd = makeSdist({
      name: "odd",
      pyproject: '[build-system]\nrequires = []\nbuild-backend = "json"\nbackend-path = ["."]\n',
    });
    const failure = await failureOf(
      realisePackages([wantedSdist(odd, "odd")], testContext(place, testIndex([odd]))),
    );
    expect(failure.message).toContain("json was not found in backend-path");
  });

  test("the wrong version, a forbidden build, and a build that needs itself are refused", async () => {
    const context = testContext(place, testIndex([pure]));
    const wrong = await failureOf(
      realisePackages([{ ...wantedSdist(pure, "pure"), version: "2.0" }], context),
    );
    expect(wrong.message).toContain("it made version 1.5, not 2.0");
    const forbidden = { ...context, build: { noBuild: ["pure"] } };
    expect((await failureOf(realisePackages([wantedSdist(pure, "pure")], forbidden))).code).toBe(
      "DXPY_BUILD_NOT_ALLOWED",
    );
    const odd = withBackend("", ["odd"]);
    const cyclic = testContext(place, testIndex([odd]), { odd: wantedSdist(odd, "odd") });
    expect((await failureOf(realisePackages([wantedSdist(odd, "odd")], cyclic))).code).toBe(
      "DXPY_BUILD_CYCLE",
    );
  });

  test("two builds that need each other are refused, whichever begins first", async () => {
    const a = makeSdist({
      name: "aa",
      pyproject: '[build-system]\nrequires = ["bb"]\nbuild-backend = "build_backend"\nbackend-path = ["."]\n',
    });
    const b = makeSdist({
      name: "bb",
      pyproject: '[build-system]\nrequires = ["aa"]\nbuild-backend = "build_backend"\nbackend-path = ["."]\n',
    });
    const context = testContext(place, testIndex([a, b]), {
      aa: wantedSdist(a, "aa"),
      bb: wantedSdist(b, "bb"),
    });
    const failure = await failureOf(realisePackages([wantedSdist(a, "aa"), wantedSdist(b, "bb")], context));
    expect(failure.code).toBe("DXPY_BUILD_CYCLE");
  });

  test("a directory is built again exactly when a file of it changed", async () => {
    unpackSdist(pure, `${place.projectDir}/pure`);
    const context = testContext(place, testIndex([]));
    const build = async () => (await realisePackages([directory("pure")], context))[0]!;
    const first = await build();
    expect(first.how).toBe("built");
    expect((await build()).how).toBe("store");
    writeFileSync(`${place.projectDir}/pure/src/pure/__init__.py`, "changed = True\n");
    const second = await build();
    expect(second.how).toBe("built");
    expect(second.outputHash).not.toBe(first.outputHash);
    writeFileSync(`${place.projectDir}/pure/src/pure/__pycache__`, "");
    expect((await build()).how).toBe("store");
  });

  test("an editable is the backend's own, knows its path, and is not built again for a change of the code", async () => {
    unpackSdist(pure, `${place.projectDir}/pure`);
    const context = testContext(place, testIndex([]));
    const [built] = await realisePackages([directory("pure", true)], context);
    expect(built!.how).toBe("built");
    expect(built!.object.hasPth).toBe(true);
    writeFileSync(`${place.projectDir}/pure/src/pure/__init__.py`, "changed = True\n");
    expect((await realisePackages([directory("pure", true)], context))[0]!.how).toBe("store");
    expect(requireDerivation([place.home.store], built!.derivation)).toMatchObject({
      build: { hook: "build_editable", source: { path: `${place.projectDir}/pure` } },
    });
  });

  test("buildEditable takes the name from the project table, or from what comes out", async () => {
    unpackSdist(pure, `${place.projectDir}/pure`);
    const context = testContext(place, testIndex([]));
    const first = await buildEditable(`${place.projectDir}/pure`, context);
    expect(first).toMatchObject({ name: "pure", how: "built" });
    expect(await buildEditable(`${place.projectDir}/pure`, context)).toMatchObject({
      name: "pure",
      how: "store",
    });
    const declared = `${readFileSync(`${place.projectDir}/pure/pyproject.toml`, "utf8")}[project]\nname = "impure"\n`;
    writeFileSync(`${place.projectDir}/pure/pyproject.toml`, declared);
    const failure = await failureOf(buildEditable(`${place.projectDir}/pure`, context));
    expect(failure.message).toContain("a wheel of pure, not of impure");
  });

  test("without isolation the backend runs in the environment that is given, and nothing is resolved", async () => {
    const odd = withBackend(
      `def get_requires_for_build_wheel(config_settings=None):
    return ["nowhere"]
_build = build_wheel
def build_wheel(directory, *args):
    assert os.environ["PATH"].startswith(os.path.dirname(sys.executable))
    return _build(directory)
`,
      ["not-there"],
    );
    const context = testContext(place, testIndex([odd]));
    const { prefix } = await context.makeBuildEnvironment!([], context.interpreter);
    const build = { noIsolation: ["odd"], pythonWithoutIsolation: `${prefix}/bin/python` };
    const [built] = await realisePackages([wantedSdist(odd, "odd")], { ...context, build });
    expect(requireDerivation([place.home.store], built!.derivation)).toMatchObject({
      build: { isolated: false },
    });
  });

  test("a backend without build_editable says so", async () => {
    unpackSdist(withBackend("del build_editable"), `${place.projectDir}/odd`);
    const failure = await failureOf(
      realisePackages([directory("odd", true)], testContext(place, testIndex([]))),
    );
    expect(failure.code).toBe("DXPY_NO_EDITABLE");
  });

  test("two processes that want the same build: one builds", async () => {
    unpackSdist(pure, `${place.projectDir}/pure`);
    const events: string[] = [];
    const context = () => ({
      ...testContext(place, testIndex([])),
      store: openStore(place.home),
      onProgress: (event: { kind: string; hook?: string }) => {
        if (event.kind === "build" && event.hook === "build_wheel") events.push(event.kind);
      },
    });
    const both = await Promise.all([
      realisePackages([directory("pure")], context()),
      realisePackages([directory("pure")], context()),
    ]);
    expect(both[0]![0]!.outputHash).toBe(both[1]![0]!.outputHash);
    expect(events).toEqual(["build"]);
    expect(staged(place.home)).toEqual([]);
  });

  test("a failing package ends the build of another, and the failure is the first one's", async () => {
    const slow = withBackend("def build_wheel(*args):\n    import time\n    time.sleep(60)\n");
    const bad = { ...makeWheel({ name: "bad" }), bytes: new TextEncoder().encode("no zip") };
    const context = testContext(place, testIndex([slow, bad]));
    const failure = await failureOf(
      realisePackages([wantedSdist(slow, "odd"), wantedWheel(bad, "bad")], context),
    );
    expect(failure.code).toMatch(/^DXPY_BAD_/);
  });
});
