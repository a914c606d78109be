import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { lookupLayout } from "../layout/open-dxc.ts";
import { removeTree } from "../platform/staging.ts";
import { takeAway } from "../platform/testing/closed-folders.ts";
import { staged } from "../platform/testing/staged.ts";
import { compileBytecode } from "./compile-bytecode.ts";
import { listRoots } from "./roots.ts";
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
let counter = 0;
const fresh = () => `${scratch}/${counter++}`;

const ALPHA: LockedWheel = {
  name: "alpha",
  modules: {
    "alpha/__init__.py": "value = 1\n",
    "alpha_single.py": "import sys\ndef main(): print('ran in', sys.prefix)\n",
  },
  entryPoints: { alpha: "alpha_single:main" },
};
const BETA: LockedWheel = { name: "beta", modules: { "beta/__init__.py": "value = 2\n" } };

/** Every path below a folder with what it is, to see what a command changed. */
function snapshot(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (path: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const here = `${path}/${entry.name}`;
      const stats = lstatSync(here, { bigint: true });
      found.set(here, `${stats.ino} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.size}`);
      if (entry.isDirectory()) walk(here);
    }
  };
  if (existsSync(folder)) walk(folder);
  return found;
}

function changes(before: Map<string, string>, after: Map<string, string>): string[] {
  const all = new Set([...before.keys(), ...after.keys()]);
  return [...all].filter((path) => before.get(path) !== after.get(path)).sort();
}

