/**
 * Homes and projects that cannot be written to: the environment comes all the same, as an ordinary folder (C4), or one
 * clear error says why it cannot; nothing half made stays. Mounting needs root; what is not permitted skips.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";
import { type Answer, pyproject, type Session, startSession } from "./session.ts";

const root = process.getuid?.() === 0;
const mounts = root && canMount();
const NOBODY = 65534;

let server: IndexServer;
let me: Session;
let mounted: string[] = [];

function canMount(): boolean {
  const script =
    'd=$(mktemp -d) && mount -t tmpfs -o size=1m none "$d" && umount "$d"; s=$?; rmdir "$d"; exit $s';
  return Bun.spawnSync(["sh", "-c", script], { stderr: "ignore" }).success;
}

/** Links are not followed. */
function placesForBytecode(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.name === "__pycache__") return [path];
    return entry.isDirectory() ? placesForBytecode(path) : [];
  });
}

beforeAll(() => {
  // Bytes that do not compress.
  const noise = new Uint8Array(3_000_000);
  for (let at = 0; at < noise.length; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));
  server = startIndexServer({
    files: [
      makeWheel({
        name: "apple",
        requires: ["core"],
        entryPoints: { apple: "apple:main" },
        modules: { "apple/__init__.py": "def main(): print('apple')\n" },
      }),
      makeWheel({ name: "core" }),
      makeWheel({
        name: "tested",
        modules: {
          "tested/__init__.py": "",
          "tested/part/__init__.py": "value = 1\n",
          "tested/part/tests/__init__.py": "",
          "tested/part/tests/deep/__init__.py": "",
          "tested/part/tests/deep/case.py": "value = 7\n",
        },
      }),
      makeWheel({ name: "heavy", modules: { "heavy/__init__.py": "", "heavy/noise.bin": noise } }),
      makeSdist({ name: "built" }),
      makeSdist({ name: "dynamic", dynamic: ["Requires-Dist"] }),
    ],
  });
});
afterAll(() => server.stop());

beforeEach(() => {
  me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["apple"]));
});
afterEach(() => {
  for (const path of mounted.reverse()) Bun.spawnSync(["umount", "-l", path]);
  mounted = [];
  me.end();
});

function mount(path: string, options: string): void {
  mkdirSync(path, { recursive: true });
  const done = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "none", path], { stderr: "pipe" });
  if (!done.success) throw new Error(done.stderr.toString());
  mounted.push(path);
}
function remount(path: string, options: string): void {
  const done = Bun.spawnSync(["mount", "-o", `remount,${options}`, path], { stderr: "pipe" });
  if (!done.success) throw new Error(done.stderr.toString());
}

/** The environment is an ordinary folder that works, and what was said tells why. */
function expectOrdinary(answer: Answer, why: RegExp, session = me): void {
  expect(answer).toMatchObject({ code: 0 });
  expect(answer.stderr).toContain("ordinary environment");
  expect(answer.stderr).toMatch(why);
  expect(lstatSync(`${session.dir}/.venv`).isDirectory()).toBe(true);
  expect(session.sh(".venv/bin/apple")).toMatchObject({ code: 0, stdout: "apple\n" });
  expect(strays(session)).toEqual([]);
}

/** One error with its mend, no trace of the program's own, nothing left in the project. */
function expectOneError(answer: Answer, what: RegExp): void {
  expect(answer.code).toBe(1);
  expect(answer.stderr).toMatch(what);
  expect(answer.stderr).toMatch(/^error: /m);
  expect(answer.stderr).not.toMatch(/^\s+at /m);
  expect(answer.stderr).not.toContain("[object");
  expect(strays(me)).toEqual([]);
}

function strays(session: Session): string[] {
  const own = ["pyproject.toml", "pylock.toml", "dx-py.dpl", ".venv"];
  return readdirSync(session.dir).filter((name) => !own.includes(name));
}

const unfinished = () => (existsSync(`${me.home}/tmp`) ? readdirSync(`${me.home}/tmp`) : []);

