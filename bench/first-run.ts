/**
 * The first run of a program in the fresh environment of a second project, dx-py against uv: what was compiled for the first
 * project is there for the second, or is not. Whole processes in turn, medians; the environment is removed and installed
 * again before each. `node scripts/bun.mjs run bench/first-run.ts [RUNS]`
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ensureOracles } from "../scripts/oracles.ts";
import { median, printTable } from "./table.ts";

const runs = Number(process.argv[2] ?? 7);
const root = dirname(import.meta.dir);
const dx = process.env["DX_PY_BENCH_EXECUTABLE"] ?? join(root, "dist/dx-py");
const oracles = await ensureOracles();
if (oracles === undefined) throw new Error("uv cannot be had from PyPI: there is nothing to compare with");
const uv = join(dirname(oracles), "uv");
const folder = mkdtempSync(join(tmpdir(), "dx-py-bench-first-"));
const { VIRTUAL_ENV: _, PYTHONDONTWRITEBYTECODE: __, ...inherited } = process.env;
const env = { ...inherited, DX_PY_HOME: join(folder, "home"), UV_CACHE_DIR: join(folder, "uv-cache") };
const python = Bun.which("python3") ?? "python3";

const programs: [string, string[]][] = [
  ["pytest --version", ["pytest", "--version"]],
  ["jupyter lab --version", ["jupyter-lab", "--version"]],
  ["import pandas", ["python", "-c", "import pandas"]],
];

try {
  const projects = ["uv-1", "uv-2", "dx-1", "dx-2"].map(makeProject) as [string, string, string, string];
  const [uv1, uv2, dx1, dx2] = projects;
  const sync = [uv, "sync", "-q", "--python", python];
  const install = [dx, "install", "-q", "--python", python];
  // The first projects are locked, installed and used.
  for (const [dir, argv] of [
    [uv1, sync],
    [dx1, install],
  ] as const) {
    must(argv, dir);
    for (const [, program] of programs) must(inVenv(dir, program), dir);
  }
  must(sync, uv2);
  must(install, dx2);
  const rows = [["first run of", "uv ms", "dx-py ms", "ratio", "again, uv ms", "dx-py ms"]];
  for (const [title, program] of programs) {
    const times = {
      uv: [] as number[],
      dx: [] as number[],
      uvAgain: [] as number[],
      dxAgain: [] as number[],
    };
    for (let i = 0; i < runs; i += 1) {
      rmSync(join(uv2, ".venv"), { recursive: true, force: true });
      must([...sync, "--frozen", "--offline"], uv2);
      times.uv.push(timed(inVenv(uv2, program), uv2));
      times.uvAgain.push(timed(inVenv(uv2, program), uv2));
      rmSync(join(dx2, ".venv"), { recursive: true, force: true });
      must([...install, "--frozen", "--offline"], dx2);
      times.dx.push(timed(inVenv(dx2, program), dx2));
      times.dxAgain.push(timed(inVenv(dx2, program), dx2));
    }
    const [a, b] = [median(times.uv), median(times.dx)];
    const shown = [a, b].map((ms) => ms.toFixed(0));
    const again = [times.uvAgain, times.dxAgain].map((list) => median(list).toFixed(0));
    rows.push([title, ...shown, (b / a).toFixed(2), ...again]);
  }
  printTable(rows);
} finally {
  Bun.spawnSync(["chmod", "-R", "u+w", folder]);
  rmSync(folder, { recursive: true, force: true });
}

function makeProject(name: string): string {
  const dir = join(folder, name);
  mkdirSync(dir);
  writeFileSync(
    join(dir, "pyproject.toml"),
    '[project]\nname = "p"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["jupyterlab", "pandas", "pytest"]\n',
  );
  return dir;
}

function inVenv(dir: string, [name = "", ...args]: string[]): string[] {
  return [join(dir, ".venv/bin", name), ...args];
}

function must(argv: string[], cwd: string): void {
  const done = Bun.spawnSync(argv, { cwd, env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  if (!done.success) throw new Error(`${argv.join(" ")}: ${done.stderr.toString()}`);
}

function timed(argv: string[], cwd: string): number {
  const start = performance.now();
  must(argv, cwd);
  return performance.now() - start;
}
