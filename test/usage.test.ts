import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pyproject, type Session, startSession } from "./session.ts";

let me: Session;
beforeAll(() => {
  me = startSession();
  me.write("pyproject.toml", pyproject([]));
});
afterAll(() => me.end());

describe("help", () => {
  test("without a command, with `help` and with --help", async () => {
    for (const words of [[], ["help"], ["--help"], ["-h"]]) {
      const { stdout } = await me.ok(...words);
      for (const command of ["init", "add", "remove", "lock", "install", "run", "tree", "cache", "python"])
        expect(stdout).toContain(command);
    }
  });

  test("of a command", async () => {
    expect((await me.ok("help", "lock")).stdout).toContain("--upgrade-package");
    expect((await me.ok("install", "--help")).stdout).toContain("--all-extras");
    expect((await me.ok("help", "cache", "clean")).stdout).toContain("--layouts");
  });

  test("the version", async () => {
    expect((await me.ok("--version")).stdout).toMatch(/^dx-py \d+\.\d+\.\d+\n$/);
    expect((await me.ok("--version", "--offline")).stdout).toStartWith("dx-py ");
  });
});

describe("wrong usage is exit code 2, with a suggestion", () => {
  const cases: [string[], string][] = [
    [["instal"], "Did you mean `install`?"],
    [["install", "--frozn"], "Did you mean `--frozen`?"],
    [["lock", "--prerelease", "alow"], "allow"],
    [["cache", "cleen"], "clean"],
    [["install", "surplus"], "surplus"],
    [["lock", "--python"], "--python"],
    [["run"], "command"],
    [["install", "--frozen", "--locked"], "--frozen"],
    [["add"], "at least one package"],
    [["install", "--group", "tset"], "group"],
    [["completions", "tcsh"], "zsh"],
    [["lock", "--project", "/nowhere/at/all"], "/nowhere/at/all"],
  ];
  test.each(cases)("dx-py %p", async (words, expected) => {
    const { code, stderr, stdout } = await me.dx(...words);
    expect(stderr + stdout).toContain(expected);
    expect(stderr).toStartWith("error: ");
    expect(code).toBe(2);
  });
});

describe("options", () => {
  test("stand before or behind the command", async () => {
    expect((await me.ok("--offline", "-v", "lock")).stderr).toContain("0 packages");
    expect((await me.ok("lock", "-v", "--offline")).stderr).toContain("0 packages");
    expect((await me.ok("--project", me.dir, "lock", "--check")).code).toBe(0);
    expect((await me.ok(`--project=${me.dir}`, "cache", "dir")).stdout).toBe(`${me.home}\n`);
  });

  test("-q says nothing where nothing is wrong", async () => {
    for (const words of [
      ["lock", "-q"],
      ["install", "-q"],
      ["-q", "install"],
    ]) {
      const { stdout, stderr } = await me.ok(...words);
      expect([stdout, stderr]).toEqual(["", ""]);
    }
  });

  test("--json gives one document on stdout, and nothing else there", async () => {
    const fields: [string[], string][] = [
      [["lock", "--json"], "status"],
      [["install", "--json"], "layoutPath"],
      [["install", "--json", "--refresh"], "layoutPath"],
      [["lock", "--check", "--json"], "status"],
      [["python", "find", "--json"], "executable"],
      [["cache", "dir", "--json"], "dir"],
    ];
    for (const [words, field] of fields)
      expect(JSON.parse((await me.ok(...words)).stdout)).toHaveProperty(field);
    expect(Array.isArray(JSON.parse((await me.ok("tree", "--json")).stdout))).toBe(true);
    expect(Array.isArray(JSON.parse((await me.ok("python", "list", "--json")).stdout))).toBe(true);
  });

  test("colours only where they are asked for, as no test runs on a terminal", async () => {
    const start = "\x1b[";
    expect((await me.dx("instal")).stderr).not.toContain(start);
    expect((await me.dx("lock", "--python", "3.99")).stderr).not.toContain(start);
    expect((await me.dx("lock", "--python", "3.99", "--color", "always")).stderr).toContain(start);
  });
});

describe("completion", () => {
  test("scripts for the shells", async () => {
    for (const shell of ["zsh", "bash", "fish", "powershell"]) {
      expect((await me.ok("completions", shell)).stdout).toContain("dx-py");
    }
  });

  test("proposes commands and options", async () => {
    expect((await me.ok("complete", "--", "inst")).stdout).toContain("install\t");
    expect((await me.ok("complete", "--", "lock", "--upg")).stdout).toContain("--upgrade-package\t");
    expect((await me.ok("complete", "--", "cache", "")).stdout).toContain("clean\t");
  });
});

describe("what a compiled program must not do", () => {
  test("obey the bunfig.toml and the .env of the folder it is started in", async () => {
    me.write("bunfig.toml", 'preload = ["./evil.ts"]\n');
    me.write("evil.ts", 'console.log("evil");\n');
    me.write(".env", "DX_PY_HOME=/nowhere\n");
    expect((await me.ok("cache", "dir")).stdout).toBe(`${me.home}\n`);
  });
});
