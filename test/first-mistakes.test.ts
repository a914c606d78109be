/** What a stranger does in the first hour: typos, projects of other tools, wrong places, other people's terminals. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

let server: IndexServer;
let me: Session;
beforeEach(() => {
  server = startIndexServer({
    files: [
      makeWheel({ name: "apple", version: "1.0" }),
      makeWheel({ name: "apple", version: "2.0" }),
      makeWheel({ name: "core", version: "1.0" }),
    ],
  });
  me = startSession({ index: server.url });
});
afterEach(async () => {
  me.end();
  await server.stop();
});

/** Exit code and what was said, which is never a trace and never blames dx-py. */
async function said(...args: string[]): Promise<[number, string]> {
  const { code, stderr } = await me.dx(...args);
  expect(stderr).not.toContain("defect");
  expect(stderr).not.toContain("bunfs");
  return [code, stderr.trim()];
}

describe("words that are not there", () => {
  test.each([
    [["instal"], "error: There is no command `instal`\nhint: Did you mean `install`?"],
    [["zzz"], "error: There is no command `zzz`\nhint: `dx-py help` lists the commands."],
    [["lock", "--chekc"], "error: There is no option `--chekc` here\nhint: Did you mean `--check`?"],
    [
      ["tree", "--depth", "x"],
      "error: The option `--depth` wants a number, not `x`\nhint: `dx-py help COMMAND` shows the arguments and options of a command.",
    ],
    [
      ["add"],
      "error: `dx-py add` wants at least one package\nhint: For instance: dx-py add httpx 'rich>=13'",
    ],
    [
      ["add", "git+https://127.0.0.1/x.git@v1"],
      "error: git+https://127.0.0.1/x.git@v1 says where a package is, and not which\nhint: Write `dx-py add NAME --git https://127.0.0.1/x.git --rev v1`.",
    ],
  ])("%j", async (args, expected) => {
    me.write("pyproject.toml", pyproject(["apple"]));
    expect(await said(...args)).toEqual([2, expected]);
  });

  test("wrong usage as JSON", async () => {
    const { code, stdout } = await me.dx("lock", "--nope", "--json");
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: "DXPY_USAGE",
      message: "There is no option `--nope` here",
    });
  });

  test("a command that is not there, in a new environment and in one that is known", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    const expected = "There is no command `nonsense` in the environment or on PATH";
    for (const _ of [1, 2]) {
      const [code, text] = await said("run", "nonsense");
      expect(code).toBe(1);
      expect(text).toContain(expected);
      expect(text).toContain("hint: Add the package that brings it with `dx-py add`.");
    }
    expect((await said("run", "pythn"))[1]).toContain("Did you mean `python`?");
  });

  test("a package that the lock does not have", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    expect(await said("tree", "--package", "aple")).toEqual([
      1,
      "error: The lock has no package `aple`\nhint: Did you mean `apple`?",
    ]);
  });

  test("a Python that is not there, also where the lock is up to date", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    await me.ok("lock");
    const [code, text] = await said("lock", "--python", "3.99");
    expect([code, text.includes("3.99")]).toEqual([1, true]);
  });

  test("keys and extras that nobody knows are said", async () => {
    me.write(
      "pyproject.toml",
      '[project]\nname = "x"\nversion = "1"\ndependancies = ["apple"]\ndependencies = ["core[fast]"]\n\n[dependency-group]\ndev = []\n',
    );
    const [code, text] = await said("lock");
    expect(code).toBe(0);
    expect(text).toContain("`project.dependancies` is not a key of PEP 621 (did you mean `dependencies`?)");
    expect(text).toContain("`[dependency-group]` is ignored: did you mean `[dependency-groups]`?");
    expect(text).toContain("core 1.0 has no extra `fast` (it has none)");
  });
});

