import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync, utimesSync, writeFileSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeSdist, makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";
import { commitAll, ownPyproject, put, writeSource } from "./source-tree.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

/** How many packages an install built. */
async function built(session: Session, ...args: string[]): Promise<number> {
  return JSON.parse((await session.ok("install", "--json", ...args)).stdout).from?.built ?? 0;
}

function answer(session: Session, expression = "thing.answer"): string {
  return session.sh(".venv/bin/python", "-c", `import thing; print(${expression})`).stdout.trim();
}

const thing = (answerIs: number, more = {}) => ({
  name: "thing",
  modules: { "thing/__init__.py": `answer = ${answerIs}\n` },
  ...more,
});

// What a person changes, and what is built for it: exactly what must be.
describe("sources", () => {
  let server: IndexServer;
  const sessions: Session[] = [];
  const begin = (name?: string) => {
    const session = startSession({ index: server.url, ...(name === undefined ? {} : { name }) });
    sessions.push(session);
    return session;
  };
  const source = (text: string, rest = "") =>
    pyproject(["thing"], `[tool.uv.sources]\nthing = ${text}\n${rest}`);

  beforeAll(() => {
    server = startIndexServer({ files: [makeWheel({ name: "words" }), makeSdist(thing(7))] });
  });
  afterAll(async () => {
    for (const session of sessions) session.end();
    await server.stop();
  });

  test("a repository is locked to its commit: what comes after is taken when it is asked for", async () => {
    const me = begin();
    const repository = `${me.dir}/../repository`;
    writeSource(`${repository}/python`, thing(1));
    const first = commitAll(repository, "v1");
    const from = (more: string) => source(`{ git = "file://${repository}", subdirectory = "python"${more} }`);
    me.write("pyproject.toml", from(', branch = "main"'));
    expect(await built(me)).toBe(1);
    expect(answer(me)).toBe("1");
    expect(me.read("pylock.toml")).toContain(first);
    put(repository, "python/src/thing/__init__.py", "answer = 2\n");
    const second = commitAll(repository);
    me.remove(".venv");
    expect(await built(me)).toBe(0);
    expect(answer(me)).toBe("1");
    await me.ok("lock", "--upgrade-package", "thing");
    expect(me.read("pylock.toml")).toContain(second);
    expect(await built(me)).toBe(1);
    expect(answer(me)).toBe("2");
    // The tag is the first commit, which is built already.
    me.write("pyproject.toml", from(', tag = "v1"'));
    expect(await built(me)).toBe(0);
    expect(answer(me)).toBe("1");
    const shown = (await me.ok("drv", "show", "thing")).stdout;
    expect(shown).toContain(`file://${repository} at ${first} in python`);
  });

  test("an archive by URL is locked by its hash; another at the same place is refused, then locked anew", async () => {
    const me = begin();
    me.write("pyproject.toml", source(`{ url = "${server.origin}/files/thing-1.0.tar.gz" }`));
    expect(await built(me)).toBe(1);
    expect(answer(me)).toBe("7");
    const other = me.project("other");
    other.write("pyproject.toml", me.read("pyproject.toml"));
    expect(await built(other)).toBe(0);
    expect(answer(other)).toBe("7");
    server.remove("thing-1.0.tar.gz");
    server.add(makeSdist(thing(8)));
    await me.ok("cache", "clean");
    const refused = await me.dx("install", "--frozen");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("thing-1.0.tar.gz");
    await me.ok("lock", "--upgrade");
    expect(await built(me)).toBe(1);
    expect(answer(me)).toBe("8");
  });

  test("a URL with a token in it is refused, because the lock would have it", async () => {
    const me = begin();
    me.write("pyproject.toml", source(`{ url = "${server.origin}/files/thing-1.0.tar.gz?token=hidden" }`));
    const { code, stderr } = await me.dx("lock");
    expect(code).toBe(1);
    expect(stderr).toContain("`token`");
    expect(stderr).not.toContain("hidden");
    expect(me.has("pylock.toml")).toBe(false);
  });

  test("a folder is built again when a file of it changed, and only then", async () => {
    const me = begin();
    writeSource(`${me.dir}/libs/thing`, thing(1));
    me.write("pyproject.toml", source('{ path = "libs/thing" }'));
    expect(await built(me)).toBe(1);
    expect(await built(me)).toBe(0);
    const code = `${me.dir}/libs/thing/src/thing/__init__.py`;
    utimesSync(code, new Date(), new Date());
    expect(await built(me)).toBe(0);
    writeFileSync(code, "answer = 2\n");
    expect(await built(me)).toBe(1);
    expect(answer(me)).toBe("2");
    // What was built before is still there.
    writeFileSync(code, "answer = 1\n");
    expect(await built(me)).toBe(0);
    expect(answer(me)).toBe("1");
    // No part of the source.
    put(`${me.dir}/libs/thing`, "src/thing/__pycache__/x.pyc", "");
    put(`${me.dir}/libs/thing`, ".git/HEAD", "ref: refs/heads/main\n");
    expect(await built(me)).toBe(0);
  });

  test("a file is locked by its hash", async () => {
    const me = begin();
    writeFileSync(`${me.dir}/thing-1.0.tar.gz`, makeSdist(thing(3)).bytes);
    me.write("pyproject.toml", source('{ path = "thing-1.0.tar.gz" }'));
    expect(await built(me)).toBe(1);
    expect(answer(me)).toBe("3");
    writeFileSync(`${me.dir}/thing-1.0.tar.gz`, makeSdist(thing(4)).bytes);
    await me.ok("lock", "--upgrade");
    expect(await built(me)).toBe(1);
    expect(answer(me)).toBe("4");
  });

  test("an editable follows the code without a build, and is built when its declaration changed", async () => {
    const me = begin();
    const folder = `${me.dir}/libs/thing`;
    writeSource(folder, thing(1, { pyproject: ownPyproject("thing") }));
    me.write("pyproject.toml", source('{ path = "libs/thing", editable = true }'));
    expect(await built(me)).toBe(1);
    put(folder, "src/thing/__init__.py", "answer = 2\n");
    expect(await built(me)).toBe(0);
    expect(answer(me)).toBe("2");
    put(folder, "pyproject.toml", ownPyproject("thing", ["words"]));
    put(folder, "METADATA.in", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\nRequires-Dist: words\n");
    expect(await built(me)).toBe(1);
    expect(answer(me, "__import__('words').__version__")).toBe("1.0");
    expect(JSON.parse(me.read(`.venv/lib/${libOf(me)}/thing-1.0.dist-info/direct_url.json`))).toMatchObject({
      dir_info: { editable: true },
    });
  });

  test("the project itself is installed editable, by its own backend", async () => {
    const me = begin("itself");
    writeSource(me.dir, thing(1, { pyproject: ownPyproject("thing", ["words"]) }));
    expect(await built(me)).toBe(1);
    put(me.dir, "src/thing/__init__.py", "answer = 5\n");
    expect(answer(me)).toBe("5");
    expect(await built(me)).toBe(0);
    expect(await built(me, "--no-install-project")).toBe(0);
    expect(me.sh(".venv/bin/python", "-c", "import thing").code).toBe(1);
  });

  test("members of a workspace depend on each other, and see each other's code", async () => {
    const me = begin("workspace");
    me.write(
      "pyproject.toml",
      `[tool.uv.workspace]\nmembers = ["packages/*"]\n[project]\nname = "whole"\nversion = "1"\ndependencies = ["first"]\n[tool.uv.sources]\nfirst = { workspace = true }\nsecond = { workspace = true }\n[tool.uv]\npackage = false\n`,
    );
    for (const [name, needs] of [
      ["first", ["second"]],
      ["second", ["words"]],
    ] as const) {
      const sources = `[tool.uv.sources]\n${needs.includes("second" as never) ? "second = { workspace = true }\n" : ""}`;
      writeSource(`${me.dir}/packages/${name}`, {
        name,
        requires: needs,
        pyproject: ownPyproject(name, needs, sources),
        modules: { [`${name}.py`]: `import ${needs[0]}\nanswer = "${name}"\n` },
      });
    }
    expect(await built(me)).toBe(2);
    const read = () =>
      me.sh(".venv/bin/python", "-c", "import first; print(first.second.answer)").stdout.trim();
    expect(read()).toBe("second");
    put(me.dir, "packages/second/src/second.py", 'answer = "changed"\n');
    expect(await built(me)).toBe(0);
    expect(read()).toBe("changed");
    expect((await me.ok("tree")).stdout).toContain("first v1.0");
    // Started in a member, it is the same lock and the same environment.
    const member = me.project("workspace/packages/second");
    expect(await built(member)).toBe(0);
    expect(member.has("pylock.toml")).toBe(false);
    // A member that is not editable is a copy.
    me.write(
      "pyproject.toml",
      me
        .read("pyproject.toml")
        .replace("second = { workspace = true }", "second = { workspace = true, editable = false }"),
    );
    put(
      me.dir,
      "packages/first/pyproject.toml",
      ownPyproject(
        "first",
        ["second"],
        "[tool.uv.sources]\nsecond = { workspace = true, editable = false }\n",
      ),
    );
    await me.ok("install");
    put(me.dir, "packages/second/src/second.py", 'answer = "again"\n');
    expect(read()).toBe("changed");
    expect(await built(me)).toBe(1);
    expect(read()).toBe("again");
  });

  test("a commit alone is a change where the version comes from git", async () => {
    const me = begin();
    const folder = `${me.dir}/libs/thing`;
    writeSource(folder, {
      ...thing(1),
      pyproject: `${ownPyproject("thing").replace('version = "1.0"\n', 'dynamic = ["version"]\n')}[tool.setuptools_scm]\n`,
    });
    // Like setuptools-scm: the nearest tag.
    appendFileSync(
      `${folder}/build_backend.py`,
      `
import subprocess
def _metadata():
    tag = subprocess.run(["git", "describe", "--tags", "--abbrev=0"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    return "Metadata-Version: 2.1\\nName: thing\\nVersion: %s\\n\\n" % tag[1:]
`,
    );
    commitAll(folder, "v1.0");
    for (const editable of [false, true]) {
      me.write("pyproject.toml", source(`{ path = "libs/thing", editable = ${editable} }`));
      expect(await built(me)).toBe(1);
      expect(await built(me)).toBe(0);
      const next = editable ? "v3.0" : "v2.0";
      commitAll(folder, next);
      expect(await built(me)).toBe(1);
      const version = "__import__('importlib.metadata').metadata.version('thing')";
      expect(answer(me, version)).toBe(next.slice(1));
    }
  });
});

function libOf(session: Session): string {
  const script = "import sys; print('python%d.%d/site-packages' % sys.version_info[:2])";
  return session.sh(".venv/bin/python", "-c", script).stdout.trim();
}
