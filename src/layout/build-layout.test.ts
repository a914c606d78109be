import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homeFolders } from "../platform/home.ts";
import { takeAway } from "../platform/testing/closed-folders.ts";
import { staged } from "../platform/testing/staged.ts";
import { recordLine } from "../store/installed-record.ts";
import { makeLayoutLinks } from "../store/layout-links.ts";
import { buildLayout } from "./build-layout.ts";
import { type LayoutPackage, type LayoutPlan, projectHash } from "./layout-plan.ts";
import {
  anInterpreter,
  type SamplePackage,
  samplePackage,
  someInterpreters,
} from "./testing/sample-packages.ts";
import { verifyLayout } from "./verify-layout.ts";

const scratch = mkdtempSync(`${process.env["TMPDIR"] ?? "/tmp"}/layout-`);
afterAll(() => {
  Bun.spawnSync(["chmod", "-R", "u+w", scratch]);
  rmSync(scratch, { recursive: true, force: true });
});
const python = anInterpreter();
let counter = 0;

function planned(
  samples: SamplePackage[],
  changes: Partial<LayoutPlan> = {},
  root = `${scratch}/${counter++}`,
) {
  const home = homeFolders({ DX_PY_HOME: root });
  const packages = samples.map((sample) => samplePackage(home.store, sample));
  const plan: LayoutPlan = {
    interpreter: python,
    packages,
    editables: [],
    linkMode: "symlink",
    realPaths: [],
    ...changes,
  };
  return { home, plan };
}

function build(samples: SamplePackage[], changes: Partial<LayoutPlan> = {}, root?: string) {
  const { home, plan } = planned(samples, changes, root);
  const built = buildLayout(plan, home);
  return { home, plan, built, site: `${built.path}/${plan.interpreter.paths.purelib}` };
}

/** Runs a program of Python in an environment, as a person would. */
function run(command: string[], env: Record<string, string> = {}) {
  const clean = { PATH: process.env["PATH"]!, HOME: scratch, ...env };
  const done = Bun.spawnSync(command, { env: clean, cwd: scratch });
  return { out: done.stdout.toString().trim(), error: done.stderr.toString(), code: done.exitCode };
}

const alpha: SamplePackage = {
  name: "Alpha",
  files: {
    "alpha/__init__.py": "value = 1\ndef main():\n    import sys\n    print('alpha', sys.prefix)\n",
    "alpha_single.py": "value = 2\n",
    "shared/a.py": "value = 3\n",
    "shared/deep/one/x.py": "value = 4\n",
  },
  consoleScripts: { alpha: "alpha:main" },
};
const beta: SamplePackage = {
  name: "beta-thing",
  files: { "beta/__init__.py": "", "shared/b.py": "value = 5\n", "shared/deep/two/y.py": "value = 6\n" },
  scripts: {
    "beta-script": "#!python -E\nimport beta, sys\nprint('beta', sys.prefix)\n",
    "beta-shell": "#!/bin/sh\necho shell\n",
  },
  data: { "share/beta/info.txt": "info", "etc/beta.conf": "x" },
  headers: { "beta.h": "int x;\n" },
};
const gamma: SamplePackage = {
  name: "gamma",
  files: { "gamma/__init__.py": "", "shared/deep/two/z.py": "value = 7\n" },
  data: { "share/gamma/info.txt": "info" },
};

