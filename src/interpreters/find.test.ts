import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { homeFolders } from "../platform/home.ts";
import { askForInterpreter, findInterpreter, type InterpreterRequest, listInterpreters } from "./find.ts";
import { baseExecutable, inspectInterpreter } from "./inspect.ts";

const python = realpathSync(
  Bun.spawnSync(["python3", "-c", "import sys; print(sys._base_executable)"]).stdout.toString().trim(),
);
const version = Bun.spawnSync([python, "-c", "import platform; print(platform.python_version())"])
  .stdout.toString()
  .trim();
const minor = version.split(".").slice(0, 2).join(".");

let root = "";
beforeEach(() => {
  root = realpathSync(mkdtempSync(`${tmpdir()}/interpreters-`));
  mkdirSync(`${root}/bin`);
  mkdirSync(`${root}/project`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function context(env: Record<string, string> = {}) {
  const all = { HOME: root, PATH: `${root}/bin`, DX_PY_HOME: `${root}/home`, ...env };
  return { home: homeFolders(all), env: all };
}

const find = (request: InterpreterRequest, env: Record<string, string> = {}) =>
  findInterpreter({ projectDir: `${root}/project`, ...request }, context(env));

/** Not by `rejects`: it waits within the test, and then misses the end of a child's output once in a while. */
const failureOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error("it did not fail"),
    (error: Error) => error,
  );

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

/** A Python that says it is another version: starts the real one and edits the answer. */
function pretend(path: string, told: string): void {
  mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  script(
    path,
    `${python} "$@" | sed 's/"version": "[^"]*"/"version": "${told}"/; s#"base_executable": "[^"]*"#"base_executable": "${path}"#'`,
  );
}

describe("asking an interpreter", () => {
  test("what it says agrees with sysconfig, platform and packaging's order of tags", () => {
    const interpreter = inspectInterpreter(python, context());
    expect(interpreter).toMatchObject({
      executable: python,
      version,
      implementation: "cpython",
      pointerBits: 64,
    });
    expect(interpreter.markers.python_version).toBe(minor);
    expect(interpreter.paths.purelib).toContain("site-packages");
    expect(interpreter.paths.scripts).toBe("bin");
    expect(interpreter.cacheTag).toBe(`cpython-${minor.replace(".", "")}`);
    expect(interpreter.tags.at(-1)).toBe("py30-none-any");
    expect(interpreter.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(interpreter.defaultIndex ?? "https://x/simple").toMatch(/^https:\/\/.*\/simple$/);
  });

  test("what it says first is what it says in the end; one that is remembered is known at once", async () => {
    const asked = askForInterpreter({ python }, context());
    const [first, interpreter] = await Promise.all([asked.first, asked.interpreter]);
    const { version: said, defaultIndex, basePrefix } = interpreter;
    if (first !== undefined)
      expect(first).toEqual({ version: said, defaultIndex: defaultIndex!, basePrefix });
    const again = askForInterpreter({ python }, context());
    expect(await again.first).toBeUndefined();
    expect(await again.interpreter).toEqual(interpreter);
  });

  test("one that is found without being asked for speaks first too; who asks for a range hears the whole answer alone", async () => {
    const words = { version, defaultIndex: "https://x.test/simple", basePrefix: "/usr" };
    const says = `printf "\\ndx-py-first:${version}\\n${words.defaultIndex}\\n${words.basePrefix}\\n"; exec ${python} "$@"`;
    script(`${root}/bin/python3`, says);
    const ask = (request: InterpreterRequest, home: string) =>
      askForInterpreter(
        { projectDir: root, ...request },
        context({ PATH: `${root}/bin:/bin:/usr/bin`, DX_PY_HOME: `${root}/${home}` }),
      );
    const plain = ask({}, "plain");
    expect(await plain.first).toEqual(words);
    expect((await plain.interpreter).executable).toBe(python);
    const required = ask({ requiresPython: `==${version}` }, "required");
    expect(await required.first).toEqual(words);
    expect((await required.interpreter).executable).toBe(python);
    const range = ask({ python: `==${version}` }, "range");
    expect(await range.first).toBeUndefined();
    expect((await range.interpreter).executable).toBe(python);
  });

  test("one that does not suit has nothing to say first, and one that breaks is passed over", async () => {
    mkdirSync(`${root}/good`);
    symlinkSync(python, `${root}/good/python3`);
    const path = `${root}/bin:${root}/good:/bin:/usr/bin`;
    script(`${root}/bin/python3`, 'printf "\\ndx-py-first:3.99.0\\nhttps://x.test/simple\\n/usr\\n"; exit 3');
    const unsuited = askForInterpreter(
      { projectDir: root, requiresPython: "<3.99" },
      context({ PATH: path, DX_PY_HOME: `${root}/unsuited` }),
    );
    expect((await unsuited.first)?.version ?? version).toBe(version);
    expect((await unsuited.interpreter).executable).toBe(python);
    const broken = askForInterpreter({ projectDir: root }, context({ PATH: path }));
    expect((await broken.first)?.version).toBe("3.99.0");
    expect((await broken.interpreter).executable).toBe(python);
  });

  test("of one that speaks and then breaks, the first words are there, and the failure", async () => {
    script(`${root}/bin/broken`, 'printf "\\ndx-py-first:3.12.1\\nhttps://x.test/simple\\n/usr\\n"; exit 3');
    const asked = askForInterpreter({ python: `${root}/bin/broken` }, context());
    const words = { version: "3.12.1", defaultIndex: "https://x.test/simple", basePrefix: "/usr" };
    expect(await asked.first).toEqual(words);
    expect(await failureOf(asked.interpreter)).toMatchObject({ code: "DXPY_BAD_PYTHON" });
    const unsuited = askForInterpreter({ python: `${root}/bin/broken`, requiresPython: ">=3.13" }, context());
    expect(await unsuited.first).toBeUndefined();
    script(`${root}/bin/hanging`, "exec sleep 3");
    const hanging = askForInterpreter(
      { python: `${root}/bin/hanging` },
      { ...context({ PATH: "/bin:/usr/bin" }), timeout: 200 },
    );
    expect(await hanging.first).toBeUndefined();
    expect((await failureOf(hanging.interpreter)).message).toMatch(/did not answer in 0.2 seconds/);
  });

  test("it is asked once, and again when the file changes", () => {
    pretend(`${root}/bin/python`, "3.10.5");
    const first = inspectInterpreter(`${root}/bin/python`, context({ PATH: "/bin:/usr/bin" }));
    expect(first.version).toBe("3.10.5");
    expect(inspectInterpreter(`${root}/bin/python`, context({ PATH: "/bin:/usr/bin" }))).toEqual(first);
    pretend(`${root}/bin/python`, "3.11.9");
    utimesSync(`${root}/bin/python`, 1, 1);
    expect(inspectInterpreter(`${root}/bin/python`, context({ PATH: "/bin:/usr/bin" })).version).toBe(
      "3.11.9",
    );
  });

  test("a damaged memory is asked anew", () => {
    const first = inspectInterpreter(python, context());
    for (const name of readdirSync(`${root}/home/interpreters`)) {
      writeFileSync(`${root}/home/interpreters/${name}`, '{"format": 1, "tags": 3');
    }
    expect(inspectInterpreter(python, context())).toEqual(first);
  });

  test("a virtual environment answers as its base, by symlink or by copy", () => {
    mkdirSync(`${root}/venv/bin`, { recursive: true });
    writeFileSync(`${root}/venv/pyvenv.cfg`, `home = ${python.slice(0, python.lastIndexOf("/"))}\n`);
    symlinkSync(python, `${root}/venv/bin/python`);
    expect(baseExecutable(`${root}/venv/bin/python`)).toBe(python);
    expect(baseExecutable(`${root}/venv`)).toBe(python);
    script(`${root}/venv/bin/python3`, "exit 1");
    expect(baseExecutable(`${root}/venv/bin/python3`)).toStartWith(python.slice(0, python.lastIndexOf("/")));
  });

  test("what was asked for by path and does not work is said clearly", async () => {
    script(`${root}/bin/broken`, 'echo "no such library" >&2; exit 3');
    script(`${root}/bin/chatty`, "echo hello");
    expect(await failureOf(find({ python: `${root}/bin/broken` }))).toMatchObject({
      code: "DXPY_BAD_PYTHON",
      context: { detail: "no such library" },
    });
    expect(await failureOf(find({ python: `${root}/bin/chatty` }))).toMatchObject({
      code: "DXPY_BAD_PYTHON",
    });
    expect(await failureOf(find({ python: `${root}/bin/absent` }))).toMatchObject({
      code: "DXPY_PYTHON_NOT_FOUND",
    });
    expect(await failureOf(find({ python: `${root}/bin` }))).toMatchObject({ code: "DXPY_PYTHON_NOT_FOUND" });
    script(`${root}/bin/hanging`, "sleep 3; true");
    const patient = { ...context({ PATH: "/bin:/usr/bin" }), timeout: 200 };
    expect(() => inspectInterpreter(`${root}/bin/hanging`, patient)).toThrow(/did not answer in 0.2 seconds/);
    expect(await failureOf(find({ python: "no-such-python" }))).toMatchObject({ code: "DXPY_NO_PYTHON" });
  });
});

describe("finding an interpreter", () => {
  test("without a request the first on PATH that the project admits, broken ones passed over", async () => {
    script(`${root}/bin/python3`, "exit 1");
    pretend(`${root}/second/python3`, "3.9.4");
    pretend(`${root}/second/python3.11`, "3.11.2");
    const PATH = `${root}/bin:${root}/second:/bin:/usr/bin`;
    expect((await find({}, { PATH })).version).toBe("3.9.4");
    expect((await find({ requiresPython: ">=3.11,<3.11.3" }, { PATH })).version).toBe("3.11.2");
  });

  test("a pre-release is taken only when it was asked for or nothing else answers", async () => {
    pretend(`${root}/bin/python3`, "3.14.0rc1");
    pretend(`${root}/bin/python3.9`, "3.9.1");
    const PATH = `${root}/bin:/bin:/usr/bin`;
    expect((await find({ requiresPython: ">=3.9,<3.9.5 " }, { PATH })).version).toBe("3.9.1");
    expect((await find({ python: "3.14.0rc1" }, { PATH })).version).toBe("3.14.0rc1");
    expect((await find({ requiresPython: "==3.14.0" }, { PATH })).version).toBe("3.14.0rc1");
  });

  test("a version is looked for in uv's folder, then on PATH, then in pyenv", async () => {
    const PATH = `${root}/bin:/bin:/usr/bin`;
    pretend(`${root}/.pyenv/versions/3.10.1/bin/python`, "3.10.1");
    expect((await find({ python: "3.10" }, { PATH })).version).toBe("3.10.1");
    pretend(`${root}/bin/python3.10`, "3.10.2");
    expect((await find({ python: "3.10" }, { PATH })).version).toBe("3.10.2");
    pretend(`${root}/.local/share/uv/python/cpython-3.10.3-linux-x86_64-gnu/bin/python`, "3.10.3");
    mkdirSync(`${root}/uv`);
    expect((await find({ python: "3.10" }, { PATH, UV_PYTHON_INSTALL_DIR: `${root}/uv` })).version).toBe(
      "3.10.2",
    );
    expect((await find({ python: "3.10.1" }, { PATH })).version).toBe("3.10.1");
  });

  test("a search is remembered until a folder that was searched changes", async () => {
    const PATH = `${root}/bin:${root}/second:/bin:/usr/bin`;
    pretend(`${root}/second/python3.10`, "3.10.2");
    expect((await find({ python: "3.10" }, { PATH })).version).toBe("3.10.2");
    expect((await find({ python: "3.10" }, { PATH })).version).toBe("3.10.2");
    pretend(`${root}/bin/python3.10`, "3.10.7");
    expect((await find({ python: "3.10" }, { PATH })).version).toBe("3.10.7");
  });

  test("DX_PY_PYTHON before UV_PYTHON before .python-version, with comments and several lines", async () => {
    const PATH = `${root}/bin:/bin:/usr/bin`;
    for (const n of ["3.9", "3.10", "3.11"]) pretend(`${root}/bin/python${n}`, `${n}.1`);
    writeFileSync(`${root}/project/.python-version`, "# the team's\n3.9\n3.10\n");
    expect((await find({}, { PATH })).version).toBe("3.9.1");
    expect((await find({}, { PATH, UV_PYTHON: "3.10" })).version).toBe("3.10.1");
    expect((await find({}, { PATH, UV_PYTHON: "3.10", DX_PY_PYTHON: "3.11" })).version).toBe("3.11.1");
    expect(await failureOf(find({ requiresPython: ">=3.10" }, { PATH }))).toMatchObject({
      code: "DXPY_NO_PYTHON",
    });
    expect(
      await failureOf(find({ python: `${root}/bin/python3.9`, requiresPython: ">=3.10" }, { PATH })),
    ).toMatchObject({
      code: "DXPY_PYTHON_INCOMPATIBLE",
    });
  });

  test("pyenv's shims are resolved as pyenv would, not started", async () => {
    mkdirSync(`${root}/.pyenv/shims`, { recursive: true });
    script(`${root}/.pyenv/shims/python3`, 'exec pyenv exec python3 "$@"');
    pretend(`${root}/.pyenv/versions/3.10.1/bin/python3`, "3.10.1");
    pretend(`${root}/.pyenv/versions/3.11.4/bin/python3`, "3.11.4");
    writeFileSync(`${root}/.pyenv/version`, "3.11\n");
    const PATH = `${root}/.pyenv/shims:/bin:/usr/bin`;
    expect((await find({}, { PATH })).version).toBe("3.11.4");
    expect((await find({}, { PATH, PYENV_VERSION: "3.10.1" })).version).toBe("3.10.1");
  });

  test("what was found for one project is known to others, unless a version file holds for one of them", async () => {
    mkdirSync(`${root}/.pyenv/shims`, { recursive: true });
    script(`${root}/.pyenv/shims/python3`, 'exec pyenv exec python3 "$@"');
    pretend(`${root}/.pyenv/versions/3.10.1/bin/python3`, "3.10.1");
    pretend(`${root}/.pyenv/versions/3.11.4/bin/python3`, "3.11.4");
    writeFileSync(`${root}/.pyenv/version`, "3.11.4\n");
    const PATH = `${root}/.pyenv/shims:/bin:/usr/bin`;
    const searches = () =>
      readdirSync(`${root}/home/interpreters`).filter((name) => name.startsWith("search-")).length;
    // Asked for by a range, so that the version files have a say in what the shims are only.
    const ask = async (folder: string) =>
      (await find({ python: ">=3.9", projectDir: `${root}/project/${folder}` }, { PATH })).version;
    for (const folder of ["one", "two/inner"]) {
      mkdirSync(`${root}/project/${folder}`, { recursive: true });
      expect(await ask(folder)).toBe("3.11.4");
      expect(searches()).toBe(1);
    }
    writeFileSync(`${root}/project/two/.python-version`, "3.10.1\n");
    expect(await ask("two/inner")).toBe("3.10.1");
    expect(await ask("two")).toBe("3.10.1");
    expect(await ask("one")).toBe("3.11.4");
    // A nearer one.
    writeFileSync(`${root}/project/two/inner/.python-version`, "3.11.4\n");
    expect(await ask("two/inner")).toBe("3.11.4");
    writeFileSync(`${root}/project/.python-version`, "3.10.1\n");
    expect(await ask("one")).toBe("3.10.1");
    rmSync(`${root}/project/.python-version`);
    expect(await ask("one")).toBe("3.11.4");
    writeFileSync(`${root}/.pyenv/version`, "3.10.1\n");
    expect(await ask("one")).toBe("3.10.1");
  });

  test("the active virtual environment has no say", async () => {
    mkdirSync(`${root}/venv/bin`, { recursive: true });
    writeFileSync(`${root}/venv/pyvenv.cfg`, `home = ${root}/nowhere\n`);
    pretend(`${root}/venv/bin/python3`, "3.9.9");
    pretend(`${root}/bin/python3`, "3.10.1");
    const env = { PATH: `${root}/venv/bin:${root}/bin:/bin:/usr/bin`, VIRTUAL_ENV: `${root}/venv` };
    expect((await find({}, env)).version).toBe("3.10.1");
  });

  test("nothing found: what there is, and what to do", async () => {
    pretend(`${root}/bin/python3.9`, "3.9.1");
    expect(await failureOf(find({ python: "3.99" }, { PATH: `${root}/bin:/bin` }))).toMatchObject({
      code: "DXPY_NO_PYTHON",
      message: "no Python answers to 3.99 (--python)",
      context: { detail: expect.stringContaining(`3.9  ${root}/bin/python3.9`) },
    });
    const all = await listInterpreters(context({ PATH: `${root}/bin:/bin:/usr/bin` }));
    expect(all.map((interpreter) => interpreter.version)).toContain("3.9.1");
  });
});
