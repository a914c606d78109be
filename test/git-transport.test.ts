import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { type GitServer, sshd, startGitHttp, startSshd } from "./git-servers.ts";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { pyproject, type Session, startSession } from "./session.ts";
import { commitAll, put, writeSource } from "./source-tree.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

// A repository with a package in a folder of its own, whose code is partly in a submodule beside it, over the ways in which people have them.
const folder = mkdtempSync(`${tmpdir()}/dx-py-git-`);
const outer = `${folder}/outer`;
let index: IndexServer;
let first: string;
const sessions: Session[] = [];

beforeAll(() => {
  index = startIndexServer({ files: [] });
  const inner = `${folder}/inner`;
  put(inner, "__init__.py", "value = 'from the submodule'\n");
  commitAll(inner);
  writeSource(`${outer}/python`, { name: "thing", modules: { "thing/__init__.py": "answer = 1\n" } });
  commitAll(outer);
  const add = [
    "git",
    "-c",
    "protocol.file.allow=always",
    "submodule",
    "--quiet",
    "add",
    "../inner",
    "python/src/thing/inner",
  ];
  const done = Bun.spawnSync(add, { cwd: outer });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  first = commitAll(outer, "v1");
  put(outer, "python/src/thing/__init__.py", "answer = 2\n");
  commitAll(outer, "v2");
});
afterEach(() => {
  for (const session of sessions.splice(0)) session.end();
});
afterAll(async () => {
  await index.stop();
  rmSync(folder, { recursive: true, force: true });
});

function begin(env: Record<string, string>): Session {
  const session = startSession({ index: index.url });
  Object.assign(session.env, env);
  sessions.push(session);
  return session;
}

const answer = (session: Session) =>
  session.sh(".venv/bin/python", "-c", "import thing, thing.inner; print(thing.answer, thing.inner.value)")
    .stdout;

/** Locks at a tag, installs, moves to the next, and comes to another machine with the lock alone. */
async function wholeWay(source: (tag: string) => string, env: Record<string, string>): Promise<Session> {
  const me = begin(env);
  me.write("pyproject.toml", source("v1"));
  await me.ok("lock");
  expect(me.read("pylock.toml")).toContain(`commit-id = "${first}"`);
  expect(me.read("pylock.toml")).toContain('subdirectory = "python"');
  await me.ok("install");
  expect(answer(me)).toBe("1 from the submodule\n");
  me.write("pyproject.toml", source("v2"));
  expect((await me.ok("install")).stderr).toContain("1 built");
  expect(answer(me)).toBe("2 from the submodule\n");
  const other = begin(env);
  for (const file of ["pyproject.toml", "pylock.toml"]) other.write(file, me.read(file));
  await other.ok("install", "--frozen");
  expect(answer(other)).toBe("2 from the submodule\n");
  return me;
}

describe.skipIf(sshd === undefined)("git+ssh, by an OpenSSH server on loopback", () => {
  let server: GitServer;
  beforeAll(async () => {
    server = await startSshd(`${folder}/ssh`);
  });
  afterAll(async () => {
    await server.stop();
  });

  test("as a source, and as a requirement with a URL: locked with the user's name, which is part of the address", async () => {
    const repository = `${server.url}${outer}`;
    const me = await wholeWay(
      (tag) =>
        pyproject(
          ["thing"],
          `[tool.uv.sources]\nthing = { git = "${repository}", tag = "${tag}", subdirectory = "python" }\n`,
        ),
      server.env,
    );
    expect(me.read("pylock.toml")).toContain(`url = "${repository}"`);
    me.write("pyproject.toml", pyproject([`thing @ git+${repository}@v1#subdirectory=python`]));
    await me.ok("install");
    expect(answer(me)).toBe("1 from the submodule\n");
  });

  test("add takes it from the command line", async () => {
    const me = begin(server.env);
    me.write("pyproject.toml", pyproject([]));
    await me.ok("add", `thing @ git+${server.url}${outer}@v1#subdirectory=python`);
    expect(answer(me)).toBe("1 from the submodule\n");
  });

  test("a host that is not known, and a key that is not let in, are told as ssh tells them", async () => {
    for (const [wrong, said] of [
      [
        server.env["GIT_SSH_COMMAND"]!.replace(/UserKnownHostsFile=\S+/, "UserKnownHostsFile=/dev/null"),
        "Host key verification failed",
      ],
      [server.env["GIT_SSH_COMMAND"]!.replace(/-i \S+/, "-i /dev/null"), "Permission denied"],
    ] as const) {
      const me = begin({ GIT_SSH_COMMAND: wrong });
      me.write("pyproject.toml", pyproject([`thing @ git+${server.url}${outer}#subdirectory=python`]));
      const { code, stderr } = await me.dx("lock");
      expect([code, stderr]).toEqual([1, expect.stringContaining(said)]);
      expect(stderr).toContain("could not be fetched");
      expect(stderr).toContain(said);
    }
  });
});

describe.skipIf(Bun.which("git") === null)("git over HTTP with a password", () => {
  test("it opens the submodules beside it too, and is in no lock, derivation or tree", async () => {
    const server = startGitHttp(folder, "hunter2");
    try {
      const repository = `${server.url.replace("//", "//me:hunter2@")}/outer`;
      const me = await wholeWay(
        (tag) =>
          pyproject(
            ["thing"],
            `[tool.uv.sources]\nthing = { git = "${repository}", tag = "${tag}", subdirectory = "python" }\n`,
          ),
        {},
      );
      expect(server.asked.some((path) => path.startsWith("/inner"))).toBe(true);
      expect(me.read("pylock.toml")).not.toContain("hunter2");
      const found = me.sh("grep", "-rl", "hunter2", me.home).stdout;
      expect(found).toBe("");
      expect(readdirSync(`${me.home}/tmp`)).toEqual([]);
    } finally {
      await server.stop();
    }
  });
});
