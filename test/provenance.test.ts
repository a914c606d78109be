import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from "node:fs";
import { checkProvenance } from "./check-provenance.ts";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";
import { ownPyproject, put, writeSource } from "./source-tree.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

let server: IndexServer;
let me: Session;

beforeAll(async () => {
  server = startIndexServer({
    files: [
      makeWheel({ name: "words", version: "1.0" }),
      makeWheel({ name: "words", version: "2.0" }),
      makeWheel({ name: "PyTable", modules: { "table/__init__.py": "", "_table.py": "" } }),
      makeSdist({ name: "thing", requires: ["words"], modules: { "thing/__init__.py": "answer = 1\n" } }),
    ],
  });
  me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["thing", "words<2", "pytable"]));
  await me.ok("install");
});
afterAll(async () => {
  me.end();
  await server.stop();
});

async function json(session: Session, ...args: string[]) {
  return JSON.parse((await session.dx(...args, "--json")).stdout);
}

interface Node {
  buildHash: string;
  derivation: { kind: string; source?: { kind: string } };
  output?: string;
  inputs: Node[];
  repeated?: boolean;
}

describe("every object says where it came from", () => {
  test("each object has its derivation and drv-out; hashes recompute; the schema validates each (V1, V2)", async () => {
    const { derivations, objects, environments, faults } = checkProvenance(me.home);
    expect(faults).toEqual([]);
    expect(derivations).toBeGreaterThanOrEqual(7);
    expect([objects, environments]).toEqual([3, 1]);
  });

  test("from the environment, each package is followed to a fetch or a source", async () => {
    const tree: Node = await json(me, "drv", "tree");
    expect(tree.derivation.kind).toBe("env");
    const [layout] = tree.inputs;
    expect(layout?.derivation.kind).toBe("layout");
    expect(layout?.inputs).toHaveLength(3);
    const ends = (node: Node): string[] =>
      node.inputs.length === 0 ? [node.derivation.kind] : node.inputs.flatMap(ends);
    for (const input of layout!.inputs) expect(ends(input)).toEqual(["fetch"]);
    const { stdout } = await me.ok("drv", "tree");
    expect(stdout).toContain(`environment of ${me.dir}`);
    expect(stdout).toContain("build thing 1.0 (build_backend)");
    expect(stdout).toContain(`fetch ${server.origin}/files/thing-1.0.tar.gz`);
    expect((await me.ok("drv", "tree", "--depth", "1")).stdout.split("\n")).toHaveLength(3);
  });
});