describe("the farm", () => {
  test("L6 a package's directory is one symlink into the store; a single-file module is one; shared directories are split", () => {
    const { plan, site } = build([alpha, beta, gamma]);
    expect(readlinkSync(`${site}/alpha`)).toBe(`${plan.packages[0]!.treePath}/lib/alpha`);
    expect(readlinkSync(`${site}/alpha_single.py`)).toBe(`${plan.packages[0]!.treePath}/lib/alpha_single.py`);
    expect(lstatSync(`${site}/shared`).isDirectory()).toBe(true);
    expect(lstatSync(`${site}/shared/a.py`).isSymbolicLink()).toBe(true);
    expect(lstatSync(`${site}/shared/deep/one`).isSymbolicLink()).toBe(true);
    expect(lstatSync(`${site}/shared/deep/two`).isDirectory()).toBe(true);
    expect(readdirSync(`${site}/shared/deep/two`).sort()).toEqual(["__pycache__", "y.py", "z.py"]);
  });

  test.skipIf(process.platform !== "linux")(
    "links are names of those that the store has; one that leads elsewhere, or is not there, is made anew",
    () => {
      const { home, plan } = planned([alpha, beta, gamma]);
      const [a, b] = plan.packages as [LayoutPackage, LayoutPackage];
      makeLayoutLinks(a.object, a.treePath, a.treePath);
      // As after a home was moved.
      makeLayoutLinks(b.object, b.treePath, "/elsewhere");
      const one = buildLayout(plan, home);
      const other = buildLayout({ ...plan, prompt: "another" }, home);
      const at = (built: { path: string }, name: string) =>
        lstatSync(`${built.path}/${python.paths.purelib}/${name}`);
      for (const name of ["alpha", "alpha_single.py", a.object.distInfo]) {
        expect(at(one, name).isSymbolicLink()).toBe(true);
        expect([at(one, name).ino, at(one, name).nlink]).toEqual([at(other, name).ino, 3]);
      }
      for (const name of ["beta", "gamma"]) expect(at(one, name).nlink).toBe(1);
      expect(readlinkSync(`${one.path}/${python.paths.purelib}/beta`)).toBe(`${b.treePath}/lib/beta`);
      expect(verifyLayout(plan, one.path)).toEqual([]);
      // A layout that goes takes only its own names along.
      Bun.spawnSync(["chmod", "-R", "u+w", one.path]);
      rmSync(one.path, { recursive: true });
      expect(run([`${other.path}/bin/alpha`]).out).toStartWith("alpha");
    },
  );

  test.skipIf(process.platform !== "linux")("a name as long as names can be is linked as others are", () => {
    const name = `${"n".repeat(252)}.py`;
    const { home, plan } = planned([{ name: "long", files: { [name]: "" } }]);
    const [long] = plan.packages as [LayoutPackage];
    makeLayoutLinks(long.object, long.treePath, long.treePath);
    const { path } = buildLayout(plan, home);
    expect(readlinkSync(`${path}/${python.paths.purelib}/${name}`)).toBe(`${long.treePath}/lib/${name}`);
  });

  test("data goes to the prefix, headers to include/site, scripts to bin", () => {
    const { built } = build([alpha, beta, gamma]);
    const x = python.markers.python_version;
    expect(readFileSync(`${built.path}/share/beta/info.txt`, "utf8")).toBe("info");
    expect(readFileSync(`${built.path}/share/gamma/info.txt`, "utf8")).toBe("info");
    expect(readFileSync(`${built.path}/etc/beta.conf`, "utf8")).toBe("x");
    expect(readFileSync(`${built.path}/include/site/python${x}/beta-thing/beta.h`, "utf8")).toBe("int x;\n");
    expect(lstatSync(`${built.path}/share`).isDirectory()).toBe(true);
    expect(run([`${built.path}/bin/beta-shell`]).out).toBe("shell");
    expect(run([`${built.path}/bin/beta-script`]).out).toBe(`beta ${built.path}`);
    expect(run([`${built.path}/bin/alpha`]).out).toBe(`alpha ${built.path}`);
  });

  test("a package that climbs out of itself gets real directories with its very files, and bytecode in the store", () => {
    const { plan, site, built } = build([
      {
        name: "torchy",
        files: {
          "torchy/__init__.py": "import torchy.sub\n",
          "torchy/sub/__init__.py": "",
          "torchy/lib/x.so": "elf",
        },
        realPaths: true,
      },
      alpha,
    ]);
    const store = `${plan.packages[0]!.treePath}/lib/torchy`;
    expect(lstatSync(`${site}/torchy`).isDirectory()).toBe(true);
    expect(lstatSync(`${site}/torchy/lib/x.so`).isFile()).toBe(true);
    expect(statSync(`${site}/torchy/lib/x.so`).ino).toBe(statSync(`${store}/lib/x.so`).ino);
    expect(run([`${built.path}/bin/python`, "-c", "import torchy, alpha"]).code).toBe(0);
    expect(readdirSync(`${store}/sub/__pycache__`).length).toBe(1);
    expect(lstatSync(`${site}/alpha`).isSymbolicLink()).toBe(true);
    const named = build([alpha], { realPaths: ["alpha"] });
    expect(lstatSync(`${named.site}/alpha`).isDirectory()).toBe(true);
  });

  test("every link mode gives the same files", () => {
    const list = (site: string) =>
      run(["find", "-L", site, "-type", "f", "-not", "-name", "*.pyc", "-printf", "%P %s\n"])
        .out.split("\n")
        // The one that is shared does not say how large a script is.
        .map((line) => line.replace(/(\/RECORD) \d+$/, "$1"))
        .sort();
    const root = `${scratch}/modes`;
    const linked = build([alpha, beta, gamma], {}, root);
    for (const linkMode of ["hardlink", "clone", "copy"] as const) {
      const other = build([alpha, beta, gamma], { linkMode }, root);
      expect(list(other.site)).toEqual(list(linked.site));
      expect(lstatSync(`${other.site}/alpha`).isDirectory()).toBe(true);
      const same =
        statSync(`${other.site}/alpha/__init__.py`).ino === statSync(`${linked.site}/alpha/__init__.py`).ino;
      expect(same).toBe(linkMode === "hardlink");
      expect(statSync(`${other.site}/alpha/__init__.py`).mtimeMs).toBe(
        statSync(`${linked.site}/alpha/__init__.py`).mtimeMs,
      );
    }
  });

  test("two packages that bring the same file: the later name has it, and it is told", () => {
    const { built, site } = build([
      { name: "zz", files: { "clash.py": "owner = 'zz'\n", "mixed/__init__.py": "" } },
      { name: "aa", files: { "clash.py": "owner = 'aa'\n", mixed: "a file" } },
    ]);
    expect(readFileSync(`${site}/clash.py`, "utf8")).toContain("zz");
    expect(statSync(`${site}/mixed`).isDirectory()).toBe(true);
    const purelib = python.paths.purelib;
    expect(built.collisions.map((c) => c.path).sort()).toEqual([`${purelib}/clash.py`, `${purelib}/mixed`]);
  });

  test("a file that two packages bring with the same content is no collision", () => {
    const init = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n';
    const part = (name: string): SamplePackage => ({
      name,
      files: { "ns/__init__.py": init, [`ns/${name}.py`]: `who = "${name}"\n` },
    });
    const { built, site } = build([part("one"), part("two")]);
    expect(built.collisions).toEqual([]);
    expect(readdirSync(`${site}/ns`).sort()).toEqual(["__init__.py", "__pycache__", "one.py", "two.py"]);
  });

  test("a layout is read-only but for bytecode", () => {
    const { built, site } = build([alpha, beta, gamma]);
    for (const path of [
      built.path,
      site,
      `${built.path}/bin`,
      `${site}/alpha-1.0.dist-info`.replace("alpha", "Alpha"),
      `${site}/shared`,
    ])
      expect(`${path} ${(statSync(path).mode & 0o777).toString(8)}`).toBe(`${path} 555`);
    expect(statSync(`${site}/__pycache__`).mode & 0o200).toBe(0o200);
    expect(run([`${built.path}/bin/python`, "-c", "import alpha_single, shared.a"]).code).toBe(0);
    expect(readdirSync(`${site}/__pycache__`).length).toBe(1);
    expect(readFileSync(`${built.path}/SHARED-READ-ONLY.txt`, "utf8")).toContain("dx-py");
  });
});