describe("the layout cache", () => {
  test("L1 a hit makes one symlink, and nothing else beside the project's root", async () => {
    const home = fresh();
    const first = await testProject(fresh(), home, [ALPHA, BETA]);
    await install(first);
    const second = await testProject(fresh(), home, [ALPHA, BETA]);
    const homeBefore = snapshot(home);
    const projectBefore = snapshot(second.dir);
    const result = warm(second);
    expect(result?.changed).toBe(true);
    expect(changes(projectBefore, snapshot(second.dir))).toEqual([second.link]);
    expect(readlinkSync(second.link)).toBe(readlinkSync(first.link));
    const roots = first.home.roots;
    expect(
      changes(homeBefore, snapshot(home)).every((path) => path === roots || path.startsWith(`${roots}/`)),
    ).toBe(true);
    expect(
      listRoots(first.home)
        .map((root) => root.link)
        .sort(),
    ).toEqual([first.link, second.link].sort());
  });

  test("a second run writes nothing at all; after rm .venv it makes the link and writes nothing else", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    await install(project);
    const before = snapshot(project.home.root);
    const projectBefore = snapshot(project.dir);
    expect(warm(project)?.changed).toBe(false);
    expect(changes(projectBefore, snapshot(project.dir))).toEqual([]);
    unlinkSync(project.link);
    expect(warm(project)?.changed).toBe(true);
    expect(changes(before, snapshot(project.home.root))).toEqual([]);
  });

  test("L2 a miss builds the layout, caches it and installs it", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA, BETA]);
    expect(warm(project)).toBeUndefined();
    const outcome = await install(project);
    expect(outcome.hit).toBe("miss");
    expect(outcome.changed).toBe(true);
    expect(outcome.stats.packages).toBe(2);
    expect(readlinkSync(project.link)).toBe(outcome.layoutPath);
    expect(outcome.layoutPath).toBe(`${project.home.layouts}/${outcome.projectHash}`);
    const key = Uint8Array.fromHex(outcome.projectHash);
    expect(lookupLayout(project.home.layoutsIndex, key)?.packages).toBe(2);
    expect(
      pythonSays(project.link, "import alpha, beta, sys; print(alpha.value, beta.value, sys.prefix)"),
    ).toBe(`1 2 ${project.link}`);
    expect((await install(project)).hit).toBe("hit");
    expect(existsSync(`${project.home.store}/drv/${outcome.projectHash}.drv`)).toBe(true);
  });

  test("L3 the index is at <home>/layouts.dxc and begins with its magic", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    await install(project);
    expect(readFileSync(`${project.home.root}/layouts.dxc`).subarray(0, 4).toString()).toBe("DXLC");
  });

  test("L6 .venv is a symlink to the layout", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    const { layoutPath } = await install(project);
    expect(lstatSync(project.link).isSymbolicLink()).toBe(true);
    expect(realpathSync(project.link)).toBe(realpathSync(layoutPath));
  });

  test("L7 a layout that was damaged, or lost files, is rebuilt, and the index says so", async () => {
    const site = python.paths.purelib;
    const damages: Record<string, (layout: string, home: string) => void> = {
      "the whole layout is gone": (layout) => removeTree(layout),
      "its content is gone": (layout) => {
        for (const name of readdirSync(layout)) removeTree(`${layout}/${name}`);
      },
      "a package's link is gone": (layout) => unlinkSync(`${layout}/${site}/alpha`),
      "a module is gone": (layout) => unlinkSync(`${layout}/${site}/alpha_single.py`),
      "a .dist-info folder is gone": (layout) => removeTree(`${layout}/${site}/alpha-1.0.dist-info`),
      "a script is gone": (layout) => unlinkSync(`${layout}/bin/alpha`),
      "the interpreter's link is gone": (layout) => unlinkSync(`${layout}/bin/python`),
      "the interpreter's link leads elsewhere": (layout) => {
        unlinkSync(`${layout}/bin/python`);
        symlinkSync("/bin/sh", `${layout}/bin/python`);
      },
      "pyvenv.cfg is gone": (layout) => unlinkSync(`${layout}/pyvenv.cfg`),
      "pyvenv.cfg was changed": (layout) => {
        chmodSync(`${layout}/pyvenv.cfg`, 0o644);
        writeFileSync(`${layout}/pyvenv.cfg`, "home = /nowhere\n");
      },
      "something was installed into it": (layout) => writeFileSync(`${layout}/${site}/stray.py`, ""),
      "a file stands in its place": (layout) => {
        removeTree(layout);
        writeFileSync(layout, "");
      },
      "a module of the store was removed through it": (layout) => {
        takeAway(`${layout}/${site}/alpha/__init__.py`);
        unlinkSync(`${layout}/${site}/alpha`);
      },
    };
    for (const [what, damage] of Object.entries(damages)) {
      const project = await testProject(fresh(), fresh(), [ALPHA, BETA]);
      const { layoutPath, projectHash } = await install(project);
      const inode = statSync(layoutPath).ino;
      Bun.spawnSync(["chmod", "-R", "u+w", layoutPath]);
      // Permissions alone are no damage that anybody would see, but times tell.
      damage(layoutPath, project.home.root);
      expect(`${what}: ${warm(project)}`).toBe(`${what}: undefined`);
      const healed = await install(project);
      const gone = what === "the whole layout is gone" || what === "a file stands in its place";
      expect(`${what}: ${healed.hit}`).toBe(`${what}: healed`);
      if (!gone) expect(statSync(layoutPath).ino).not.toBe(inode);
      expect(pythonSays(project.link, "import alpha, beta, alpha_single; alpha_single.main()")).toBe(
        `ran in ${project.link}`,
      );
      expect(existsSync(`${layoutPath}/${site}/stray.py`)).toBe(false);
      expect(lookupLayout(project.home.layoutsIndex, Uint8Array.fromHex(projectHash))).toBeDefined();
      expect(`${what}: ${warm(project)?.changed}`).toBe(`${what}: false`);
    }
  }, 30_000);

  test("L7 an index that is corrupt or gone is rebuilt from the layouts; the layouts stay", async () => {
    for (const damage of ["gone", "garbage", "cut", "version"]) {
      const project = await testProject(fresh(), fresh(), [ALPHA, BETA]);
      const { layoutPath } = await install(project);
      const inode = statSync(layoutPath).ino;
      const index = project.home.layoutsIndex;
      const bytes = readFileSync(index);
      if (damage === "gone") unlinkSync(index);
      if (damage === "garbage") writeFileSync(index, "garbage".repeat(100));
      if (damage === "cut") writeFileSync(index, bytes.subarray(0, 200));
      if (damage === "version") writeFileSync(index, bytes.fill(7, 4, 5));
      expect(warm(project)).toBeUndefined();
      const outcome = await install(project);
      expect(`${damage}: ${outcome.hit}`).toBe(`${damage}: hit`);
      expect(statSync(layoutPath).ino).toBe(inode);
      expect(warm(project)?.changed).toBe(false);
    }
  });

  test("L7 a package of the store that lost files is made again when a layout needs it", async () => {
    const home = fresh();
    const one = await testProject(fresh(), home, [ALPHA]);
    const { layoutPath } = await install(one);
    const site = `${layoutPath}/${python.paths.purelib}`;
    takeAway(`${dirname(realpathSync(`${site}/alpha`))}/alpha-1.0.dist-info`);
    const two = await testProject(fresh(), home, [ALPHA, BETA]);
    const warnings: string[] = [];
    expect((await install(two, { onWarning: (text) => warnings.push(text) })).hit).toBe("healed");
    expect(warnings.join()).toContain("1 damaged package");
    expect(pythonSays(two.link, "import importlib.metadata as m; print(m.version('alpha'))")).toBe("1.0");
    expect(pythonSays(one.link, "import alpha; print(alpha.value)")).toBe("1");
  });

  test("bytecode that is compiled ahead lands in the store, for every layout", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA, BETA]);
    const { layoutPath } = await install(project);
    await compileBytecode(layoutPath, python);
    const site = `${layoutPath}/${python.paths.purelib}`;
    const compiled = `__init__.${python.cacheTag}.pyc`;
    for (const name of ["alpha", "beta"]) {
      expect(readdirSync(`${realpathSync(`${site}/${name}`)}/__pycache__`)).toContain(compiled);
    }
    expect(readdirSync(`${site}/__pycache__`)).toEqual([`alpha_single.${python.cacheTag}.pyc`]);
    expect(warm(project)?.changed).toBe(false);
  });

  test("an interpreter that was exchanged is not used under the old layout", async () => {
    const folder = fresh();
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    mkdirSync(folder, { recursive: true });
    const own = `${folder}/python-own`;
    writeFileSync(own, readFileSync(python.executable), { mode: 0o755 });
    const stats = statSync(own, { bigint: true });
    const interpreter = { ...python, executable: own, size: Number(stats.size), mtimeNs: stats.mtimeNs };
    await install(project, { interpreter });
    expect(warm(project)?.changed).toBe(false);
    utimesSync(own, 1000, 1000);
    expect(warm(project)).toBeUndefined();
    unlinkSync(own);
    expect(warm(project)).toBeUndefined();
  });
});