describe("V4: a command inspects derivations", () => {
  test("drv show: by name, module, version, path, and hash", async () => {
    const [wheel] = await json(me, "drv", "show", "pytable");
    expect(wheel).toMatchObject({
      derivation: { kind: "package", fetch: { filename: "pytable-1.0-py3-none-any.whl" } },
      present: true,
      fetch: { derivation: { kind: "fetch", url: `${server.origin}/files/pytable-1.0-py3-none-any.whl` } },
    });
    const site = readdirSync(`${me.dir}/.venv/lib`)[0];
    for (const what of [
      "PyTable",
      "pytable==1.0",
      "table",
      "_table",
      `.venv/lib/${site}/site-packages/table/__init__.py`,
      `.venv/lib/${site}/site-packages/PyTable-1.0.dist-info`.replace("PyTable", "pytable"),
      wheel.buildHash,
      wheel.output,
      wheel.output.slice(0, 10),
    ]) {
      expect((await json(me, "drv", "show", what))[0]?.buildHash).toBe(wheel.buildHash);
    }
    const { stdout } = await me.ok("drv", "show", "thing");
    expect(stdout).toContain("package thing 1.0");
    expect(stdout).toContain("backend: build_backend from .");
    expect(stdout).toContain("SOURCE_DATE_EPOCH=315532800");
    expect(stdout).toContain("dx-py drv log ");
    expect((await json(me, "drv", "show", "."))[0]).toMatchObject({
      derivation: { kind: "env", project: me.dir },
    });
    const unknown = await me.dx("drv", "show", "nonsense");
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain("nonsense");
  });

  test("drv why: layouts, projects, generations", async () => {
    const [held] = await json(me, "drv", "why", "words");
    expect(held).toMatchObject({
      label: "words 1.0",
      layouts: [{ present: true, roots: [{ link: `${me.dir}/.venv`, attached: true, generations: [1] }] }],
    });
    expect((await me.ok("drv", "why", "words")).stdout).toContain(`${me.dir}/.venv: attached, generation 1`);
  });

  test("drv log shows what the backend said, also where the build failed", async () => {
    expect((await me.ok("drv", "log", "thing")).stdout).toContain("build_wheel");
    const other = me.project("failing");
    writeSource(`${other.dir}/bad`, {
      name: "bad",
      files: { "build_backend.py": "import sys\nprint('the compiler says no')\nsys.exit('no')\n" },
    });
    other.write("pyproject.toml", pyproject(["bad"], '[tool.uv.sources]\nbad = { path = "bad" }\n'));
    const failed = await other.dx("install");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("the compiler says no");
    const [, hash] = /dx-py drv log ([0-9a-f]{12})/.exec(failed.stderr)!;
    expect((await other.ok("drv", "log", hash!)).stdout).toContain("the compiler says no");
    expect((await other.dx("drv", "log", "words")).code).toBe(1);
  });

  test("drv diff: what was asked, what was seen, and the changed line of a file", async () => {
    const other = me.project("folder");
    writeSource(`${other.dir}/lib`, { name: "lib", modules: { "lib.py": "first = 1\nanswer = 1\n" } });
    other.write("pyproject.toml", pyproject(["lib"], '[tool.uv.sources]\nlib = { path = "lib" }\n'));
    await other.ok("install");
    const [before] = await json(other, "drv", "show", "lib");
    put(`${other.dir}/lib`, "src/lib.py", "first = 1\nanswer = 2\n");
    await other.ok("install");
    const [after] = await json(other, "drv", "show", "lib");
    const { code, stdout } = await other.dx("drv", "diff", before.buildHash, after.buildHash);
    expect(code).toBe(1);
    expect(stdout).toContain("source.digest");
    expect(stdout).toContain("lib/lib.py: content, from line 2");
    expect(stdout).toContain("  - answer = 1\n  + answer = 2");
    expect((await other.dx("drv", "diff", "lib", after.output)).code).toBe(0);
  });

  test("drv rebuild --check: the same comes out, or what differs is said", async () => {
    expect((await me.ok("drv", "rebuild", "--check", "thing")).stdout).toContain("the same thing 1.0");
    const other = me.project("moody");
    writeSource(`${other.dir}/moody`, {
      name: "moody",
      modules: { "moody.py": "" },
    });
    put(
      `${other.dir}/moody`,
      "build_backend.py",
      `${readFileSync(`${other.dir}/moody/build_backend.py`, "utf8")}
def _with_dist_info(contents, own=_with_dist_info):
    import time
    contents["moody.py"] = b"made = %d\\n" % time.time_ns()
    return own(contents)
`,
    );
    other.write("pyproject.toml", pyproject(["moody"], '[tool.uv.sources]\nmoody = { path = "moody" }\n'));
    await other.ok("install");
    const objects = (await json(other, "store", "ls")).length;
    const [result] = await json(other, "drv", "rebuild", "--check", "moody");
    expect(result).toMatchObject({ same: false });
    expect(result.files.map(({ path }: { path: string }) => path)).toContain("lib/moody.py");
    expect((await other.dx("drv", "rebuild", "--check", "moody")).code).toBe(1);
    // Nothing of it stays.
    expect((await json(other, "store", "ls")).length).toBe(objects);
    const wheel = await me.dx("drv", "rebuild", "words");
    expect(wheel.code).toBe(1);
    expect(wheel.stderr).toContain("was not built here");
  });
});