describe("the .dist-info folder", () => {
  test("INSTALLER is dx-py's and RECORD lists every file of the package with its hash", () => {
    const directUrl = '{"url": "file:///x"}';
    const { home, plan } = planned([alpha, beta, gamma]);
    plan.packages[1]!.directUrl = directUrl;
    const built = buildLayout(plan, home);
    const site = `${built.path}/${python.paths.purelib}`;
    for (const distInfo of ["Alpha-1.0.dist-info", "beta_thing-1.0.dist-info", "gamma-1.0.dist-info"]) {
      expect(readFileSync(`${site}/${distInfo}/INSTALLER`, "utf8")).toBe("dx-py\n");
      const rows = readFileSync(`${site}/${distInfo}/RECORD`, "utf8").trimEnd().split("\n");
      for (const row of rows) {
        const path = row.split(",")[0]!;
        const unhashed = path.endsWith("/RECORD") || path === "../../../bin/alpha";
        if (unhashed) expect(row).toBe(`${path},,`);
        else expect(`${row}\n`).toBe(recordLine(path, new Uint8Array(readFileSync(`${site}/${path}`))));
      }
      expect(new Set(rows.map((row) => row.split(",")[0])).size).toBe(rows.length);
    }
    const record = readFileSync(`${site}/beta_thing-1.0.dist-info/RECORD`, "utf8");
    for (const path of [
      "../../../bin/beta-script,",
      "../../../bin/beta-shell,",
      "../../../share/beta/info.txt,",
      `../../../include/site/python${python.markers.python_version}/beta-thing/beta.h,`,
      "beta_thing-1.0.dist-info/direct_url.json,",
    ])
      expect(record).toContain(path);
    expect(record).not.toContain(".data/");
    expect(readFileSync(`${site}/Alpha-1.0.dist-info/RECORD`, "utf8")).toContain("../../../bin/alpha,");
    expect(readFileSync(`${site}/beta_thing-1.0.dist-info/direct_url.json`, "utf8")).toBe(directUrl);
  });

  test("is one folder for all layouts, read-only, where nothing in it belongs to one of them", () => {
    const root = `${scratch}/shared-dist-info`;
    const one = build([alpha, beta], {}, root);
    const two = build([alpha, gamma], {}, root);
    const linked = (site: string, name: string) => readlinkSync(`${site}/${name}-1.0.dist-info`);
    expect(linked(one.site, "Alpha")).toBe(linked(two.site, "Alpha"));
    expect(linked(one.site, "Alpha")).toBe(`${one.plan.packages[0]!.treePath}/dist-info`);
    expect(statSync(linked(one.site, "Alpha")).mode & 0o222).toBe(0);
    // Headers go into a folder that is named after the Python version.
    expect(lstatSync(`${one.site}/beta_thing-1.0.dist-info`).isDirectory()).toBe(true);
    const copied = build([alpha], { linkMode: "copy" }, root);
    expect(lstatSync(`${copied.site}/Alpha-1.0.dist-info`).isDirectory()).toBe(true);
  });

  test("that was damaged is found by verifying, and made again with the layout", () => {
    const { home, plan, built, site } = build([alpha, beta]);
    const shared = readlinkSync(`${site}/Alpha-1.0.dist-info`);
    expect(verifyLayout(plan, built.path)).toEqual([]);
    chmodSync(shared, 0o755);
    rmSync(`${shared}/METADATA`);
    writeFileSync(`${shared}/REQUESTED`, "");
    const below = `${python.paths.purelib}/Alpha-1.0.dist-info`;
    expect(verifyLayout(plan, built.path)).toEqual([
      { path: `${below}/METADATA`, fault: "missing" },
      { path: `${below}/REQUESTED`, fault: "extra" },
    ]);
    buildLayout(plan, home, { replace: true });
    expect(verifyLayout(plan, built.path)).toEqual([]);
    expect(readdirSync(home.tmp).filter((name) => !name.endsWith(".lock")).length).toBeLessThanOrEqual(1);
  });

  test("is made anew where something else stands in its place, or a power cut emptied it", () => {
    const { home, plan } = planned([alpha, gamma]);
    const [first, second] = plan.packages.map(({ treePath }) => `${treePath}/dist-info`);
    writeFileSync(first!, "");
    mkdirSync(second!);
    writeFileSync(`${second}/RECORD`, "");
    const { path } = buildLayout(plan, home);
    expect(verifyLayout(plan, path)).toEqual([]);
  });
});