describe("the warm path gives way", () => {
  test("when anything that was asked is different, or the lock is not fresh", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    await install(project);
    expect(warm(project)).toBeDefined();
    for (const change of [
      { selection: "--group test" },
      { settings: "link-mode=copy" },
      { python: "3.9" },
      { env: { PATH: "/elsewhere" } },
      { env: { PATH: "/usr/bin", UV_PYTHON: "3.9" } },
    ])
      expect(warm(project, change)).toBeUndefined();
    writeFileSync(`${project.dir}/.python-version`, "3.9\n");
    expect(warm(project)).toBeUndefined();
    unlinkSync(`${project.dir}/.python-version`);
    expect(warm(project)).toBeDefined();
    writeFileSync(`${project.dir}/pyproject.toml`, "[project]\nname = 'other'\n");
    expect(warm(project)).toBeUndefined();
    expect(warm(project, { frozen: true })).toBeDefined();
    writeFileSync(`${project.dir}/pylock.toml`, "changed");
    expect(warm(project, { frozen: true })).toBeUndefined();
  });

  test("when .venv is a folder: that is for the slow path to judge", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    await install(project);
    unlinkSync(project.link);
    mkdirSync(project.link);
    expect(warm(project)).toBeUndefined();
  });

  test("when there is nothing, or rubbish, where the lock and the index should be", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    expect(warm({ ...project, dir: "/nonexistent" })).toBeUndefined();
    await install(project);
    writeFileSync(`${project.dir}/dx-py.dpl`, "rubbish");
    expect(warm(project)).toBeUndefined();
  });
});

