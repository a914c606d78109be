import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

let server: IndexServer;
let other: IndexServer;
let me: Session;

beforeAll(() => {
  server = startIndexServer({
    files: [
      makeWheel({ name: "apple", version: "1.0", requires: ["core"] }),
      makeWheel({ name: "apple", version: "2.0", requires: ["core"] }),
      makeWheel({ name: "apple", version: "3.0b1", requires: ["core"] }),
      makeWheel({ name: "core", version: "1.0" }),
      makeWheel({ name: "core", version: "1.5" }),
      makeWheel({ name: "tool-a", version: "1.0" }),
      makeWheel({ name: "tool-b", version: "1.0" }),
      makeSdist({ name: "sourced", version: "1.0" }),
    ],
  });
  other = startIndexServer({
    files: [makeWheel({ name: "private", version: "7.0" }), makeWheel({ name: "apple", version: "9.0" })],
  });
});
afterAll(async () => {
  await server.stop();
  await other.stop();
});
beforeEach(() => {
  me?.end();
  me = startSession({ index: server.url });
});
afterAll(() => me.end());

/** What the lock holds, as `name version`. */
function locked(): string[] {
  const document = Bun.TOML.parse(me.read("pylock.toml")) as {
    packages?: { name: string; version?: string }[];
  };
  return (document.packages ?? []).map(({ name, version }) => `${name} ${version}`);
}

function installed(): string[] {
  const script =
    "import importlib.metadata as m; print(' '.join(sorted(d.metadata['Name'] for d in m.distributions())))";
  return me.sh(".venv/bin/python", "-c", script).stdout.trim().split(" ").filter(Boolean);
}

describe("extras and groups", () => {
  beforeEach(() => {
    const rest = [
      "[project.optional-dependencies]",
      'web = ["tool-a"]',
      'all = ["demo[web]", "tool-b"]',
      "[dependency-groups]",
      'dev = ["tool-b"]',
      'docs = [{include-group = "dev"}, "tool-a"]',
    ].join("\n");
    me.write("pyproject.toml", pyproject(["core"], rest));
  });

  const cases: [string[], string[]][] = [
    [[], ["core", "tool-b"]],
    [["--no-dev"], ["core"]],
    [["--no-default-groups"], ["core"]],
    [
      ["--group", "docs"],
      ["core", "tool-a", "tool-b"],
    ],
    [
      ["--group", "docs", "--no-group", "dev"],
      ["core", "tool-a", "tool-b"],
    ],
    [
      ["--only-group", "docs"],
      ["tool-a", "tool-b"],
    ],
    [["--only-dev"], ["tool-b"]],
    [["--all-groups"], ["core", "tool-a", "tool-b"]],
    [
      ["--no-dev", "--extra", "web"],
      ["core", "tool-a"],
    ],
    [
      ["--no-dev", "--extra", "all"],
      ["core", "tool-a", "tool-b"],
    ],
    [
      ["--no-dev", "--all-extras"],
      ["core", "tool-a", "tool-b"],
    ],
    [
      ["--no-dev", "--all-extras", "--no-extra", "all"],
      ["core", "tool-a"],
    ],
  ];
  test.each(cases)("install %p", async (options, expected) => {
    await me.ok("install", ...options);
    expect(installed()).toEqual(expected);
    // Once more on the warm path: the same answer, and another selection is not taken for it.
    await me.ok("install", "--all-groups");
    await me.ok("install", ...options);
    expect(installed()).toEqual(expected);
  });

  test("default-groups of the settings decide what is installed", async () => {
    me.write("pyproject.toml", `${me.read("pyproject.toml")}\n[tool.dx-py]\ndefault-groups = ["docs"]\n`);
    await me.ok("install");
    expect(installed()).toEqual(["core", "tool-a", "tool-b"]);
    me.write("pyproject.toml", me.read("pyproject.toml").replace('["docs"]', "[]"));
    await me.ok("install");
    expect(installed()).toEqual(["core"]);
  });
});