describe("projects of other tools", () => {
  test("requirements.txt only", async () => {
    me.write("requirements.txt", "apple==1.0  # a pin\ncore\n-e ./lib\n");
    expect((await said("install"))[1]).toContain("dx-py add -r requirements.txt");
    await me.ok("init");
    const [code, text] = await said("add", "-r", "requirements.txt");
    expect(code).toBe(0);
    expect(text).toContain("requirements.txt:3: -e ./lib is not taken over");
    expect(me.read("pyproject.toml")).toContain('"apple==1.0"');
    expect(me.read("pyproject.toml")).toContain('"core>=1.0"');
  });

  test("Poetry without [project]", async () => {
    me.write(
      "pyproject.toml",
      '# ours\n[tool.poetry]\nname = "old"\nversion = "2.1"\n\n[tool.poetry.dependencies]\npython = "^3.11"\napple = "^1"\n',
    );
    expect((await said("install"))[1]).toContain("Poetry");
    const [code, text] = await said("init");
    expect(code).toBe(0);
    expect(text).toContain("`dx-py add apple`");
    expect(me.read("pyproject.toml")).toStartWith('[project]\nname = "old"\nversion = "2.1"\n');
    expect(me.read("pyproject.toml")).toContain("\n\n# ours\n[tool.poetry]\n");
    await me.ok("add", "apple");
    expect((await said("init"))[0]).toBe(2);
  });

  test("the versions of uv.lock are kept", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    me.write(
      "uv.lock",
      '[[package]]\nname = "apple"\nversion = "1.0"\nsource = { registry = "https://h/simple" }\n',
    );
    expect((await said("lock"))[1]).toContain("The versions of uv.lock were kept where they fit");
    expect(me.read("pylock.toml")).toContain('version = "1.0"');
    await me.ok("lock", "--upgrade");
    expect(me.read("pylock.toml")).toContain('version = "2.0"');
  });

  test("a member of a workspace: what is added is locked, and what is removed is not", async () => {
    me.write(
      "pyproject.toml",
      '[project]\nname = "root"\nversion = "1"\ndependencies = ["lib"]\n\n[tool.uv.workspace]\nmembers = ["lib"]\n\n[tool.uv.sources]\nlib = { workspace = true }\n',
    );
    me.write("lib/pyproject.toml", '[project]\nname = "lib"\nversion = "1"\ndependencies = []\n');
    await me.ok("lock");
    await me.ok("add", "--project", "lib", "apple");
    expect(me.read("lib/pyproject.toml")).toContain('"apple>=2.0"');
    expect(me.read("pylock.toml")).toContain('name = "apple"');
    await me.ok("lock", "--check");
    await me.ok("remove", "--project", "lib/pyproject.toml", "apple");
    expect(me.read("pylock.toml")).not.toContain('name = "apple"');
  });

  test("metadata that the project states counts, and changing it makes the lock old", async () => {
    const stated = (requires: string) =>
      `[[tool.uv.dependency-metadata]]\nname = "core"\nrequires-dist = [${requires}]\n`;
    me.write("pyproject.toml", pyproject(["core"], stated('"apple<2"')));
    await me.ok("lock");
    expect(me.read("pylock.toml")).toContain('name = "apple"\nversion = "1.0"');
    me.write("pyproject.toml", pyproject(["core"], stated("")));
    expect((await said("lock", "--check"))[0]).toBe(1);
    await me.ok("lock");
    expect(me.read("pylock.toml")).not.toContain('name = "apple"');
  });

  test("Windows line ends stay, a byte order mark is read", async () => {
    me.write("pyproject.toml", `\uFEFF${pyproject(["core"]).replaceAll("\n", "\r\n")}`);
    await me.ok("add", "apple");
    expect(me.read("pyproject.toml").replaceAll("\r\n", "")).not.toContain("\n");
    await me.ok("install");
  });
});

describe("places", () => {
  // As with one that only another user may look into, which a test that runs as root cannot make.
  test("a folder on PATH that the system refuses to look at", async () => {
    me.env["PATH"] = `/${"x".repeat(5000)}:${me.env["PATH"]}`;
    me.write("pyproject.toml", pyproject(["apple"]));
    await me.ok("install");
    await me.ok("install", "--python", ">=3.8");
  });

  test("spaces, quotes and letters beyond ASCII in the project's path", async () => {
    const odd = me.project(`sp ace ünï'q"`);
    odd.write("pyproject.toml", pyproject(["apple"]));
    await odd.ok("install");
    expect(odd.sh(`${odd.dir}/.venv/bin/python`, "-c", "import apple").code).toBe(0);
    await odd.ok("run", "python", "-c", "import apple");
  });

  test("an environment of another tool is replaced, and that is said once", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    mkdirSync(`${me.dir}/.venv`);
    writeFileSync(`${me.dir}/.venv/pyvenv.cfg`, "home = /usr/bin\n");
    expect((await me.ok("install")).stderr).toContain("was an environment that dx-py had not made");
    expect((await me.ok("install", "--detach")).stderr).not.toContain("had not made");
    expect((await me.ok("install")).stderr).not.toContain("had not made");
  });

  test("a path where a URL is due says how folders are required", async () => {
    me.write("pyproject.toml", pyproject(["apple @ ./apple"]));
    const [code, text] = await said("lock");
    expect(code).toBe(2);
    expect(text).toContain("project.dependencies[0]: `./apple` is not a URL");
    expect(text).toContain("[tool.dx-py.sources]");
  });

  test("`.venv` with somebody's notes in it is left alone", async () => {
    me.write("pyproject.toml", pyproject(["apple"]));
    mkdirSync(`${me.dir}/.venv`);
    writeFileSync(`${me.dir}/.venv/notes.txt`, "precious");
    const [code, text] = await said("install");
    expect(code).toBe(1);
    expect(text).toContain("hint: Move it away or remove it");
    expect(me.read(".venv/notes.txt")).toBe("precious");
  });

  test("an index that nobody defined, and one that is a folder that is not there", async () => {
    const pinned =
      '[tool.uv.sources]\napple = { index = "in-hous" }\n\n[[tool.uv.index]]\nname = "in-house"\n';
    me.write("pyproject.toml", pyproject(["apple"], `${pinned}url = "${server.url}"\n`));
    const [code, text] = await said("lock");
    expect(code).toBe(2);
    expect(text).toContain('`tool.uv.sources.apple` names the index "in-hous", which is not defined');
    expect(text).toContain('hint: Did you mean "in-house"?');
    me.write("pyproject.toml", pyproject(["apple"]));
    expect((await said("lock", "--index", "no/such"))[1]).toContain("no/such (--index) does not exist");
  });

  test("a home in which nothing can be made", async () => {
    me.env["DX_PY_HOME"] = "/proc/nope";
    me.write("pyproject.toml", pyproject(["apple"]));
    const [code, text] = await said("install");
    if (code === 0) expect(text).toContain("is an ordinary environment");
    else expect(text).toContain("/proc/nope");
  });

  test("a wheel from a URL that does not answer is not taken from an index instead", async () => {
    me.write("pyproject.toml", pyproject(["apple @ http://127.0.0.1:1/apple-1.0-py3-none-any.whl"]));
    const [code, text] = await said("lock");
    expect(code).toBe(1);
    expect(text).toContain("http://127.0.0.1:1/apple-1.0-py3-none-any.whl could not be read");
    expect(me.has("pylock.toml")).toBe(false);
  });
});
