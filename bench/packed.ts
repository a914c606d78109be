/**
 * The start of real programs from packed packages against the same from a tree, whole processes in turn, medians: a project
 * with jupyterlab and sphinx is locked and installed from PyPI first. `node scripts/bun.mjs run bench/packed.ts [RUNS]`
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { median, printTable } from "./table.ts";

const runs = Number(process.argv[2] ?? 15);
const root = dirname(import.meta.dir);
const dx = process.env["DX_PY_BENCH_EXECUTABLE"] ?? join(root, "dist/dx-py");
const folder = mkdtempSync(join(tmpdir(), "dx-py-bench-packed-"));
const { VIRTUAL_ENV: _, PYTHONDONTWRITEBYTECODE: __, ...inherited } = process.env;
const env = { ...inherited, DX_PY_HOME: join(folder, "home") };
const project = join(folder, "project");

const programs: [string, string[]][] = [
  ["jupyter lab --version", ["jupyter-lab", "--version"]],
  ["sphinx-build --version", ["sphinx-build", "--version"]],
  ["rich", ["python", "-c", "import rich.console, rich.table, rich.markdown"]],
  ["requests, httpx, jinja2", ["python", "-c", "import requests, httpx, jinja2"]],
];

try {
  mkdirSync(project);
  writeFileSync(
    join(project, "pyproject.toml"),
    '[project]\nname = "p"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["jupyterlab", "sphinx", "rich", "requests"]\n',
  );
  must([dx, "install", "-q", "--compile-bytecode"]);
  const prefixOf = (...flags: string[]) =>
    must([dx, "run", ...flags, "python", "-c", "import sys; print(sys.executable)"]).replace(
      /\/[^/]+\n$/,
      "",
    );
  const [tree, packed] = [prefixOf(), prefixOf("--packed")];
  const rows = [["program", "tree ms", "packed ms", "ratio", "opens and stats, tree", "packed"]];
  for (const [title, [name = "", ...args]] of programs) {
    const times: [number[], number[]] = [[], []];
    for (let i = 0; i <= runs; i += 1) {
      [tree, packed].forEach((bin, side) => {
        const start = performance.now();
        must([join(bin, name), ...args]);
        if (i > 0) times[side as 0 | 1].push(performance.now() - start);
      });
    }
    const [a, b] = [median(times[0]), median(times[1])];
    const opened = [tree, packed].map((bin) => String(opens([join(bin, name), ...args]) ?? "?"));
    rows.push([title, a.toFixed(0), b.toFixed(0), (b / a).toFixed(2), ...opened]);
  }
  printTable(rows);
} finally {
  Bun.spawnSync(["chmod", "-R", "u+w", folder]);
  rmSync(folder, { recursive: true, force: true });
}

function must(argv: string[]): string {
  const done = Bun.spawnSync(argv, { cwd: project, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (!done.success) throw new Error(`${argv.join(" ")}: ${done.stderr.toString()}`);
  return done.stdout.toString();
}

/** Where there is an `strace`. */
function opens(argv: string[]): number | undefined {
  if (Bun.which("strace") === null) return undefined;
  const log = join(folder, "trace");
  must(["strace", "-f", "-e", "trace=openat,stat,newfstatat", "-o", log, ...argv]);
  return readFileSync(log, "utf8").split("\n").length;
}
