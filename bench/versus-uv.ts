// Times whole processes of dx-py against uv on one project, in turn (A B A B …), and gives medians and ratios.
import { cpSync, existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** What is removed before every run, then what is timed. */
export const rows = {
  noop: "`install`, everything in place",
  warm: "`install` after `rm -rf .venv`",
  relink: "`install`, packages in the store, no layout",
  cold: "`install`, nothing cached, over the network",
  check: "`lock --check`",
  relock: "`lock` after `rm pylock.toml`, offline",
  resolve: "the same, resolutions forgotten",
  coldlock: "`lock`, nothing cached, over the network",
  run: "`run python -c pass`",
  import: "a second project's `install` and first import",
} as const;
export type Row = keyof typeof rows;

export interface RowResult {
  row: Row;
  uvMs: number;
  dxMs: number;
  /** dx-py's time over uv's: the median of the pairs' ratios. */
  ratio: number;
  cpuRatio: number;
}

export interface Contest {
  uv: string;
  dx: string;
  python: string;
  project: string;
  /** A folder to work in; homes and projects are made there, on one filesystem. */
  folder: string;
  runs: number;
  /** Comma-separated modules of the row `import`. */
  modules: string;
}

interface Side {
  name: "uv" | "dx";
  binary: string;
  home: string;
  project: string;
  env: Record<string, string>;
}

/** Runs the rows in their order; both sides are locked, installed and compiled once before. */
export async function contest(
  c: Contest,
  wanted: readonly Row[],
  onRow?: (r: RowResult) => void,
): Promise<RowResult[]> {
  const sides = [side("uv", c.uv, c), side("dx", c.dx, c)];
  for (const s of sides) await warmUp(s, c);
  const results: RowResult[] = [];
  for (const row of wanted) {
    const pairs: [Timing, Timing][] = [];
    for (let i = 0; i <= c.runs; i++)
      pairs.push([await time(sides[0]!, row, c), await time(sides[1]!, row, c)]);
    pairs.shift(); // the first pair warms the machine
    const result = {
      row,
      uvMs: median(pairs.map((p) => p[0].ms)),
      dxMs: median(pairs.map((p) => p[1].ms)),
      ratio: median(pairs.map((p) => p[1].ms / p[0].ms)),
      cpuRatio: median(pairs.map((p) => p[1].cpuMs / Math.max(p[0].cpuMs, 0.01))),
    };
    results.push(result);
    onRow?.(result);
    if (row === "cold" || row === "coldlock") for (const s of sides) await warmUp(s, c);
  }
  return results;
}

/** Locked, installed, compiled, and the metadata of every candidate cached: what a cold row removes is filled again. */
async function warmUp(s: Side, c: Contest): Promise<void> {
  for (const row of ["coldlock", "cold"] as const) await time(s, row, c);
  await must([s.binary, "lock", "--upgrade", "--python", c.python], s);
  await time(s, "import", c);
}

function side(name: "uv" | "dx", binary: string, c: Contest): Side {
  const home = join(c.folder, `${name}-home`);
  const project = join(c.folder, `${name}-project`);
  mkdirSync(project, { recursive: true });
  cpSync(join(c.project, "pyproject.toml"), join(project, "pyproject.toml"));
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(process.env)) {
    if (value !== undefined && key !== "VIRTUAL_ENV" && key !== "PYTHONDONTWRITEBYTECODE") env[key] = value;
  }
  return { name, binary, home, project, env: { ...env, UV_CACHE_DIR: home, DX_PY_HOME: home } };
}

function command(s: Side, row: Row, c: Contest): string[] {
  const b = s.binary;
  const python = ["--python", c.python];
  const install = s.name === "uv" ? "sync" : "install";
  switch (row) {
    case "noop":
      return [b, install, "--offline", ...python];
    case "warm":
    case "relink":
      return [b, install, "--frozen", "--offline", ...python];
    case "cold":
      return [b, install, "--frozen", ...python];
    case "check":
      return [b, "lock", "--check", "--offline", ...python];
    case "relock":
    case "resolve":
      return [b, "lock", "--offline", ...python];
    case "coldlock":
      return [b, "lock", ...python];
    case "run":
      return [b, "run", "--offline", ...python, "python", "-c", "pass"];
    case "import":
      return [
        "sh",
        "-c",
        `'${b}' ${install} --frozen --offline -q --python '${c.python}' && .venv/bin/python -c 'import ${c.modules}'`,
      ];
  }
}

async function prepare(s: Side, row: Row): Promise<void> {
  if (row === "warm" || row === "relink" || row === "cold" || row === "import")
    await remove(join(s.project, ".venv"));
  if (row === "relink" && s.name === "dx") {
    await must([s.binary, "cache", "clean", "--layouts", "-q"], s);
  }
  if (row === "cold" || row === "coldlock") await remove(s.home);
  if (row === "resolve") await remove(join(s.home, "index/resolutions"));
  if (row === "relock" || row === "resolve" || row === "coldlock") {
    for (const lock of ["uv.lock", "pylock.toml", "dx-py.dpl"])
      rmSync(join(s.project, lock), { force: true });
  }
}

interface Timing {
  ms: number;
  cpuMs: number;
}

async function time(s: Side, row: Row, c: Contest): Promise<Timing> {
  await prepare(s, row);
  return must(command(s, row, c), s);
}

async function must(argv: string[], s: Side): Promise<Timing> {
  const start = Bun.nanoseconds();
  const child = Bun.spawn(argv, { cwd: s.project, env: s.env, stdout: "pipe", stderr: "pipe" });
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.exited;
  const ms = (Bun.nanoseconds() - start) / 1e6;
  if (child.exitCode !== 0) throw new Error(`${argv.join(" ")} exited ${child.exitCode}\n${out}${error}`);
  const cpu = child.resourceUsage()?.cpuTime;
  return { ms, cpuMs: cpu ? Number(cpu.total) / 1000 : 0 };
}

async function remove(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isDirectory()) return rmSync(path);
  await Bun.spawn(["chmod", "-R", "u+w", path]).exited;
  await Bun.spawn(["rm", "-rf", path]).exited;
  if (existsSync(path)) throw new Error(`${path} could not be removed`);
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