describe.skipIf(!mounts)("a read-only file system (needs root)", () => {
  test("C4 an empty home on it: an ordinary environment", async () => {
    mount(me.home, "size=20m");
    remount(me.home, "ro");
    expectOrdinary(await me.dx("install"), /read-only file system/);
    // The second install has nothing to do.
    expect(await me.dx("install")).toMatchObject({ code: 0 });
    expect((await me.ok("run", "apple")).stdout).toBe("apple\n");
  });

  test("C4 builds too: for the lock (metadata that only a build tells) and for the environment", async () => {
    mount(me.home, "size=20m");
    remount(me.home, "ro");
    me.env["TMPDIR"] = `${me.home}-tmp`;
    mkdirSync(me.env["TMPDIR"]);
    me.write("pyproject.toml", pyproject(["apple", "built", "dynamic"]));
    expectOrdinary(await me.dx("install"), /read-only file system/);
    expect(me.sh(".venv/bin/python", "-c", "import apple, built, dynamic").code).toBe(0);
    me.remove(".venv");
    me.remove("pylock.toml");
    me.remove("dx-py.dpl");
    expect((await me.ok("run", "apple")).stdout).toBe("apple\n");
    expect(readdirSync(me.env["TMPDIR"]).filter((name) => !name.startsWith(".bun-"))).toEqual([]);
  });

  test("C4 a home on it that has everything: what is attached is used as it is; another project gets its own", async () => {
    mount(me.home, "size=20m");
    await me.ok("install");
    remount(me.home, "ro");
    expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
    expect((await me.ok("run", "apple")).stdout).toBe("apple\n");
    const other = me.project("other");
    other.write("pyproject.toml", pyproject(["apple"], "", "other"));
    const requests = server.count(/\.whl$/);
    expectOrdinary(await other.dx("install"), /read-only file system/, other);
    // The packages came from the store all the same.
    expect(server.count(/\.whl$/)).toBe(requests);
    expect((await other.ok("run", "apple")).stdout).toBe("apple\n");
  });

  test("a home that can be written to again: the ordinary environment becomes a link", async () => {
    mount(me.home, "size=20m,ro");
    expectOrdinary(await me.dx("install"), /read-only file system/);
    remount(me.home, "rw");
    await me.ok("install");
    expect(lstatSync(`${me.dir}/.venv`).isSymbolicLink()).toBe(true);
    expect(me.sh(".venv/bin/apple").stdout).toBe("apple\n");
    expect(strays(me)).toEqual([]);
  });

  test("a project on it: what is there runs; what would be written is refused", async () => {
    await me.ok("install");
    const layout = Bun.spawnSync(["readlink", `${me.dir}/.venv`]).stdout.toString();
    Bun.spawnSync(["mount", "--bind", me.dir, me.dir]);
    mounted.push(me.dir);
    remount(me.dir, "ro,bind");
    expect((await me.ok("install")).stderr).toContain("Already installed");
    expect((await me.ok("run", "apple")).stdout).toBe("apple\n");
    expect((await me.ok("lock", "--check")).code).toBe(0);
    expectOneError(await me.dx("add", "core"), /read-only|EROFS/);
    remount(me.dir, "rw,bind");
    me.remove(".venv");
    remount(me.dir, "ro,bind");
    expectOneError(await me.dx("install"), /cannot be written/);
    expect(layout).not.toBe("");
  });
});