describe("generations", () => {
  let other: Session;
  const words = () =>
    other.sh(".venv/bin/python", "-c", "import words; print(words.__version__)").stdout.trim();

  beforeAll(async () => {
    other = me.project("generations");
    for (const wanted of ["words<2", "words>=2"]) {
      other.write("pyproject.toml", pyproject([wanted]));
      await other.ok("install");
    }
  });

  test("each attach is one; env diff compares them", async () => {
    const [{ generations }] = await json(other, "env", "list");
    expect(generations.map(({ n, attached }: { n: number; attached: boolean }) => [n, attached])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect((await other.ok("env", "diff")).stdout).toBe("~ words 1.0 → 2.0\n");
    expect((await other.ok("env", "diff", "2", "1")).stdout).toBe("~ words 2.0 → 1.0\n");
    expect((await other.ok("env", "list", "--all")).stdout).toContain(`${me.dir}/.venv`);
  });

  test("rollback is one symlink, and install goes forward again", async () => {
    await other.ok("env", "rollback");
    expect(words()).toBe("1.0");
    const first = readlinkSync(`${other.dir}/.venv`);
    expect((await other.dx("env", "rollback")).code).toBe(1);
    await other.ok("env", "rollback", "2");
    expect(words()).toBe("2.0");
    await other.ok("env", "rollback", "1");
    expect(readlinkSync(`${other.dir}/.venv`)).toBe(first);
    await other.ok("install");
    expect(words()).toBe("2.0");
    expect((await other.dx("env", "rollback", "9")).stderr).toContain("There are 1, 2");
    const below = other.project("generations/src/deep");
    expect((await below.ok("env", "rollback")).stderr).toContain("Attached generation");
    expect(words()).toBe("1.0");
    await other.ok("install");
  });

  test("a generation whose layout is gone is not attached", async () => {
    const before = readlinkSync(`${other.dir}/.venv`);
    const [{ generations }] = await json(other, "env", "list");
    const [gone] = generations as { n: number; path: string }[];
    other.remove(gone!.path);
    const { code, stderr } = await other.dx("env", "rollback", String(gone!.n));
    expect([code, stderr.includes("is not there any more")]).toEqual([1, true]);
    expect(readlinkSync(`${other.dir}/.venv`)).toBe(before);
    other.write("pyproject.toml", pyproject(["words<2"]));
    await other.ok("install");
    other.write("pyproject.toml", pyproject(["words>=2"]));
    await other.ok("install");
  });

  test("an environment that the warm path attached has its derivation all the same", async () => {
    const twin = me.project("twin");
    for (const file of ["pyproject.toml", "pylock.toml", "dx-py.dpl"])
      twin.write(file, readFileSync(`${other.dir}/${file}`, file.endsWith("dpl") ? "latin1" : "utf8"));
    await Bun.write(`${twin.dir}/dx-py.dpl`, Bun.file(`${other.dir}/dx-py.dpl`));
    await twin.ok("install", "--frozen");
    expect((await json(twin, "drv", "show", "."))[0].derivation).toMatchObject({
      kind: "env",
      project: twin.dir,
    });
  });

  test("remove takes the link and the generations, and nothing that is no environment", async () => {
    await other.ok("env", "remove");
    expect(other.has(".venv")).toBe(false);
    expect((await json(other, "env", "list"))[0].generations).toEqual([]);
    put(other.dir, ".venv/mine.txt", "precious");
    expect((await other.dx("env", "remove")).code).toBe(1);
    expect(other.read(".venv/mine.txt")).toBe("precious");
  });
});

describe("build", () => {
  test("makes the sdist and from it the wheel, the same each time", async () => {
    const other = me.project("own");
    writeSource(other.dir, {
      name: "own",
      pyproject: ownPyproject("own"),
      modules: { "own.py": "answer = 1\n" },
    });
    put(
      other.dir,
      "build_backend.py",
      `${readFileSync(`${other.dir}/build_backend.py`, "utf8")}
import tarfile
def build_sdist(folder, config_settings=None):
    with tarfile.open(os.path.join(folder, "own-1.0.tar.gz"), "w:gz") as t:
        for name in ["pyproject.toml", "METADATA.in", "entry_points.in", "build_backend.py", "src/own.py"]:
            t.add(name, "own-1.0/" + name)
    return "own-1.0.tar.gz"
`,
    );
    const first = await json(other, "build");
    expect(first.map(({ path }: { path: string }) => path)).toEqual([
      `${other.dir}/dist/own-1.0.tar.gz`,
      `${other.dir}/dist/own-1.0-py3-none-any.whl`,
    ]);
    other.sh("touch", "src/own.py");
    other.sh("chmod", "600", "src/own.py");
    const second = await json(other, "build", "--out-dir", "again");
    expect(second[0].sha256).toBe(first[0].sha256);
    expect(second[1].outputHash).toBe(first[1].outputHash);
    expect(other.sh("tar", "-tvf", "again/own-1.0.tar.gz").stdout).toMatch(/-rw-r--r-- 0\/0 .* 1980-01-01/);
    expect((await json(other, "build", "--wheel", "--out-dir", "wheel")).length).toBe(1);
    expect(readdirSync(`${other.dir}/wheel`)).toEqual(["own-1.0-py3-none-any.whl"]);
  });
});

const sandboxed = process.platform === "linux" && Bun.which("bwrap") !== null;

describe("a sandbox", () => {
  test.skipIf(!sandboxed)(
    "stops a build that writes outside its folder, or reaches for the network, and names it",
    async () => {
      const other = me.project("sandboxed");
      const outside = `${me.home}/../outside.txt`;
      const tries = {
        writes: `open(${JSON.stringify(outside)}, "w").write("x")`,
        // What lies there decides what cargo compiles, and what it runs to do so, in every later build.
        crates: `open(__import__("os").environ["CARGO_HOME"] + "/config.toml", "w").write("x")`,
        connects: `__import__("urllib.request").request.urlopen("http://localhost.invalid/")`,
      };
      for (const [name, attempt] of Object.entries(tries)) {
        writeSource(`${other.dir}/${name}`, { name });
        put(
          `${other.dir}/${name}`,
          "build_backend.py",
          `${readFileSync(`${other.dir}/${name}/build_backend.py`, "utf8")}\ndef build_wheel(*args, own=build_wheel):\n    ${attempt}\n    return own(*args)\n`,
        );
        other.write(
          "pyproject.toml",
          pyproject([name], `[tool.uv.sources]\n${name} = { path = "${name}" }\n`),
        );
        const { code, stderr } = await other.dx("install", "--sandbox");
        expect(code).toBe(1);
        const said = { writes: outside, crates: "/config.toml", connects: "tried to reach the network" };
        expect(stderr).toContain(said[name as keyof typeof tries]);
        if (name !== "connects") expect(stderr).toContain("wrote outside its own folder");
      }
      expect(existsSync(outside)).toBe(false);
      // One that keeps to itself is built as ever.
      other.write("pyproject.toml", pyproject(["thing"]));
      await other.ok("cache", "clean", "--store", "--layouts");
      await other.ok("install", "--sandbox");
      expect((await json(other, "drv", "show", "thing"))[0].build.derivation.sandbox).toBe(true);
      await me.ok("install");
    },
  );

  test.skipIf(process.platform !== "linux")(
    "where there is none, it is said, and nothing is built",
    async () => {
      const bare = me.project("bare");
      put(bare.dir, "bin/.keep", "");
      for (const program of ["python3", "git", "sh"]) {
        const path = Bun.which(program);
        if (path !== null) symlinkSync(path, `${bare.dir}/bin/${program}`);
      }
      bare.write("pyproject.toml", pyproject(["other-thing"]));
      server.add(makeSdist({ name: "other-thing" }));
      const python = readlinkSync(`${me.dir}/.venv/bin/python`);
      Object.assign(bare.env, { PATH: `${bare.dir}/bin`, DX_PY_PYTHON: python });
      const { code, stderr } = await bare.dx("install", "--sandbox");
      Object.assign(bare.env, { PATH: process.env["PATH"] });
      delete bare.env["DX_PY_PYTHON"];
      expect(code).toBe(1);
      expect(stderr).toContain("bwrap: not installed");
      expect(stderr).toContain("Install bubblewrap");
    },
  );
});

describe("settings of builds", () => {
  test("extra build dependencies, variables and config settings reach the one package that they are for", async () => {
    const other = me.project("settings");
    writeSource(`${other.dir}/needy`, { name: "needy" });
    put(
      `${other.dir}/needy`,
      "build_backend.py",
      `${readFileSync(`${other.dir}/needy/build_backend.py`, "utf8")}\ndef build_wheel(folder, config_settings=None, metadata_directory=None, own=build_wheel):\n    import words\n    assert words.__version__ == "1.0" and os.environ["NEEDED"] == "yes" and config_settings == {"a": "b"}, (words.__version__, config_settings)\n    return own(folder)\n`,
    );
    other.write(
      "pyproject.toml",
      pyproject(
        ["needy"],
        `[tool.uv]\nbuild-constraint-dependencies = ["words<2"]\n[tool.uv.sources]\nneedy = { path = "needy" }\n[tool.uv.extra-build-dependencies]\nNeedy = ["words"]\n[tool.uv.extra-build-variables]\nneedy = { NEEDED = "yes" }\n[tool.uv.config-settings-package]\nneedy = { a = "b" }\n`,
      ),
    );
    await other.ok("install");
    const [{ derivation }] = await json(other, "drv", "show", "needy");
    expect(derivation.build).toMatchObject({
      extraRequires: ["words"],
      constraints: ["words<2"],
      environment: { NEEDED: "yes" },
      configSettings: { a: "b" },
    });
  });

  test("a package that is built without isolation sees the environment that it is installed with", async () => {
    const other = me.project("together");
    writeSource(`${other.dir}/close`, {
      name: "close",
      pyproject:
        '[build-system]\nrequires = ["no-such-thing"]\nbuild-backend = "build_backend"\nbackend-path = ["."]\n',
    });
    put(
      `${other.dir}/close`,
      "build_backend.py",
      `${readFileSync(`${other.dir}/close/build_backend.py`, "utf8")}\ndef build_wheel(*args, own=build_wheel):\n    import words\n    return own(*args)\n`,
    );
    other.write(
      "pyproject.toml",
      pyproject(
        ["close", "words"],
        '[tool.uv]\nno-build-isolation-package = ["close"]\n[tool.uv.sources]\nclose = { path = "close" }\n',
      ),
    );
    await other.ok("install");
    expect(other.sh(".venv/bin/python", "-c", "import close").code).toBe(0);
  });

  test("so does its metadata while there is no lock yet; what the environment lacks is named", async () => {
    const other = me.project("together-unlocked");
    const own = `${other.dir}/near`;
    writeSource(own, {
      name: "near",
      pyproject:
        '[build-system]\nrequires = ["words"]\nbuild-backend = "build_backend"\nbackend-path = ["."]\n[project]\nname = "near"\nversion = "1.0"\ndynamic = ["dependencies"]\n',
    });
    put(
      own,
      "build_backend.py",
      `import words\nassert words.__version__ == "1.0"\n${readFileSync(`${own}/build_backend.py`, "utf8")}`,
    );
    const settings = `[tool.uv]\nno-build-isolation-package = ["near"]\n[tool.uv.sources]\nnear = { path = "near" }\n`;
    const first = await (async () => {
      other.write("pyproject.toml", pyproject(["near"], settings));
      return await other.dx("lock");
    })();
    expect([first.code, first.stderr]).toEqual([
      1,
      expect.stringContaining("has no words: `dx-py add words`"),
    ]);
    // The group that has it is not installed by default.
    other.write(
      "pyproject.toml",
      pyproject(["near"], `[dependency-groups]\nbuilding = ["words<2"]\n${settings}`),
    );
    await other.ok("lock");
    other.write("pyproject.toml", pyproject(["near", "words<2"], settings));
    await other.ok("install");
    expect(other.sh(".venv/bin/python", "-c", "import near").code).toBe(0);
  });
});

describe("a build that is killed", () => {
  test("takes its backend with it; two that wait go on; nothing half built is in the store", async () => {
    const gate = `${me.home}/../gate`;
    server.add(
      makeSdist({
        name: "slow",
        pyproject: '[build-system]\nrequires = []\nbuild-backend = "slow_backend"\nbackend-path = ["."]\n',
        files: {
          "slow_backend.py": `${backendText()}
def build_wheel(*args, own=build_wheel):
    import time
    with open(${JSON.stringify(gate)}, "a") as f:
        f.write("%d\\n" % os.getpid())
    time.sleep(2)
    return own(*args)
`,
        },
      }),
    );
    const projects = ["killed", "waiting-1", "waiting-2"].map((name) => me.project(name));
    for (const project of projects) project.write("pyproject.toml", pyproject(["slow"]));
    for (const project of projects) await project.ok("lock");
    const killed = projects[0]!.start("install");
    const begun = () => (existsSync(gate) ? readFileSync(gate, "utf8").trim().split("\n") : []);
    while (begun().length === 0) await Bun.sleep(10);
    const waiting = projects.slice(1).map((project) => project.ok("install"));
    await Bun.sleep(300);
    killed.kill("SIGKILL");
    await killed.exited;
    await Bun.sleep(300);
    const [backend] = begun();
    expect(existsSync(`/proc/${backend}`)).toBe(false);
    await Promise.all(waiting);
    // The first, which was killed, and one of the two others.
    expect(begun()).toHaveLength(2);
    for (const project of projects.slice(1))
      expect(project.sh(".venv/bin/python", "-c", "import slow").code).toBe(0);
    expect((await me.ok("store", "verify")).code).toBe(0);
    expect(readdirSync(`${me.home}/tmp`).filter((name) => name.startsWith("build-"))).toEqual([]);
    expect((await json(me, "drv", "show", "slow")).length).toBe(1);
  });
});

function backendText(): string {
  const folder = `${me.home}/../backend-text`;
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) writeSource(folder, { name: "any" });
  return readFileSync(`${folder}/build_backend.py`, "utf8");
}