describe("conflicts", () => {
  test("extras that conflict are locked in their own versions, and never installed together", async () => {
    const rest = [
      "[project.optional-dependencies]",
      'old = ["core<1.5"]',
      'new = ["core>=1.5"]',
      "[tool.uv]",
      'conflicts = [[{ extra = "old" }, { extra = "new" }]]',
    ].join("\n");
    me.write("pyproject.toml", pyproject(["tool-a"], rest));
    await me.ok("lock");
    expect(locked()).toEqual(["core 1.0", "core 1.5", "tool-a 1.0"]);
    for (const [extra, version] of [
      ["old", "1.0"],
      ["new", "1.5"],
    ] as const) {
      await me.ok("install", "--extra", extra);
      expect(me.sh(".venv/bin/python", "-c", "import core; print(core.__version__)").stdout).toBe(
        `${version}\n`,
      );
    }
    const refused = await me.dx("install", "--all-extras");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("The extra `new` and the extra `old` cannot be installed together");
    expect((await me.ok("tree", "--depth", "1")).stdout).toContain("core v1.0 (extra: old)");
    me.write(
      "pyproject.toml",
      pyproject(["core; python_version < '3.12'", "core<1.5; python_version >= '3.12'"]),
    );
    expect((await me.ok("tree")).stdout).toContain('core v1.0 ; python_full_version >= "3.12"');
  });

  test("a group may ask for a newer Python than the project", async () => {
    const rest =
      '[dependency-groups]\nlate = ["tool-b"]\n[tool.uv.dependency-groups]\nlate = { requires-python = ">=3.99" }\n';
    me.write("pyproject.toml", pyproject(["tool-a"], rest));
    await me.ok("install");
    const refused = await me.dx("install", "--group", "late");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("3.99");
  });
});