describe("a normal virtual environment", () => {
  for (const interpreter of someInterpreters()) {
    test(`sys.prefix, site, sysconfig and importlib.metadata see it through .venv, Python ${interpreter.version}`, () => {
      const { built } = build([alpha, beta, gamma], { interpreter });
      const project = `${scratch}/project${counter++}`;
      mkdirSync(project);
      symlinkSync(built.path, `${project}/.venv`);
      const code = `
import json, sys, site, sysconfig, importlib.metadata as m
import alpha, alpha_single, shared.a, shared.b, shared.deep.one.x, shared.deep.two.y, shared.deep.two.z
print(json.dumps([sys.prefix, sys.base_prefix, site.getsitepackages(), sysconfig.get_path("purelib"), sysconfig.get_path("scripts"),
  sorted(d.metadata["Name"] for d in m.distributions()), sorted(str(f) for f in m.files("Alpha"))[:2], m.metadata("beta-thing")["Version"],
  site.ENABLE_USER_SITE]))`;
      const said = run([`${project}/.venv/bin/python`, "-c", code]);
      expect(said.error).toBe("");
      const [prefix, base, sites, purelib, scripts, names, files, version, user] = JSON.parse(said.out);
      expect(prefix).toBe(`${project}/.venv`);
      expect(base).toBe(interpreter.basePrefix);
      expect(sites).toEqual([`${project}/.venv/${interpreter.paths.purelib}`]);
      expect(purelib).toBe(sites[0]);
      expect(scripts).toBe(`${project}/.venv/bin`);
      expect(names).toEqual(["Alpha", "beta-thing", "gamma"]);
      expect(files).toEqual(["../../../bin/alpha", "Alpha-1.0.dist-info/INSTALLER"]);
      expect(version).toBe("1.0");
      expect(user).toBe(false);
      const short = `python${interpreter.markers.python_version}`;
      for (const name of ["python3", short])
        expect(run([`${project}/.venv/bin/${name}`, "-c", "import sys; print(sys.prefix)"]).out).toBe(
          `${project}/.venv`,
        );
    });
  }

  test("a script keeps the environment that it started with: its shebang names the layout, not the link", () => {
    const { built } = build([alpha]);
    symlinkSync(built.path, `${scratch}/link-venv`);
    expect(run([`${scratch}/link-venv/bin/alpha`]).out).toBe(`alpha ${built.path}`);
  });

  test("scripts work when the path is too long for a shebang, or has a space or a quote", () => {
    for (const part of ["with space", "it's quoted", "x".repeat(100)]) {
      const { built } = build([alpha, beta], {}, `${scratch}/${part}/home`);
      expect(readFileSync(`${built.path}/bin/alpha`, "utf8").startsWith("#!/bin/sh\n'''exec' ")).toBe(true);
      expect(run([`${built.path}/bin/alpha`]).out).toBe(`alpha ${built.path}`);
      expect(run([`${built.path}/bin/beta-script`]).out).toBe(`beta ${built.path}`);
    }
  });

  for (const shell of ["bash", "zsh", "dash", "ksh"]) {
    test.skipIf(Bun.which(shell) === null)(
      `${shell}: activate works from .venv and from the layout, and deactivate undoes it`,
      () => {
        const { built } = build([alpha]);
        const project = `${scratch}/my-project${counter++}`;
        mkdirSync(project);
        symlinkSync(built.path, `${project}/.venv`);
        const script = (path: string) =>
          `cd ${project}; PS1='$ '; before="$PATH"; . ${path}/bin/activate; echo "$VIRTUAL_ENV"; command -v alpha; echo "$VIRTUAL_ENV_PROMPT|$PS1"; ` +
          '. .venv/bin/activate 2>/dev/null; deactivate; env | grep -c VIRTUAL_ENV; [ "$PATH" = "$before" ] && echo same; echo "$PS1"; case "$(command -v deactivate)" in deactivate) echo still there;; *) echo gone;; esac';
        for (const path of shell === "dash" ? [built.path] : [".venv", `${project}/.venv`, built.path]) {
          const lines = run([shell, "-c", script(path)]).out.split("\n");
          const own = path === built.path ? built.path : `${project}/.venv`;
          expect(lines[0]).toBe(own);
          expect(lines[1]).toBe(`${own}/bin/alpha`);
          const name = path === built.path ? "dx-py" : project.slice(project.lastIndexOf("/") + 1);
          expect(lines[2]).toBe(`${name}|(${name}) $ `);
          expect(lines.slice(3)).toEqual(["0", "same", "$ ", "gone"]);
        }
      },
    );
  }

  test.skipIf(Bun.which("fish") === null)("fish: activate and deactivate", () => {
    const { built } = build([alpha]);
    symlinkSync(built.path, `${scratch}/fish-venv`);
    const said = run([
      "fish",
      "-c",
      `source ${scratch}/fish-venv/bin/activate.fish; echo $VIRTUAL_ENV; command -v alpha; deactivate; echo "[$VIRTUAL_ENV]"`,
    ]);
    expect(said.out.split("\n")).toEqual([`${scratch}/fish-venv`, `${scratch}/fish-venv/bin/alpha`, "[]"]);
  });
});

