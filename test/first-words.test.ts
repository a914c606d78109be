/** Resolving begins with what an interpreter says first. Where it says something else in the end, that counts. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { realpathSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { type Session, startSession } from "./session.ts";

let server: IndexServer;
let me: Session;
beforeAll(() => {
  server = startIndexServer({
    files: [
      makeWheel({ name: "apple", version: "1.0", modules: { "apple.py": "" } }),
      makeWheel({ name: "apple", version: "2.0", requiresPython: ">=3.10", modules: { "apple.py": "" } }),
    ],
  });
  me = startSession({ index: server.url });
  me.write("pyproject.toml", '[project]\nname = "p"\nversion = "1"\ndependencies = ["apple"]\n');
});
afterAll(async () => {
  me.end();
  await server.stop();
});

test.skipIf(process.platform === "win32")(
  "an interpreter that fails while threads for its wheels start is an error, and the next install is whole",
  async () => {
    await me.ok("lock");
    me.write("broken/python", "#!/bin/sh\nexit 3\n");
    me.sh("chmod", "+x", "broken/python");
    me.remove(me.home);
    const failed = await me.dx("install", "--frozen", "--python", `${me.dir}/broken/python`);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("is not a working Python");
    expect((await me.ok("install", "--frozen", "-v")).stderr).toContain("1 downloaded");
    me.remove("pylock.toml");
    me.remove("dx-py.dpl");
  },
);

test.skipIf(process.platform === "win32")(
  "a wrapper that says another version first does not decide",
  async () => {
    const real = realpathSync(Bun.which("python3")!);
    const words = `\\ndx-py-first:3.9.0\\n${server.url}\\n/nowhere\\n`;
    me.write("odd/python", `#!/bin/sh\nprintf '${words}'\nexec '${real}' "$@"\n`);
    me.sh("chmod", "+x", "odd/python");
    await me.ok("lock", "--python", `${me.dir}/odd/python`);
    const text = me.read("pylock.toml");
    me.remove("pylock.toml");
    me.remove("dx-py.dpl");
    me.remove(`${me.home}/index/resolutions`);
    await me.ok("lock", "--python", real);
    expect(me.read("pylock.toml")).toBe(text);
    expect(text).not.toContain(">=3.9");
    expect(text).toContain('version = "2.0"');
    expect(text).not.toContain("apple-1.0");
  },
);