describe("settings", () => {
  const cases: [string, string, string[]][] = [
    ["constraints", 'constraint-dependencies = ["core<1.5", "absent>1"]', ["apple 2.0", "core 1.0"]],
    ["overrides", 'override-dependencies = ["core==1.0"]', ["apple 2.0", "core 1.0"]],
    ["excluded dependencies", 'exclude-dependencies = ["core"]', ["apple 2.0"]],
    ["pre-releases", 'prerelease = "allow"', ["apple 3.0b1", "core 1.5"]],
    ["lowest versions", 'resolution = "lowest"', ["apple 1.0", "core 1.0"]],
    ["lowest direct versions", 'resolution = "lowest-direct"', ["apple 1.0", "core 1.5"]],
    ["legacy dev-dependencies", 'dev-dependencies = ["tool-a"]', ["apple 2.0", "core 1.5", "tool-a 1.0"]],
  ];
  test.each(cases)("%s, under [tool.uv] and under [tool.dx-py]", async (_, setting, expected) => {
    for (const tool of ["uv", "dx-py"]) {
      me.write("pyproject.toml", pyproject(["apple"], `[tool.${tool}]\n${setting}\n`));
      await me.ok("lock", "--upgrade");
      expect(locked()).toEqual(expected);
    }
  });

  test("[tool.dx-py] wins key by key", async () => {
    me.write(
      "pyproject.toml",
      pyproject(
        ["apple"],
        '[tool.uv]\nresolution = "lowest"\nprerelease = "allow"\n[tool.dx-py]\nresolution = "highest"\n',
      ),
    );
    await me.ok("lock");
    expect(locked()).toEqual(["apple 3.0b1", "core 1.5"]);
  });

  test("a setting of uv that would matter and is not known is said; its own workings are not", async () => {
    me.write("pyproject.toml", pyproject([], '[tool.uv]\ntorch-backend = "cpu"\npreview = true\n'));
    const { stderr } = await me.ok("lock");
    expect(stderr).toContain("torch-backend");
    expect(stderr).not.toContain("preview");
  });

  test("who asks for other versions than the lock was made with gets them, without an upgrade", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    await me.ok("lock");
    expect(locked()).toEqual(["apple 2.0", "core 1.5"]);
    const lowest = '[tool.uv]\nresolution = "lowest"\n';
    me.write("pyproject.toml", pyproject(["apple"], lowest));
    await me.ok("lock");
    expect(locked()).toEqual(["apple 1.0", "core 1.0"]);
    me.write("pyproject.toml", pyproject(["apple", "tool-a"], lowest));
    me.remove("dx-py.dpl");
    await me.ok("lock");
    expect(locked()).toEqual(["apple 1.0", "core 1.0", "tool-a 1.0"]);
    me.write("pyproject.toml", pyproject(["apple", "tool-a"]));
    await me.ok("lock");
    expect(locked()).toEqual(["apple 2.0", "core 1.5", "tool-a 1.0"]);
  });

  test("to upgrade one package leaves the forks of the others", async () => {
    const forked = ["apple==1.0; sys_platform == 'win32'", "apple==2.0; sys_platform != 'win32'", "core"];
    me.write("pyproject.toml", pyproject(forked));
    await me.ok("lock");
    const forks = () => me.read("pylock.toml").match(/^forks = \[\n(.*?)^\]/ms)?.[1];
    const before = forks();
    expect(before).toContain("win32");
    me.write("pyproject.toml", pyproject(["apple", "core"]));
    await me.ok("lock", "--upgrade-package", "core");
    expect(forks()).toBe(before!);
    await me.ok("lock", "--upgrade");
    expect(forks()).toBeUndefined();
  });

  test("other environments are forks of their own", async () => {
    const forked = ["apple==1.0; sys_platform == 'win32'", "apple==2.0; sys_platform != 'win32'"];
    me.write("pyproject.toml", pyproject(forked));
    await me.ok("lock");
    const linux = "[tool.uv]\nenvironments = [\"sys_platform == 'linux'\"]\n";
    me.write("pyproject.toml", pyproject(forked, linux));
    await me.ok("lock");
    expect(locked()).toEqual(["apple 2.0", "core 1.5"]);
    expect(me.read("pylock.toml")).toContain("environments = [\n    'sys_platform == \"linux\"',\n]");
  });

  test("options of a lock go on for install and --check, and end with the next lock", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    await me.ok("lock", "--resolution", "lowest");
    expect(locked()).toEqual(["apple 1.0", "core 1.0"]);
    await me.ok("lock", "--check");
    me.write("pyproject.toml", pyproject(["apple", "tool-a"]));
    await me.ok("install");
    expect(locked()).toEqual(["apple 1.0", "core 1.0", "tool-a 1.0"]);
    await me.ok("lock", "--upgrade");
    expect(locked()).toEqual(["apple 2.0", "core 1.5", "tool-a 1.0"]);
  });

  test("a user's own file says where packages come from, and not which", async () => {
    me.write("pyproject.toml", pyproject(["private"]));
    me.write("config.toml", `extra-index-url = ["${other.url}"]\n`);
    me.env["DX_PY_CONFIG"] = `${me.dir}/config.toml`;
    await me.ok("lock");
    expect(locked()).toEqual(["private 7.0"]);
    me.write("config.toml", 'prerelease = "allow"\n');
    const answer = await me.dx("lock", "--upgrade");
    expect(answer.code).toBe(2);
    expect(answer.stderr).toContain("pyproject.toml");
  });

  test("a package is pinned to an index by name", async () => {
    const rest = `[[tool.dx-py.index]]\nname = "inner"\nurl = "${other.url}"\nexplicit = true\n[tool.dx-py.sources]\nprivate = { index = "inner" }\n`;
    me.write("pyproject.toml", pyproject(["private", "apple"], rest));
    await me.ok("install");
    expect(locked()).toEqual(["apple 2.0", "core 1.5", "private 7.0"]);
    expect(installed()).toEqual(["apple", "core", "private"]);
  });
});

