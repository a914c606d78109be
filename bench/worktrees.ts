/**
 * Worktrees of a packaged project: how long the first `install` in each takes, how much of the disk its environment takes, and
 * whether the backend had to run. Wants PyPI for the first one.
 * `node scripts/bun.mjs run bench/worktrees.ts [PROJECT] [COUNT]`; `DX_PY_BENCH_BASE` names an executable to compare with, in turn.
 */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { median, printTable } from "./table.ts";

const root = dirname(import.meta.dir);
const project = process.argv[2] ?? "jupyter";
const count = Number(process.argv[3] ?? 10);
const dx = process.env["DX_PY_BENCH_EXECUTABLE"] ?? join(root, "dist/dx-py");
const base = process.env["DX_PY_BENCH_BASE"];
const python = process.env["PYTHON"] ?? "3.12";
const folder = mkdtempSync(join(process.env["FOLDER"] ?? tmpdir(), "dx-py-bench-worktrees-"));
const { VIRTUAL_ENV: _, ...inherited } = process.env;
const systems: Record<string, string> = {
  hatchling: '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
  setuptools: '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n',
};

try {
  const rows = [["executable", "backend", "ms (median)", "fastest", "kB of its own", "names", "backend ran"]];
  for (const [backend, system] of Object.entries(systems)) {
    const executables = [["this", dx] as const, ...(base === undefined ? [] : [["base", base] as const])];
    const mains = executables.map(([name]) =>
      makeMain(`${backend}-${name}`, system, name === "this" ? dx : base!),
    );
    const times = new Map<string, number[]>();
    const trees = new Map<string, string>();
    for (let i = 0; i < count; i += 1) {
      for (const [at, [name, executable]] of executables.entries()) {
        const tree = `${mains[at]}-${i}`;
        git(mains[at]!, "worktree", "add", "-q", "-b", `b${i}`, tree);
        times.set(name, [...(times.get(name) ?? []), install(executable, tree)]);
        trees.set(name, tree);
      }
    }
    for (const [name] of executables) {
      const { bytes, names } = ownSize(readlinkSync(`${trees.get(name)}/.venv`));
      const all = times.get(name)!;
      const ran = readdirSync(`${homeOf(trees.get(name)!)}/store/log`).filter((one) =>
        one.endsWith(".zst"),
      ).length;
      rows.push([
        name,
        backend,
        median(all).toFixed(0),
        Math.min(...all).toFixed(0),
        (bytes / 1024).toFixed(0),
        String(names),
        // Each run leaves two logs: under what was asked for, and under what was seen.
        String(Math.ceil(ran / 2)),
      ]);
    }
  }
  console.log(`${project}, ${count} worktrees each`);
  printTable(rows);
} finally {
  Bun.spawnSync(["chmod", "-R", "u+w", folder]);
  rmSync(folder, { recursive: true, force: true });
}

function homeOf(tree: string): string {
  return `${tree.replace(/(-\d+)?$/, "")}.home`;
}

function makeMain(name: string, system: string, executable: string): string {
  const dir = `${folder}/${name}`;
  mkdirSync(`${dir}/src/app`, { recursive: true });
  const text = readFileSync(`${root}/bench/projects/${project}/pyproject.toml`, "utf8");
  writeFileSync(`${dir}/pyproject.toml`, `${text.replace(/^name = .*/m, 'name = "app"')}\n${system}`);
  writeFileSync(`${dir}/src/app/__init__.py`, "");
  writeFileSync(`${dir}/.gitignore`, ".venv\n__pycache__\n*.egg-info\n");
  git(dir, "init", "-q", "-b", "main");
  install(executable, dir);
  git(dir, "add", "-A");
  git(dir, "-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-q", "-m", "start");
  return dir;
}

function install(executable: string, cwd: string): number {
  const env = { ...inherited, DX_PY_HOME: homeOf(cwd) };
  const started = performance.now();
  const done = Bun.spawnSync([executable, "install", "-q", "--python", python], { cwd, env, stderr: "pipe" });
  if (!done.success) throw new Error(done.stderr.toString());
  return performance.now() - started;
}

function git(cwd: string, ...args: string[]): void {
  const done = Bun.spawnSync(["git", ...args], { cwd, stderr: "pipe" });
  if (!done.success) throw new Error(done.stderr.toString());
}

/** Bytes and names that are a folder's own: what has other names elsewhere, and what links lead to, is not. */
function ownSize(path: string): { bytes: number; names: number } {
  const stats = lstatSync(path);
  const own = { bytes: stats.nlink > 1 && !stats.isDirectory() ? 0 : stats.blocks * 512, names: 1 };
  if (!stats.isDirectory()) return own;
  for (const name of readdirSync(path)) {
    const child = ownSize(`${path}/${name}`);
    own.bytes += child.bytes;
    own.names += child.names;
  }
  return own;
}
