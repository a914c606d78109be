/** A person at a terminal, for end-to-end tests: a folder of their own, an empty home, and the built executable. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Another build than the one in `dist/` may be named, to try it beside. */
const EXECUTABLE =
  process.env["DX_PY_TEST_EXECUTABLE"] ??
  join(dirname(import.meta.dir), "dist", process.platform === "win32" ? "dx-py.exe" : "dx-py");

export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
  /** Milliseconds of the whole process. */
  took: number;
}

export interface Session {
  /** The project's folder. */
  dir: string;
  home: string;
  env: Record<string, string>;
  /** `dx-py …` in the project's folder; never fails by itself. */
  dx(...args: string[]): Promise<Answer>;
  /** The same, where anything but exit code 0 is a failure of the test. */
  ok(...args: string[]): Promise<Answer>;
  start(...args: string[]): ReturnType<typeof Bun.spawn>;
  /** Runs another program in the folder, with nothing of dx-py around it. */
  sh(...argv: string[]): Answer;
  write(path: string, text: string): void;
  read(path: string): string;
  has(path: string): boolean;
  remove(path: string): void;
  /** As if the project's own files had been left alone for a while: only then are their times relied on. */
  settle(): void;
  /** Another project of the same person: the same home. */
  project(name: string): Session;
  end(): void;
}

/** `index`: what is configured as the default index. `name`: of the project's folder. */
export function startSession(options: { index?: string; name?: string } = {}): Session {
  if (!existsSync(EXECUTABLE)) throw new Error("dist/dx-py is missing: run `npm run build` first");
  const root = mkdtempSync(join(tmpdir(), "dx-py-session-"));
  const home = join(root, "dx-py-home");
  const env: Record<string, string> = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: join(root, "user"),
    DX_PY_HOME: home,
    // The machine's own, if it has one, is nobody's to test with.
    DX_PY_SYSTEM_STORE: join(root, "no-system-store"),
    LANG: "C.UTF-8",
    // Where the machine's interpreters are: the person's own HOME is empty.
    ...(process.env["PYENV_ROOT"] === undefined ? {} : { PYENV_ROOT: process.env["PYENV_ROOT"] }),
    ...(options.index === undefined ? {} : { DX_PY_DEFAULT_INDEX: options.index }),
  };
  const end = () => removeTree(root);
  return inFolder(join(root, options.name ?? "project"), home, env, root, end);
}

function inFolder(
  dir: string,
  home: string,
  env: Record<string, string>,
  root: string,
  end: () => void,
): Session {
  mkdirSync(dir, { recursive: true });
  const at = (path: string) => (path.startsWith("/") ? path : join(dir, path));
  const start = (...args: string[]) =>
    Bun.spawn([EXECUTABLE, ...args], { cwd: dir, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const dx = async (...args: string[]): Promise<Answer> => {
    const begun = performance.now();
    const child = start(...args);
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { code: await child.exited, stdout, stderr, took: performance.now() - begun };
  };
  return {
    dir,
    home,
    env,
    dx,
    start,
    async ok(...args) {
      const answer = await dx(...args);
      if (answer.code !== 0)
        throw new Error(`dx-py ${args.join(" ")} exited ${answer.code}\n${answer.stdout}${answer.stderr}`);
      return answer;
    },
    sh(...argv) {
      const begun = performance.now();
      const done = Bun.spawnSync(argv, { cwd: dir, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
      return {
        code: done.exitCode,
        stdout: done.stdout.toString(),
        stderr: done.stderr.toString(),
        took: performance.now() - begun,
      };
    },
    write(path, text) {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), text);
    },
    read: (path) => readFileSync(at(path), "utf8"),
    has: (path) => lstatSync(at(path), { throwIfNoEntry: false }) !== undefined,
    remove: (path) => removeTree(at(path)),
    settle() {
      for (const entry of readdirSync(dir, { withFileTypes: true }))
        if (entry.isFile()) utimesSync(join(dir, entry.name), 1_700_000_000.25, 1_700_000_000.25);
    },
    project: (name) => inFolder(join(root, name), home, env, root, end),
    end,
  };
}

/** A `pyproject.toml` with these dependencies and whatever else is given as text. */
export function pyproject(dependencies: readonly string[], rest = "", name = "demo"): string {
  return `[project]\nname = ${JSON.stringify(name)}\nversion = "0.1.0"\nrequires-python = ">=3.8"\ndependencies = ${JSON.stringify(dependencies)}\n\n${rest}`;
}

/** Layouts are read-only folders, which have to be made writable on the way. */
function removeTree(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isDirectory()) {
    unlinkSync(path);
    return;
  }
  chmodSync(path, 0o755);
  for (const name of readdirSync(path)) removeTree(join(path, name));
  rmSync(path, { recursive: true, force: true });
}