describe("attaching", () => {
  test("switching back and forth is recorded as generations, and swaps one link", async () => {
    const home = fresh();
    const dir = fresh();
    const one = await testProject(dir, home, [ALPHA]);
    const first = await install(one);
    const two = await testProject(dir, home, [ALPHA, BETA]);
    const second = await install(two);
    await testProject(dir, home, [ALPHA]);
    expect(warm(one)?.projectHash).toBe(first.projectHash);
    const [root] = listRoots(one.home);
    expect(root?.generations.map((g) => [g.n, g.layout])).toEqual([
      [2, second.projectHash],
      [3, first.projectHash],
    ]);
    expect(readlinkSync(one.link)).toBe(first.layoutPath);
  });

  test("a virtual environment that was there is replaced, and is gone only when the new one stands", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    mkdirSync(`${project.link}/lib`, { recursive: true });
    writeFileSync(`${project.link}/pyvenv.cfg`, "home = /usr/bin\n");
    await install(project);
    expect(lstatSync(project.link).isSymbolicLink()).toBe(true);
    expect(readdirSync(project.dir).sort()).toEqual([".venv", "dx-py.dpl", "pylock.toml", "pyproject.toml"]);
  });

  test("a folder or file that is no environment is left alone", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    mkdirSync(project.link);
    writeFileSync(`${project.link}/thesis.txt`, "precious");
    await expect(install(project)).rejects.toMatchObject({ code: "DXPY_NOT_AN_ENVIRONMENT" });
    expect(readFileSync(`${project.link}/thesis.txt`, "utf8")).toBe("precious");
    removeTree(project.link);
    writeFileSync(project.link, "precious");
    await expect(install(project)).rejects.toMatchObject({ code: "DXPY_NOT_AN_ENVIRONMENT" });
    expect(readFileSync(project.link, "utf8")).toBe("precious");
  });

  test("a switch never disturbs what runs: a started script goes on importing from its own layout", async () => {
    const home = fresh();
    const dir = fresh();
    const slow = (value: number): LockedWheel => ({
      name: "slow",
      version: `${value}.0`,
      modules: {
        "slow_late.py": `value = ${value}\n`,
        "slow.py":
          "import sys\ndef main():\n    print('ready', flush=True); sys.stdin.readline(); import slow_late; print(slow_late.value)\n",
      },
      entryPoints: { slow: "slow:main" },
    });
    const one = await testProject(dir, home, [slow(1)]);
    await install(one);
    const child = Bun.spawn([`${one.link}/bin/slow`], { stdin: "pipe", stdout: "pipe" });
    const reader = child.stdout.getReader();
    let said = "";
    const readUntil = async (end: string) => {
      while (!said.endsWith(end)) {
        const piece = await reader.read();
        if (piece.done) break;
        said += new TextDecoder().decode(piece.value);
      }
    };
    await readUntil("ready\n");
    expect(said).toBe("ready\n");
    await install(await testProject(dir, home, [slow(2)]));
    expect(pythonSays(one.link, "import slow_late; print(slow_late.value)")).toBe("2");
    child.stdin.write("\n");
    child.stdin.end();
    await readUntil("1\n");
    expect(said).toBe("ready\n1\n");
  });

  test("a broken root is made anew", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    await install(project);
    const [name] = readdirSync(project.home.roots);
    for (const rubbish of [
      "",
      "{",
      "null",
      "[]",
      '{"format":1,"link":3}',
      '{"format":1,"link":"x","generations":[{}]}',
    ]) {
      writeFileSync(`${project.home.roots}/${name}`, rubbish);
      unlinkSync(project.link);
      expect(warm(project)?.changed).toBe(true);
      expect(listRoots(project.home).length).toBe(1);
    }
  });
});