describe.skipIf(!mounts)("a full disk (needs root)", () => {
  test("C4 under the home: an ordinary environment, and no unfinished package", async () => {
    mount(me.home, "size=1m");
    me.write("pyproject.toml", pyproject(["apple", "heavy"]));
    expectOrdinary(await me.dx("install"), /disk is full/);
    expect(
      me.sh(
        ".venv/bin/python",
        "-c",
        "import heavy, os; print(os.path.getsize(heavy.__path__[0] + '/noise.bin'))",
      ).stdout,
    ).toBe("3000000\n");
    expect(unfinished()).toEqual([]);
  });

  test("under the project: one error, no environment, no unfinished file", async () => {
    me.write("pyproject.toml", pyproject(["apple", "heavy"]));
    await me.ok("lock");
    const { dir } = me;
    const files = ["pyproject.toml", "pylock.toml", "dx-py.dpl"].map(
      (name) => [name, Bun.file(`${dir}/${name}`)] as const,
    );
    const texts = await Promise.all(files.map(async ([name, file]) => [name, await file.bytes()] as const));
    mount(dir, "size=200k");
    for (const [name, bytes] of texts) await Bun.write(`${dir}/${name}`, bytes);
    // Both are full: there is no other way.
    mount(me.home, "size=200k");
    expectOneError(await me.dx("install"), /No space left|disk is full|ENOSPC/);
    expect(me.has(".venv")).toBe(false);
    expect(unfinished()).toEqual([]);
  });

  test("under the lock: the old lock stays", async () => {
    await me.ok("lock");
    const before = me.read("pylock.toml");
    const dpl = await Bun.file(`${me.dir}/dx-py.dpl`).bytes();
    mount(me.dir, "size=40k");
    me.write("pylock.toml", before);
    await Bun.write(`${me.dir}/dx-py.dpl`, dpl);
    me.write("pyproject.toml", pyproject(["apple", "heavy"]));
    Bun.spawnSync(["sh", "-c", "cat /dev/zero > full"], { cwd: me.dir, stderr: "ignore" });
    const answer = await me.dx("lock");
    expect(answer.code).toBe(1);
    expect(answer.stderr).toMatch(/No space left|full|ENOSPC/);
    expect(me.read("pylock.toml")).toBe(before);
    expect(strays(me)).toEqual(["full"]);
  });
});