describe("sources", () => {
  const backend = (name: string, requires: string[] = []) =>
    `[project]\nname = "${name}"\nversion = "0.5"\ndependencies = ${JSON.stringify(requires)}\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n`;

  /** A backend without dependencies: wheels and editables of one module. */
  const code = `
import os, zipfile
def _make(folder, files, name):
    stem = name.replace("-", "_") + "-0.5"
    path = stem + "-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, path), "w") as z:
        for key, text in files.items(): z.writestr(key, text)
        z.writestr(stem + ".dist-info/METADATA", "Metadata-Version: 2.1\\nName: " + name + "\\nVersion: 0.5\\n")
        z.writestr(stem + ".dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        z.writestr(stem + ".dist-info/RECORD", "")
    return path
def _name():
    import re
    return re.search('name = "(.*?)"', open("pyproject.toml").read()).group(1)
def build_wheel(folder, config_settings=None, metadata_directory=None):
    module = _name().replace("-", "_") + ".py"
    return _make(folder, {module: open(module).read()}, _name())
def build_editable(folder, config_settings=None, metadata_directory=None):
    return _make(folder, {_name().replace("-", "_") + ".pth": os.getcwd() + "\\n"}, _name())
`;

  function library(dir: string, name: string, requires: string[] = []): void {
    me.write(`${dir}/pyproject.toml`, backend(name, requires));
    me.write(`${dir}/backend.py`, code);
    me.write(`${dir}/${name.replaceAll("-", "_")}.py`, "value = 1\n");
  }

  const value = (module: string) =>
    me.sh(".venv/bin/python", "-c", `import ${module}; print(${module}.value)`).stdout.trim();

  test("the project itself is installed as an editable when it has a build system", async () => {
    library(".", "mine", ["core"]);
    await me.ok("install");
    expect(installed()).toEqual(["core", "mine"]);
    me.write("mine.py", "value = 2\n");
    expect(value("mine")).toBe("2");
    await me.ok("install", "--no-install-project");
    expect(installed()).toEqual(["core"]);
  });

  test("dependencies that the build backend computes are asked of it, and again when what it reads changes", async () => {
    library(".", "mine");
    const dynamic = (text: string) => text.replace("dependencies = []\n", 'dynamic = ["dependencies"]\n');
    me.write("pyproject.toml", dynamic(me.read("pyproject.toml")));
    me.write(
      "backend.py",
      code.replace('"\\nVersion: 0.5\\n"', '"\\nVersion: 0.5\\nRequires-Dist: core<1.5\\n"'),
    );
    await me.ok("install");
    expect(locked()).toEqual(["core 1.0", "mine 0.5"]);
    expect(installed()).toEqual(["core", "mine"]);
    expect((await me.ok("lock", "--check")).stderr).toContain("up to date");
  });

  test("a folder by path, plain or editable", async () => {
    library("lib", "mylib", ["core"]);
    me.write(
      "pyproject.toml",
      pyproject(["mylib"], '[tool.dx-py.sources]\nmylib = { path = "lib", editable = true }\n'),
    );
    await me.ok("install");
    expect(installed()).toEqual(["core", "mylib"]);
    me.write("lib/mylib.py", "value = 2\n");
    expect(value("mylib")).toBe("2");
    me.write("pyproject.toml", pyproject(["mylib"], '[tool.dx-py.sources]\nmylib = { path = "lib" }\n'));
    await me.ok("install");
    me.write("lib/mylib.py", "value = 3\n");
    expect(value("mylib")).toBe("2");
    await me.ok("install");
    expect(value("mylib")).toBe("3");
  });

  test("what the folder requires is locked, and a change of it is noticed", async () => {
    library("lib", "mylib", ["core<1.5"]);
    me.write(
      "pyproject.toml",
      pyproject(["mylib"], '[tool.uv.sources]\nmylib = { path = "lib", editable = true }\n'),
    );
    await me.ok("install");
    expect(locked()).toEqual(["core 1.0", "mylib 0.5"]);
    me.write("lib/pyproject.toml", backend("mylib", ["core", "tool-a"]));
    expect((await me.dx("lock", "--check")).code).toBe(1);
    await me.ok("install");
    expect(installed()).toEqual(["core", "mylib", "tool-a"]);
  });

  test("add of a folder writes the source", async () => {
    library("lib", "mylib");
    me.write("pyproject.toml", pyproject([]));
    await me.ok("add", "./lib", "--editable");
    expect(me.read("pyproject.toml")).toContain('mylib = { path = "lib", editable = true }');
    expect(value("mylib")).toBe("1");
    await me.ok("remove", "mylib");
    expect(me.read("pyproject.toml")).not.toContain("mylib");
  });

  test("git: a branch is locked as a commit", async () => {
    library("repo", "mylib");
    const git = (...args: string[]) => {
      const done = me.sh("git", "-C", "repo", "-c", "user.name=t", "-c", "user.email=t@example.org", ...args);
      if (done.code !== 0) throw new Error(done.stderr);
      return done.stdout.trim();
    };
    git("init", "-q", "-b", "main");
    git("add", ".");
    git("commit", "-q", "-m", "one");
    const commit = git("rev-parse", "HEAD");
    me.write("pyproject.toml", pyproject([]));
    await me.ok("add", "mylib", "--git", `file://${me.dir}/repo`, "--branch", "main");
    expect(me.read("pylock.toml")).toContain(commit);
    expect(value("mylib")).toBe("1");
  });

  test("an sdist is built", async () => {
    me.write("pyproject.toml", pyproject(["sourced"]));
    const { stderr } = await me.ok("install", "-v");
    expect(stderr).toContain("1 built");
    expect(me.sh(".venv/bin/python", "-c", "import sourced").code).toBe(0);
    me.remove(".venv");
    expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
    const refused = await me.dx("install", "--no-build");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("sourced");
  });

  describe("a workspace", () => {
    beforeEach(() => {
      library("packages/one", "one", ["core", "two"]);
      library("packages/two", "two", ["tool-a"]);
      me.write(
        "packages/one/pyproject.toml",
        `${me.read("packages/one/pyproject.toml")}[tool.uv.sources]\ntwo = { workspace = true }\n`,
      );
      me.write("pyproject.toml", pyproject(["tool-b"], '[tool.uv.workspace]\nmembers = ["packages/*"]\n'));
    });

    test("has one lock and one environment at its root", async () => {
      await me.ok("lock");
      expect(locked()).toEqual(["core 1.5", "one 0.5", "tool-a 1.0", "tool-b 1.0", "two 0.5"]);
      await me.ok("install");
      expect(installed()).toEqual(["tool-b"]);
      await me.ok("install", "--all-packages");
      expect(installed()).toEqual(["core", "one", "tool-a", "tool-b", "two"]);
      await me.ok("install", "--package", "two");
      expect(installed()).toEqual(["tool-a", "two"]);
    });

    test("in a member's folder, the member is what is installed", async () => {
      await me.ok("--project", `${me.dir}/packages/one`, "install");
      expect(installed()).toEqual(["core", "one", "tool-a", "two"]);
      expect(me.has("packages/one/.venv")).toBe(false);
      await me.ok("install");
      expect(installed()).toEqual(["tool-b"]);
      await me.ok("--project", `${me.dir}/packages/one`, "install");
      expect(installed()).toEqual(["core", "one", "tool-a", "two"]);
    });

    test("without a project at the root, every member is installed", async () => {
      me.write("pyproject.toml", '[tool.uv.workspace]\nmembers = ["packages/*"]\n');
      await me.ok("install");
      expect(installed()).toEqual(["core", "one", "tool-a", "two"]);
    });

    test("a member that another requires and that is not declared as such is an error that says how", async () => {
      library("packages/one", "one", ["two"]);
      me.write(
        "packages/one/pyproject.toml",
        `${me.read("packages/one/pyproject.toml")}[tool.uv.sources]\nthree = { workspace = true }\n`,
      );
      const answer = await me.dx("lock");
      expect(answer.code).toBe(2);
      expect(answer.stderr).toContain("tool.uv.sources.three");
    });
  });
});