describe("C4 where the store or the layouts cannot be used", () => {
  test("the environment is an ordinary folder with its own files, and the reason is told", async () => {
    const blocked = fresh();
    writeFileSync(blocked, "a file where the home should be");
    const project = await testProject(fresh(), `${blocked}/home`, [ALPHA, BETA]);
    const warnings: string[] = [];
    const outcome = await install(project, { onWarning: (message) => warnings.push(message) });
    expect(outcome.hit).toBe("private");
    expect(outcome.fallback).toContain("ENOTDIR");
    expect(warnings.join()).toContain(project.link);
    expect(lstatSync(project.link).isDirectory()).toBe(true);
    const module = `${project.link}/${python.paths.purelib}/alpha/__init__.py`;
    expect(lstatSync(module).isFile()).toBe(true);
    expect(statSync(module).nlink).toBe(1);
    writeFileSync(`${project.link}/${python.paths.purelib}/own.py`, "value = 9\n");
    expect(pythonSays(project.link, "import alpha, beta, own, sys; print(sys.prefix, own.value)")).toBe(
      `${project.link} 9`,
    );
    const ran = Bun.spawnSync([`${project.link}/bin/alpha`])
      .stdout.toString()
      .trim();
    expect(ran).toBe(`ran in ${project.link}`);
    expect(readdirSync(project.dir).sort()).toEqual([".venv", "dx-py.dpl", "pylock.toml", "pyproject.toml"]);
    expect((await install(project)).changed).toBe(false);
    // As soon as the home can be used again, the environment is shared again.
    unlinkSync(blocked);
    expect((await install(project)).hit).toBe("miss");
    expect(lstatSync(project.link).isSymbolicLink()).toBe(true);
  });

  test("a folder that cannot be written to at all is a plain error", async () => {
    const project = await testProject(fresh(), fresh(), [ALPHA]);
    const blocked = fresh();
    writeFileSync(blocked, "");
    await expect(install(project, { link: `${blocked}/.venv` })).rejects.toMatchObject({
      code: "DXPY_ENVIRONMENT_UNWRITABLE",
    });
  });
});

describe("L8 many processes at once", () => {
  test("eight installers of one environment: one layout, every link right, nothing left over", async () => {
    const homeRoot = fresh();
    const specs = [ALPHA, BETA];
    const projects = await Promise.all(
      Array.from({ length: 8 }, () => testProject(fresh(), homeRoot, specs)),
    );
    const script = `${scratch}/install-once.ts`;
    writeFileSync(
      script,
      `import { install, testProject, warm } from ${JSON.stringify(`${import.meta.dir}/testing/test-project.ts`)};
       const [dir, home, specs, how] = process.argv.slice(2);
       const project = await testProject(dir, home, JSON.parse(specs));
       const outcome = (how === "warm" ? warm(project) : undefined) ?? await install(project);
       console.log(outcome.hit ?? "alias");`,
    );
    const run = async (how: string) => {
      const children = projects.map((p) =>
        Bun.spawn([process.execPath, script, p.dir, homeRoot, JSON.stringify(specs), how], {
          stdout: "pipe",
          stderr: "pipe",
        }),
      );
      return await Promise.all(
        children.map(async (child) => {
          const [out, error] = await Promise.all([
            new Response(child.stdout).text(),
            new Response(child.stderr).text(),
          ]);
          expect(error).toBe("");
          expect(await child.exited).toBe(0);
          return out.trim();
        }),
      );
    };
    await run("cold");
    const home = projects[0]!.home;
    const layouts = readdirSync(home.layouts);
    expect(layouts.length).toBe(1);
    for (const project of projects) {
      expect(readlinkSync(project.link)).toBe(`${home.layouts}/${layouts[0]}`);
      expect(warm(project)?.changed).toBe(false);
    }
    expect(pythonSays(projects[3]!.link, "import alpha, beta; print('fine')")).toBe("fine");
    // Damaged while eight come: one heals, the others use what it made.
    const layout = `${home.layouts}/${layouts[0]}`;
    chmodSync(`${layout}/${python.paths.purelib}`, 0o755);
    unlinkSync(`${layout}/${python.paths.purelib}/alpha`);
    await run("warm");
    for (const project of projects) expect(warm(project)?.changed).toBe(false);
    expect(pythonSays(projects[5]!.link, "import alpha, beta; print('fine')")).toBe("fine");
    expect(staged(home)).toEqual([]);
    expect(listRoots(home).length).toBe(8);
    renameSync(script, `${script}.done`);
  }, 60_000);
});
