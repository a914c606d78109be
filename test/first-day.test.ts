import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { type IndexServer, startIndexServer } from "./index-server.ts";
import { makeWheel } from "./make-wheel.ts";
import { type Session, startSession } from "./session.ts";

// One person, one project, from an empty folder on: the tests go on where the one before stopped.
describe("a first day", () => {
  let server: IndexServer;
  let me: Session;

  beforeAll(() => {
    server = startIndexServer({
      files: [
        makeWheel({
          name: "greet",
          version: "1.0",
          requires: ["words>=1"],
          entryPoints: { greet: "greet:main" },
          modules: greeting("hello"),
        }),
        makeWheel({
          name: "greet",
          version: "1.2.3",
          requires: ["words>=1"],
          entryPoints: { greet: "greet:main" },
          modules: greeting("good day"),
        }),
        makeWheel({ name: "words", version: "2.0" }),
        makeWheel({ name: "Check_Mate", version: "0.9" }),
      ],
    });
    me = startSession({ index: server.url, name: "my-app" });
  });
  afterAll(async () => {
    me.end();
    await server.stop();
  });

  test("init makes a project named after its folder", async () => {
    const { stderr } = await me.ok("init");
    expect(stderr).toContain("`my-app`");
    expect(me.read("pyproject.toml")).toContain('name = "my-app"');
    expect((await me.dx("init")).code).toBe(2);
  });

  test("add writes a lower bound, locks and installs", async () => {
    const { stderr } = await me.ok("add", "greet");
    expect(me.read("pyproject.toml")).toContain('dependencies = [\n    "greet>=1.2.3",\n]');
    expect(me.read("pylock.toml")).toContain('name = "words"');
    expect(stderr).toContain("greet>=1.2.3");
    expect(readlinkSync(`${me.dir}/.venv`)).toStartWith(`${me.home}/layouts/`);
  });

  test("run runs what the packages bring, with its own options and exit code", async () => {
    expect((await me.ok("run", "greet", "--loud", "-v")).stdout).toBe("good day --loud -v\n");
    expect((await me.dx("run", "python", "-c", "raise SystemExit(7)")).code).toBe(7);
    expect((await me.ok("run", "--", "python", "-c", "import words; print(words.__version__)")).stdout).toBe(
      "2.0\n",
    );
  });

  test("a script may be named by its file", async () => {
    me.write("hello.py", "import greet, sys; print(sys.argv[1:])\n");
    expect((await me.ok("run", "hello.py", "-q", "x")).stdout).toBe("['-q', 'x']\n");
  });

  test("the environment is a virtual environment for any program", () => {
    const facts = me.sh(
      ".venv/bin/python",
      "-c",
      "import sys, greet; print(sys.prefix != sys.base_prefix, sys.prefix)",
    );
    expect(facts.stdout).toStartWith("True ");
    expect(me.sh(".venv/bin/greet", "x").stdout).toBe("good day x\n");
  });

  test("tree shows what brings what", async () => {
    expect((await me.ok("tree")).stdout).toBe("my-app v0.1.0\n└── greet v1.2.3\n    └── words v2.0\n");
    expect((await me.ok("tree", "--invert", "--package", "words")).stdout).toContain(
      "words v2.0\n└── greet v1.2.3",
    );
  });

  test("add keeps comments, order and style; a group gets its own table", async () => {
    me.write(
      "pyproject.toml",
      me.read("pyproject.toml").replace('"greet>=1.2.3",', '"greet>=1.2.3", # says hello'),
    );
    await me.ok("add", "--dev", "check-mate");
    const text = me.read("pyproject.toml");
    expect(text).toContain('"greet>=1.2.3", # says hello');
    expect(text).toContain('[dependency-groups]\ndev = [\n    "check-mate>=0.9",\n]');
    expect((await me.ok("run", "python", "-c", "import check_mate")).code).toBe(0);
  });

  test("--no-dev leaves the group out, and the plain install brings it back", async () => {
    await me.ok("install", "--no-dev");
    expect(me.sh(".venv/bin/python", "-c", "import check_mate").code).toBe(1);
    await me.ok("install");
    expect(me.sh(".venv/bin/python", "-c", "import check_mate").code).toBe(0);
  });

  test("remove takes the line and its comment, and only that", async () => {
    await me.ok("remove", "greet");
    expect(me.read("pyproject.toml")).toContain("dependencies = [\n]");
    expect(me.read("pyproject.toml")).not.toContain("says hello");
    expect(me.read("pylock.toml")).not.toContain("words");
    const wrong = await me.dx("remove", "check-mate");
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain("--group dev");
  });

  test("lock --upgrade-package moves one package and nothing else", async () => {
    me.write(
      "pyproject.toml",
      me.read("pyproject.toml").replace("dependencies = [\n]", 'dependencies = ["greet<1.1", "words"]'),
    );
    await me.ok("lock");
    server.add(
      makeWheel({ name: "words", version: "3.0" }),
      makeWheel({ name: "Check_Mate", version: "1.0" }),
    );
    await me.ok("lock", "--refresh");
    expect(me.read("pylock.toml")).not.toContain('version = "3.0"');
    const { stderr } = await me.ok("lock", "--upgrade-package", "words", "--refresh");
    expect(stderr).toContain("words 2.0 -> 3.0");
    expect(me.read("pylock.toml")).toContain('version = "0.9"');
    expect((await me.ok("lock", "--upgrade-package", "wrods")).stderr).toContain(
      "`wrods` was to be upgraded",
    );
  });

  test("everything works again without a network", async () => {
    await me.ok("install");
    me.remove(".venv");
    await me.ok("install", "--offline");
    expect((await me.ok("--offline", "run", "greet")).stdout).toBe("hello\n");
  });
});

function greeting(word: string): Record<string, string> {
  const main = `import sys\ndef main():\n    print(" ".join(["${word}", *sys.argv[1:]]))\n`;
  return { "greet/__init__.py": main };
}
