/** What a program runs in stays until it has ended, whoever cleans meanwhile. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { pyproject, type Session, startSession } from "./session.ts";

let server: IndexServer;
let me: Session;
beforeAll(async () => {
  server = startIndexServer({
    files: [
      makeWheel({ name: "late", modules: { "late.py": "value = 'it is there'\n" } }),
      makeWheel({ name: "other", modules: { "other.py": "" } }),
    ],
  });
  me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["late"]));
  await me.ok("install");
});
afterAll(async () => {
  me.end();
  await server.stop();
});

const linux = process.platform === "linux";
/** Imports only when it is told to. */
const WAITS = `
import os, time
open('started', 'w').close()
for _ in range(3000):
    if os.path.exists('go'): break
    time.sleep(0.01)
import late
print(late.value)
`;

const programs: Record<string, string[]> = {
  "dx-py run python": ["run", "python", "-c", WAITS],
  "a shell that dx-py run started": [
    "run",
    "sh",
    "-c",
    'touch started; i=0; while ! test -e go && test $i -lt 3000; do sleep 0.01; i=$((i+1)); done; python -c "import late; print(late.value)"',
  ],
  "the project's own python": [".venv/bin/python", "-c", WAITS],
};

test.skipIf(!linux).each(Object.keys(programs))("%s goes on while all is cleaned away", async (name) => {
  const other = me.project("other");
  other.write("pyproject.toml", pyproject(["other"], "", "other-project"));
  await Promise.all([me.ok("install"), other.ok("install")]);
  const layout = realpathSync(`${me.dir}/.venv`);
  for (const file of ["started", "go"]) me.remove(file);
  const argv = programs[name]!;
  const child =
    argv[0] === "run"
      ? me.start(...argv)
      : Bun.spawn(argv, { cwd: me.dir, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  while (!me.has("started")) await Bun.sleep(5);

  const { stderr } = await me.ok("cache", "clean");
  expect(stderr).toContain("1 environment stays: a program is running in it");
  // The other project's has gone, and what only it needed.
  expect(readdirSync(`${me.home}/layouts`)).toEqual([layout.slice(layout.lastIndexOf("/") + 1)]);
  expect(existsSync(readlinkSync(`${other.dir}/.venv`))).toBe(false);
  expect((await me.ok("store", "ls")).stdout).not.toContain("other");

  me.write("go", "");
  const [said, faults] = await Promise.all(
    [child.stdout, child.stderr].map((stream) => new Response(stream as ReadableStream).text()),
  );
  expect({ said, faults }).toEqual({ said: "it is there\n", faults: "" });
  expect(await child.exited).toBe(0);

  // What stayed is found by the next install; nobody runs in it now, so the next cleaning takes it.
  expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
  await me.ok("layout", "verify");
  await me.ok("store", "verify");
  expect(JSON.parse((await me.ok("cache", "clean", "--json")).stdout)).toMatchObject({ inUse: 0 });
  expect(existsSync(layout)).toBe(false);
});

test.skipIf(!linux)(
  "programs that are started while others clean all have what they import",
  async () => {
    const failed: string[] = [];
    let going = true;
    const start = async () => {
      while (going) {
        const { code, stderr } = await me.dx("run", "python", "-c", "import late, json, decimal");
        if (code !== 0) failed.push(stderr);
      }
    };
    const cleaning = (async () => {
      for (let i = 0; i < 8; i += 1) {
        await me.ok("cache", "clean", ...(i % 2 === 0 ? ["--layouts"] : ["--store"]));
        await Bun.sleep(60);
      }
    })();
    const starting = [start(), start()];
    await cleaning.finally(() => {
      going = false;
    });
    await Promise.all(starting);
    expect(failed).toEqual([]);
  },
  60_000,
);