describe("building", () => {
  test("L5 the project hash is BLAKE3 of the resolved set: the order does not matter, every part does", () => {
    const { plan } = planned([alpha, beta]);
    const hash = projectHash(plan);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(projectHash({ ...plan, packages: [...plan.packages].reverse() })).toBe(hash);
    const others: Partial<LayoutPlan>[] = [
      { packages: plan.packages.slice(1) },
      { packages: [{ ...plan.packages[0]!, directUrl: "{}" }, plan.packages[1]!] },
      { linkMode: "hardlink" },
      { realPaths: ["alpha"] },
      { prompt: "x" },
      { interpreter: { ...python, fingerprint: "0".repeat(64) } },
      { editables: [{ ...plan.packages[0]!, path: "/a" }] },
      { editables: [{ ...plan.packages[0]!, path: "/b" }] },
    ];
    const hashes = others.map((change) => projectHash({ ...plan, ...change }));
    expect(new Set([hash, ...hashes]).size).toBe(others.length + 1);
  });

  test("a second build of the same plan leaves the first as it is, and nothing in tmp", () => {
    const { home, plan } = planned([alpha]);
    const first = buildLayout(plan, home);
    const before = statSync(first.path).ino;
    const second = buildLayout(plan, home);
    expect(first.lost).toBe(false);
    expect(second.lost).toBe(true);
    expect(statSync(second.path).ino).toBe(before);
    expect(second.record.stamps).toEqual(first.record.stamps);
    expect(staged(home)).toEqual([]);
  });

  test("a damaged layout is replaced whole", () => {
    const { home, plan } = planned([alpha]);
    const first = buildLayout(plan, home);
    Bun.spawnSync(["chmod", "-R", "u+w", first.path]);
    rmSync(`${first.path}/bin`, { recursive: true });
    const again = buildLayout(plan, home, { replace: true });
    expect(again.lost).toBe(false);
    expect(existsSync(`${again.path}/bin/alpha`)).toBe(true);
    takeAway(again.path);
    writeFileSync(again.path, "not even a folder");
    expect(buildLayout(plan, home, { replace: true }).lost).toBe(false);
  });
});
