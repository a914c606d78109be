/**
 * What five projects with the same dependencies take on the disk after their imports, dx-py against uv: store, caches,
 * layouts and projects together, blocks of every inode counted once.
 * `node scripts/bun.mjs run bench/disk.ts [PROJECT] [MODULES]` (default: bench/projects/jupyter)
 */
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ensureOracles } from "../scripts/oracles.ts";
import { printTable } from "./table.ts";

const root = dirname(import.meta.dir);
const project = process.argv[2] ?? join(root, "bench/projects/jupyter");
const modules = process.argv[3] ?? "numpy,scipy.linalg,sklearn,matplotlib,pandas,zmq,jupyterlab";
const dx = process.env["DX_PY_BENCH_EXECUTABLE"] ?? join(root, "dist/dx-py");
const oracles = await ensureOracles();
if (oracles === undefined) throw new Error("uv cannot be had from PyPI: there is nothing to compare with");
const uv = join(dirname(oracles), "uv");
const folder = mkdtempSync(join(tmpdir(), "dx-py-bench-disk-"));
const { VIRTUAL_ENV: _, PYTHONDONTWRITEBYTECODE: __, ...inherited } = process.env;
const python = Bun.which("python3") ?? "python3";

/** Bytes in blocks and inodes of all that is at and below a path, each inode once. */
function taken(path: string, counted = new Set<string>()): { bytes: number; inodes: number } {
  const stats = lstatSync(path);
  const id = `${stats.dev}:${stats.ino}`;
  if (counted.has(id)) return { bytes: 0, inodes: 0 };
  counted.add(id);
  const sum = { bytes: stats.blocks * 512, inodes: 1 };
  if (!stats.isDirectory()) return sum;
  for (const name of readdirSync(path)) {
    const { bytes, inodes } = taken(`${path}/${name}`, counted);
    sum.bytes += bytes;
    sum.inodes += inodes;
  }
  return sum;
}

function must(argv: string[], cwd: string, home: string): void {
  const env = { ...inherited, DX_PY_HOME: home, UV_CACHE_DIR: home };
  const done = Bun.spawnSync(argv, { cwd, env, stdout: "ignore", stderr: "pipe" });
  if (!done.success) throw new Error(`${argv.join(" ")}\n${done.stderr.toString()}`);
}

try {
  const rows = [["", "MB", "inodes"]];
  const totals: number[] = [];
  for (const [name, install] of [
    ["uv", [uv, "sync", "-q", "--python", python]],
    ["dx-py", [dx, "install", "-q", "--python", python]],
  ] as const) {
    const side = join(folder, name);
    for (let i = 1; i <= 5; i += 1) {
      const dir = join(side, `project-${i}`);
      mkdirSync(dir, { recursive: true });
      cpSync(join(project, "pyproject.toml"), join(dir, "pyproject.toml"));
      must([...install], dir, join(side, "home"));
      must([".venv/bin/python", "-c", `import ${modules}`], dir, join(side, "home"));
    }
    const { bytes, inodes } = taken(side);
    totals.push(bytes);
    rows.push([name, (bytes / 1e6).toFixed(1), inodes.toLocaleString("en-US")]);
  }
  printTable(rows);
  console.log(`ratio ${((totals[1] ?? 0) / (totals[0] ?? 1)).toFixed(4)}`);
} finally {
  Bun.spawnSync(["chmod", "-R", "u+w", folder]);
  rmSync(folder, { recursive: true, force: true });
}
