import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { oraclePython } from "./oracles.ts";
import { pyproject, type Session, startSession } from "./session.ts";

/** Layouts are shared and stay as they are; who wants to change an environment gets one of their own. */

const oracle = oraclePython();
let server: IndexServer;
let me: Session;

beforeAll(() => {
  server = startIndexServer({
    files: [
      makeWheel({
        name: "apple",
        version: "1.0",
        modules: {
          "apple/__init__.py": "value = 1\ndef main(): print('apple', value)\n",
          "apple/deep/x.py": "y = 2\n",
        },
        entryPoints: { apple: "apple:main" },
        data: { "data/share/apple/info.txt": "info\n" },
      }),
      makeWheel({ name: "apple", version: "2.0", modules: { "apple/__init__.py": "value = 2\n" } }),
      makeWheel({ name: "core", version: "1.0" }),
      makeWheel({ name: "extra-one", version: "1.0" }),
    ],
  });
});
afterAll(async () => {
  await server.stop();
  me.end();
});

beforeEach(async () => {
  me?.end();
  me = startSession({ index: server.url });
  me.write("pyproject.toml", pyproject(["apple<2", "core"]));
  await me.ok("install");
});

const venv = () => `${me.dir}/.venv`;
const site = () => `${venv()}/lib/${readdirSync(`${venv()}/lib`)[0]}/site-packages`;
const isOwn = () => lstatSync(venv()).isDirectory();
const says = (code: string) => me.sh(".venv/bin/python", "-c", code).stdout.trim();

describe("a shared layout", () => {
  test.skipIf(oracle === undefined)(
    "pip install fails before it changes anything, and says what to do",
    async () => {
      const pip = (...args: string[]) =>
        me.sh(
          oracle as string,
          "-m",
          "pip",
          "--disable-pip-version-check",
          "--python",
          `${venv()}/bin/python`,
          ...args,
        );
      const before = readdirSync(site());
      const failed = pip("install", "--index-url", server.url, "extra-one");
      expect(failed.code).not.toBe(0);
      expect(failed.stdout + failed.stderr).toContain("this environment is shared and read-only");
      expect(failed.stdout + failed.stderr).toContain("dx-py pip install NAME");
      expect(readdirSync(site())).toEqual(before);
      expect(JSON.parse(pip("list", "--format", "json").stdout)).toEqual([
        { name: "apple", version: "1.0" },
        { name: "core", version: "1.0" },
      ]);
      expect(pip("check").code).toBe(0);
      expect((await me.ok("install", "-v")).stderr).toContain("layout: hit");
    },
  );

  test.skipIf(process.getuid?.() === 0)("its directories cannot be written to", () => {
    expect(() => writeFileSync(`${site()}/stray.py`, "")).toThrow("EACCES");
  });
});

describe("dx-py pip", () => {
  test("install gives the project an environment of its own, says so, and leaves what is shared alone", async () => {
    const layout = readlinkSync(venv());
    const other = me.project("other");
    other.write("pyproject.toml", pyproject(["apple<2", "core"], "", "other"));
    await other.ok("install");
    const { stderr, stdout } = await me.ok("pip", "install", "extra-one", "apple==2.0");
    expect(stderr).toContain("this project's own environment now (2 packages)");
    expect(stderr).toContain("dx-py add");
    expect(stdout).toContain("Successfully installed");
    expect(isOwn()).toBe(true);
    expect(says("import apple, extra_one; print(apple.value)")).toBe("2");
    expect(other.sh(".venv/bin/apple").stdout).toBe("apple 1\n");
    expect(readlinkSync(`${other.dir}/.venv`)).toBe(layout);
    await other.ok("layout", "verify");
    await other.ok("store", "verify");
    // Once it is the project's own nothing more is said, and `install` leaves it as it is.
    expect((await me.ok("pip", "uninstall", "-y", "extra-one")).stderr).not.toContain("own environment now");
    await me.ok("install");
    expect(says("import apple; print(apple.value)")).toBe("2");
    me.remove(".venv");
    await me.ok("install");
    expect(readlinkSync(venv())).toBe(layout);
    expect(says("import apple; print(apple.value)")).toBe("1");
  });

  test("commands that change nothing run in the shared environment", async () => {
    const { stdout } = await me.ok("pip", "freeze");
    expect(stdout).toContain("apple==1.0");
    await me.ok("pip", "install", "--help");
    await me.ok("pip", "install", "--target", "elsewhere", "extra-one");
    expect(me.has("elsewhere/extra_one/__init__.py")).toBe(true);
    expect(isOwn()).toBe(false);
  });

  test("pip's own exit code is that of the command", async () => {
    expect((await me.dx("pip", "show", "nothing")).code).toBe(1);
  });
});