describe.skipIf(!root || Bun.which("setpriv") === null)(
  "no permission (needs root, to be somebody else)",
  () => {
    /** The same command as a user to whom nothing belongs but the project. */
    const AS_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--"];
    async function asNobody(...args: string[]): Promise<Answer> {
      const python = publicPython();
      const child = Bun.spawn([...AS_NOBODY, `${import.meta.dir}/../dist/dx-py`, ...args], {
        cwd: me.dir,
        env: { ...me.env, ...(python === undefined ? {} : { DX_PY_PYTHON: python }) },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      return { code: await child.exited, stdout, stderr, took: 0 };
    }
    /** An empty home of that user's own, in use from now on: its path. */
    function homeOfNobody(): string {
      const home = `${me.home}-nobody`;
      mkdirSync(home);
      chownSync(home, NOBODY, NOBODY);
      me.env["DX_PY_HOME"] = home;
      return home;
    }
    /** Interpreters below /root are nobody else's. */
    const publicPython = () =>
      ["/usr/bin/python3", "/usr/local/bin/python3", "/opt/uvenv/bin/python"].find(existsSync);

    beforeEach(() => {
      const { dir } = me;
      chmodSync(dir.slice(0, dir.lastIndexOf("/")), 0o755);
      for (const path of [dir, `${dir}/pyproject.toml`]) chownSync(path, NOBODY, NOBODY);
    });

    test.skipIf(publicPython() === undefined)(
      "C4 somebody else's home: an ordinary environment",
      async () => {
        mkdirSync(me.home, { recursive: true });
        expectOrdinary(await asNobody("install"), /permission is denied/);
      },
    );

    test.skipIf(publicPython() === undefined)("C4 a home that cannot even be read", async () => {
      mkdirSync(me.home, { recursive: true });
      chmodSync(me.home, 0o700);
      expectOrdinary(await asNobody("install"), /permission is denied/);
    });

    test.skipIf(publicPython() === undefined)(
      "a program of ours that writes through the links of `.venv` is refused; bytecode is kept",
      async () => {
        const home = homeOfNobody();
        expect(await asNobody("install")).toMatchObject({ code: 0 });
        // As `uv pip install` does it: written beside, and moved over what is there.
        const code = [
          "import os, sys, core; folder = os.path.dirname(core.__file__); seen = []",
          "def attempt(act):",
          "    try: act(); seen.append('done')",
          "    except PermissionError: seen.append('refused')",
          "attempt(lambda: open(folder + '/new.py', 'w'))",
          "attempt(lambda: os.replace(folder + '/__init__.py', folder + '/other.py'))",
          "attempt(lambda: os.unlink(folder + '/__init__.py'))",
          "print(*seen, len([n for n in os.listdir(folder + '/__pycache__') if n.startswith('__init__.')]))",
        ].join("\n");
        delete me.env["PYTHONDONTWRITEBYTECODE"];
        const answer = await asNobody("run", "python", "-c", code);
        expect(answer.stdout.trim()).toBe("refused refused refused 1");
        expect((await asNobody("cache", "clean")).code).toBe(0);
        expect(readdirSync(`${home}/store`).filter((name) => /^[0-9a-f]{2}$/.test(name))).toEqual([]);
      },
    );

    test.skipIf(publicPython() === undefined)(
      "a package's tests have no place for bytecode, and run all the same; `--compile-bytecode` makes it",
      async () => {
        homeOfNobody();
        delete me.env["PYTHONDONTWRITEBYTECODE"];
        me.write("pyproject.toml", pyproject(["tested"]));
        expect(await asNobody("install")).toMatchObject({ code: 0 });
        const code = "import tested.part.tests.deep.case as case; print(case.__file__, case.value)";
        const [file = "", value] = (await asNobody("run", "python", "-c", code)).stdout.trim().split(" ");
        expect(value).toBe("7");
        const deep = realpathSync(file).replace(/\/[^/]*$/, "");
        const part = deep.replace(/\/tests\/.*/, "");
        expect(readdirSync(deep)).not.toContain("__pycache__");
        expect(readdirSync(`${part}/__pycache__`)).toHaveLength(1);
        expect(await asNobody("install", "--compile-bytecode")).toMatchObject({ code: 0 });
        expect(readdirSync(`${deep}/__pycache__`)).toHaveLength(2);
        expect(statSync(deep).mode & 0o777).toBe(0o555);
        expect((await asNobody("store", "verify")).code).toBe(0);
      },
    );

    test.skipIf(publicPython() === undefined)(
      "a home that root made and gave away has no place for bytecode: `--compile-bytecode` makes all",
      async () => {
        me.write("pyproject.toml", pyproject(["tested"]));
        const python = publicPython()!;
        expect((await me.dx("install", "--python", python)).code).toBe(0);
        expect(placesForBytecode(`${me.home}/store`)).toEqual([]);
        expect(Bun.spawnSync(["chown", "-RP", `${NOBODY}:${NOBODY}`, me.home, me.dir]).success).toBe(true);
        expect(await asNobody("install", "--compile-bytecode")).toMatchObject({ code: 0 });
        expect(placesForBytecode(`${me.home}/store`)).toHaveLength(4);
      },
    );

    test.skipIf(publicPython() === undefined)(
      "what an ordinary user does with a home of his own: prune, heal, repair",
      async () => {
        const home = homeOfNobody();
        const layouts = () => readdirSync(`${home}/layouts`);
        expect(await asNobody("install")).toMatchObject({ code: 0 });
        expect(layouts()).toHaveLength(1);
        const site = `${home}/layouts/${layouts()[0]}/lib/${readdirSync(`${home}/layouts/${layouts()[0]}/lib`)[0]}/site-packages`;
        rmSync(`${site}/core`);
        expect((await asNobody("install", "-v")).stderr).toContain("healed");
        expect(existsSync(`${site}/core/__init__.py`)).toBe(true);
        rmSync(`${site}/core`);
        expect((await asNobody("layout", "verify", "--repair")).code).toBe(0);
        expect((await asNobody("layout", "verify")).code).toBe(0);
        rmSync(`${site}/core/__init__.py`);
        expect((await asNobody("store", "verify", "--repair")).code).toBe(0);
        expect((await asNobody("run", "python", "-c", "import core, apple")).code).toBe(0);
        me.remove(".venv");
        me.remove("pylock.toml");
        me.remove("dx-py.dpl");
        expect(await asNobody("cache", "prune", "--keep-days", "0")).toMatchObject({ code: 0 });
        expect(layouts()).toEqual([]);
      },
    );

    test.skipIf(publicPython() === undefined)(
      "an ordinary user cleans while a program runs in one of two environments: the other one goes",
      async () => {
        const home = homeOfNobody();
        const layouts = () => readdirSync(`${home}/layouts`);
        expect(await asNobody("install")).toMatchObject({ code: 0 });
        const running = layouts();
        const python = realpathSync(`${me.dir}/.venv`).concat("/bin/python");
        const waiting = [python, "-c", "print('here', flush=True); input()"];
        const sleeper = Bun.spawn([...AS_NOBODY, ...waiting], { cwd: me.dir, stdin: "pipe", stdout: "pipe" });
        try {
          await sleeper.stdout.getReader().read();
          for (const name of ["pylock.toml", "dx-py.dpl"]) me.remove(name);
          me.write("pyproject.toml", pyproject(["core"]));
          expect(await asNobody("install")).toMatchObject({ code: 0 });
          expect(layouts()).toHaveLength(2);
          expect(await asNobody("cache", "clean", "--layouts")).toMatchObject({ code: 0 });
          expect(layouts()).toEqual(running);
        } finally {
          sleeper.kill();
          await sleeper.exited;
        }
      },
    );

    test.skipIf(publicPython() === undefined)("a project that is not ours: one error", async () => {
      await me.ok("lock");
      chownSync(me.dir, 0, 0);
      const home = `${me.home}-nobody`;
      mkdirSync(home);
      chownSync(home, NOBODY, NOBODY);
      me.env["DX_PY_HOME"] = home;
      expectOneError(await asNobody("install"), /permission|EACCES/i);
      expect(me.has(".venv")).toBe(false);
    });
  },
);

describe("homes in unusual places", () => {
  test.skipIf(!mounts)("a home on another file system than the project", async () => {
    mount(me.home, "size=20m");
    await me.ok("install");
    expect(lstatSync(`${me.dir}/.venv`).isSymbolicLink()).toBe(true);
    expect(me.sh(".venv/bin/apple").stdout).toBe("apple\n");
    for (const mode of ["hardlink", "clone", "copy"]) {
      await me.ok("install", "--link-mode", mode);
      expect(me.sh(".venv/bin/apple").stdout).toBe("apple\n");
    }
  });

  test.skipIf(!mounts)("a temporary folder without execution: wheels and builds as ever", async () => {
    const tmp = `${me.home}-tmp`;
    mount(tmp, "size=20m,noexec,mode=1777");
    me.env["TMPDIR"] = tmp;
    me.write("pyproject.toml", pyproject(["apple", "built"]));
    await me.ok("install");
    expect(me.sh(".venv/bin/python", "-c", "import apple, built").code).toBe(0);
    expect(lstatSync(`${me.dir}/.venv`).isSymbolicLink()).toBe(true);
    expect(readdirSync(tmp).filter((name) => !name.startsWith(".bun-"))).toEqual([]);
  });

  test("a temporary folder that is not there", async () => {
    me.env["TMPDIR"] = `${me.home}/nowhere/tmp`;
    me.write("pyproject.toml", pyproject(["apple", "built"]));
    await me.ok("install");
    expect(me.sh(".venv/bin/python", "-c", "import apple, built").code).toBe(0);
  });

  test("a home through a link, with dots and spaces in its path", async () => {
    const real = `${me.home}.real`;
    mkdirSync(real);
    Bun.spawnSync(["ln", "-s", real, `${me.home} link`]);
    me.env["DX_PY_HOME"] = `${me.home} link`;
    await me.ok("install");
    expect(me.sh(".venv/bin/apple").stdout).toBe("apple\n");
    expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
  });
});
