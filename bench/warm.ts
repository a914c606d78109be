/**
 * The warm path: `install` with nothing to do, `install` after `rm .venv`, `env rollback` and `run` of projects with 1, 10, 100 and
 * 500 packages, against the runtime's empty process: whole processes, in turn, medians.
 * `node scripts/bun.mjs run bench/warm.ts [RUNS]`; `DX_PY_BENCH_EXECUTABLE` names another build than the one in `dist/`.
 */
import { mkdirSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { makeWheel } from "../test/make-wheel.ts";
import { median, printTable } from "./table.ts";

const runs = Number(process.argv[2] ?? 41);
const root = dirname(import.meta.dir);
const dx = process.env["DX_PY_BENCH_EXECUTABLE"] ?? join(root, "dist/dx-py");
const folder = mkdtempSync(join(tmpdir(), "dx-py-bench-warm-"));
const { VIRTUAL_ENV: _, ...inherited } = process.env;
const env = { ...inherited, DX_PY_HOME: join(folder, "home") };

try {
  const empty = buildEmpty();
  const projects = [1, 10, 100, 500].map((packages) => ({ packages, dir: makeProject(packages) }));
  // Files that were written just now are not relied on: their times say nothing yet.
  await Bun.sleep(2100);
  const times = new Map<string, number[]>();
  const note = (name: string, ms: number) => times.set(name, [...(times.get(name) ?? []), ms]);
  for (let i = 0; i < runs; i += 1) {
    note("empty", timed([empty], folder));
    for (const { packages, dir } of projects) {
      note(`noop ${packages}`, timed([dx, "install", "-q"], dir));
      unlinkSync(join(dir, ".venv"));
      note(`warm ${packages}`, timed([dx, "install", "-q"], dir));
      timed([dx, "env", "rollback", "-q", "1"], dir);
      note(`back ${packages}`, timed([dx, "env", "rollback", "-q", "2"], dir));
      note(`run ${packages}`, timed([dx, "run", "true"], dir));
    }
  }
  const show = (title: string, of: (values: readonly number[]) => number) => {
    const empty = of(times.get("empty")!);
    const cell = (name: string) =>
      `${of(times.get(name)!).toFixed(2)} (${(of(times.get(name)!) / empty).toFixed(2)})`;
    console.log(`${title} of ${runs} in ms (in brackets: times the empty process, ${empty.toFixed(2)} ms)`);
    printTable([
      ["packages", "install, nothing to do", "install after rm .venv", "env rollback", "run true"],
      ...projects.map(({ packages }) => [
        String(packages),
        ...["noop", "warm", "back", "run"].map((what) => cell(`${what} ${packages}`)),
      ]),
    ]);
  };
  show("medians", median);
  // On a busy machine the fastest run says more: it is the one that waited least for others.
  show("fastest", (values) => Math.min(...values));
} finally {
  Bun.spawnSync(["chmod", "-R", "u+w", folder]);
  rmSync(folder, { recursive: true, force: true });
}

/** What the runtime takes for a program that does nothing, built as dx-py is. */
function buildEmpty(): string {
  const source = join(folder, "empty.ts");
  const out = join(folder, "empty");
  writeFileSync(source, "process.exit(0);\n");
  const flags = ["--compile", "--minify", "--bytecode", "--splitting", "--format=esm", "--target=bun"];
  const quiet = ["--no-compile-autoload-bunfig", "--no-compile-autoload-dotenv"];
  const done = Bun.spawnSync([process.execPath, "build", ...flags, ...quiet, `--outfile=${out}`, source], {
    cwd: folder,
  });
  if (!done.success) throw new Error(done.stderr.toString());
  return out;
}

function makeProject(packages: number): string {
  const dir = join(folder, `project-${packages}`);
  const wheels = join(folder, `wheels-${packages}`);
  mkdirSync(dir);
  mkdirSync(wheels);
  const names = Array.from({ length: packages }, (_, i) => `package-${String(i).padStart(3, "0")}`);
  for (const name of names) {
    const { filename, bytes } = makeWheel({ name });
    writeFileSync(join(wheels, filename), bytes);
  }
  writeFileSync(
    join(dir, "pyproject.toml"),
    `[project]\nname = "p"\nversion = "0"\nrequires-python = ">=3.8"\ndependencies = ${JSON.stringify(names)}\n` +
      "[dependency-groups]\nnone = []\n" +
      `[tool.dx-py]\nno-index = true\nfind-links = [${JSON.stringify(wheels)}]\n`,
  );
  // The first generation, to go back from.
  timed([dx, "install", "-q", "--only-group", "none"], dir);
  // Several times: what a first command leaves for the next ones is not what is measured.
  for (let i = 0; i < 3; i += 1) timed([dx, "install", "-q"], dir);
  return dir;
}

function timed(argv: string[], cwd: string): number {
  const start = performance.now();
  const done = Bun.spawnSync(argv, { cwd, env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const took = performance.now() - start;
  if (!done.success) throw new Error(`${argv.join(" ")}: ${done.stderr.toString()}`);
  return took;
}