describe("merges", () => {
  test("a conflict in pylock.toml is recognised, and resolved from what both sides agree on", async () => {
    me.write("pyproject.toml", pyproject(["core<1.5"]));
    await me.ok("lock");
    const ours = me.read("pylock.toml");
    me.write("pyproject.toml", pyproject(["core<1.5", "tool-a"]));
    await me.ok("lock");
    const theirs = me.read("pylock.toml");
    me.write("pyproject.toml", pyproject(["core", "tool-a"]));
    me.write("pylock.toml", `<<<<<<< ours\n${ours}=======\n${theirs}>>>>>>> theirs\n`);
    me.remove("dx-py.dpl");
    const refused = await me.dx("install", "--frozen");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("conflict");
    const { stderr } = await me.ok("lock");
    expect(stderr).toContain("the 1 that both sides agree on");
    expect(stderr).toContain("1 that only one side has");
    expect(locked()).toEqual(["core 1.0", "tool-a 1.0"]);
  });

  test("versions that the sides differ on are named, and chosen anew", async () => {
    me.write("pyproject.toml", pyproject(["core==1.0"]));
    await me.ok("lock");
    const ours = me.read("pylock.toml");
    me.write("pyproject.toml", pyproject(["core==1.5"]));
    await me.ok("lock");
    me.write("pyproject.toml", pyproject(["core"]));
    me.write("pylock.toml", `<<<<<<< ours\n${ours}=======\n${me.read("pylock.toml")}>>>>>>> theirs\n`);
    me.remove("dx-py.dpl");
    const { stderr } = await me.ok("lock");
    expect(stderr).toContain("chosen anew are core (1.0 | 1.5)");
    expect(locked()).toEqual(["core 1.5"]);
    expect(me.read("pylock.toml")).not.toContain("<<<<<<<");
  });
});