describe("dx-py install --detach", () => {
  test("makes .venv a private copy, which stays until it is removed", async () => {
    const layout = readlinkSync(venv());
    const detached = JSON.parse((await me.ok("install", "--detach", "--json")).stdout);
    expect(detached).toMatchObject({ detached: true, layout: "private" });
    expect(isOwn()).toBe(true);
    expect(me.sh(".venv/bin/apple").stdout).toBe("apple 1\n");
    expect(me.read(".venv/share/apple/info.txt")).toBe("info\n");
    writeFileSync(`${site()}/apple/__init__.py`, "value = 42\n");
    await me.ok("install");
    expect(says("import apple; print(apple.value)")).toBe("42");
    expect(me.sh(`${layout}/bin/apple`).stdout).toBe("apple 1\n");
    await me.ok("store", "verify");
    expect((await me.ok("install", "--detach")).stderr).toContain("own already");
  });

  test("what is added to the project is installed into it", async () => {
    await me.ok("install", "--detach");
    await me.ok("add", "extra-one");
    expect(isOwn()).toBe(true);
    expect(says("import extra_one, apple; print('both')")).toBe("both");
  });
});

describe("link-mode", () => {
  for (const mode of ["symlink", "hardlink", "clone", "copy"] as const) {
    test(`${mode}: an environment of the project's own, as long as the settings say so`, async () => {
      const shared = readlinkSync(venv());
      me.write("pyproject.toml", pyproject(["apple<2", "core"], `[tool.dx-py]\nlink-mode = "${mode}"\n`));
      await me.ok("install");
      expect(isOwn()).toBe(true);
      expect(lstatSync(`${site()}/apple`).isDirectory()).toBe(true);
      const module = `${site()}/apple/deep/x.py`;
      const inStore = realpathSync(
        `${shared}/lib/${readdirSync(`${shared}/lib`)[0]}/site-packages/apple/deep/x.py`,
      );
      expect(lstatSync(module).isSymbolicLink()).toBe(mode === "symlink");
      expect(statSync(module).ino === statSync(inStore).ino).toBe(mode === "symlink" || mode === "hardlink");
      expect(me.sh(".venv/bin/apple").stdout).toBe("apple 1\n");
      // pip takes files away and puts others in their place: never through a link into the store.
      await me.ok("pip", "install", "apple==2.0");
      expect(says("import apple; print(apple.value)")).toBe("2");
      expect((await me.ok("store", "verify")).stderr).toContain("0 damaged");
      me.write("pyproject.toml", pyproject(["apple<2", "core"]));
      await me.ok("install");
      expect(readlinkSync(venv())).toBe(shared);
    });
  }

  test("--link-mode and DX_PY_LINK_MODE say the same", async () => {
    await me.ok("install", "--link-mode", "copy");
    expect(isOwn()).toBe(true);
    await me.ok("install", "--link-mode", "layout");
    expect(isOwn()).toBe(false);
    me.env["DX_PY_LINK_MODE"] = "hardlink";
    await me.ok("install");
    expect(isOwn()).toBe(true);
    const wrong = await me.dx("install", "--link-mode", "magic");
    expect(wrong.code).toBe(2);
  });
});
