/** A switch never disturbs what runs: a process keeps the environment that it started with. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

let index: IndexServer;
let me: Session;

beforeAll(() => {
  const part = (version: string) =>
    makeWheel({
      name: "part",
      version,
      requires: version === "1.0" ? ["only-old"] : ["only-new"],
      modules: {
        "part/__init__.py": `version = "${version}"\n`,
        "part/lazy.py": `version = "${version}"\n`,
        "part/text.txt": version,
        "part/child.py": `import part\nprint(part.version)\n`,
      },
    });
  index = startIndexServer({
    files: [part("1.0"), part("2.0"), makeWheel({ name: "only-old" }), makeWheel({ name: "only-new" })],
  });
});
afterAll(() => index.stop());
beforeEach(async () => {
  me = startSession({ index: index.url });
  me.write("pyproject.toml", pyproject(["part<2"]));
  me.write("server.py", SERVER);
  await me.ok("install");
});
afterEach(() => me.end());

/** Answers each line of standard input with what it finds only then: lazily imported modules, data, children. */
const SERVER = `
import sys, subprocess, part
print("ready", part.version, flush=True)
for line in sys.stdin:
    import part.lazy, importlib.util, importlib.metadata
    from pathlib import Path
    old = importlib.util.find_spec("only_old") is not None
    if old:
        import only_old
    text = (Path(part.__file__).parent / "text.txt").read_text()
    child = subprocess.run([sys.executable, "-m", "part.child"], capture_output=True, text=True).stdout.strip()
    command = subprocess.run(["python", "-c", "import part; print(part.version)"], capture_output=True, text=True).stdout.strip()
    print(part.lazy.version, old, text, importlib.metadata.version("part"), child, command, flush=True)
`;

interface Running {
  ask(): Promise<string>;
  said: string;
  end(): Promise<void>;
}

async function serve(...argv: string[]): Promise<Running> {
  const child = Bun.spawn(argv, {
    cwd: me.dir,
    env: me.env,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  let text = "";
  const line = async (): Promise<string> => {
    while (!text.includes("\n")) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += new TextDecoder().decode(value);
    }
    const end = text.indexOf("\n");
    const first = text.slice(0, end);
    text = text.slice(end + 1);
    return first;
  };
  return {
    said: await line(),
    async ask() {
      child.stdin.write("go\n");
      await child.stdin.flush();
      return await line();
    },
    async end() {
      await child.stdin.end();
      expect(await child.exited).toBe(0);
    },
  };
}

const executable = `${import.meta.dir}/../dist/dx-py`;
const switchTo = async (requirement: string) => {
  me.write("pyproject.toml", pyproject([requirement]));
  await me.ok("install");
};

test("a server started by `dx-py run` goes on with its own modules, also those that it imports after a switch", async () => {
  const server = await serve(executable, "run", "server.py");
  expect(server.said).toBe("ready 1.0");
  const before = readlinkSync(`${me.dir}/.venv`);
  await switchTo("part>=2");
  expect(readlinkSync(`${me.dir}/.venv`)).not.toBe(before);
  expect((await me.ok("run", "python", "-c", "import part; print(part.version)")).stdout).toBe("2.0\n");
  expect(await server.ask()).toBe("1.0 True 1.0 1.0 1.0 1.0");
  await server.end();
  // A new one has the new environment.
  const next = await serve(executable, "run", "server.py");
  expect(next.said).toBe("ready 2.0");
  expect(await next.ask()).toBe("2.0 False 2.0 2.0 2.0 2.0");
  await next.end();
});

test("the same for what starts the interpreter by the layout's own path, as the shebangs of scripts do", async () => {
  const server = await serve(`${readlinkSync(`${me.dir}/.venv`)}/bin/python`, "server.py");
  await switchTo("part>=2");
  // Everything that it imports and starts itself; `python` by PATH is whatever the PATH says.
  expect((await server.ask()).split(" ").slice(0, 5)).toEqual(["1.0", "True", "1.0", "1.0", "1.0"]);
  await server.end();
});

test("many switches to and fro under one process, `.venv` removed in between", async () => {
  const server = await serve(executable, "run", "server.py");
  for (let round = 0; round < 5; round++) {
    await switchTo(round % 2 === 0 ? "part>=2" : "part<2");
    if (round === 3) me.remove(".venv");
  }
  expect(await server.ask()).toBe("1.0 True 1.0 1.0 1.0 1.0");
  await server.end();
});
