// Installing from a binary cache on nginx against `uv sync` from an index on loopback that serves the same wheels, both cold:
//   bun run bench/binary-cache.ts --wheels DIR --project DIR --cache DIR --key NAME:BASE64 [--runs 5] [--folder /dev/shm]
// DIR of the project has pyproject.toml and pylock.toml, DIR of the cache is what `cache push` filled. Alternating runs, medians.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureOracles } from "../scripts/oracles.ts";
import { startNginx } from "../src/binary-cache/testing/services.ts";
import { normalizeName } from "../src/standards/names.ts";

const { values } = parseArgs({
  options: {
    wheels: { type: "string", default: "" },
    project: { type: "string", default: "" },
    cache: { type: "string", default: "" },
    key: { type: "string", default: "" },
    runs: { type: "string", default: "5" },
    folder: { type: "string", default: "/dev/shm" },
    python: { type: "string", default: "python3" },
    least: { type: "string", default: "3.11.7" },
    dx: { type: "string", default: `${import.meta.dir}/../dist/dx-py` },
  },
});
const uv = join(`${await ensureOracles()}`, "../uv");
const folder = mkdtempSync(`${values.folder}/cache-bench-`);
// A simple index (PEP 503) as static files, so that both come from the same server.
const index = `${folder}/index`;
const sha256 = (path: string) => new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
for (const filename of readdirSync(values.wheels)) {
  const name = normalizeName(filename.split("-", 1)[0] ?? "");
  mkdirSync(`${index}/simple/${name}`, { recursive: true });
  cpSync(`${values.wheels}/${filename}`, `${index}/files/${filename}`);
  const link = `<a href="/files/${filename}#sha256=${sha256(`${values.wheels}/${filename}`)}">${filename}</a>`;
  writeFileSync(`${index}/simple/${name}/index.html`, `<!DOCTYPE html><html><body>${link}</body></html>`);
}
mkdirSync(`${folder}/server`);
const indexServer = await startNginx(`${folder}/server`, index);
const nginx = await startNginx(folder, values.cache);
const base = { PATH: process.env["PATH"] ?? "", HOME: `${folder}/user`, LANG: "C.UTF-8" };
const projects = { dx: `${folder}/dx`, uv: `${folder}/uv` };
for (const path of Object.values(projects)) {
  mkdirSync(path);
  for (const name of ["pyproject.toml", "pylock.toml"])
    cpSync(`${values.project}/${name}`, `${path}/${name}`);
}
const run = (argv: string[], cwd: string, env: Record<string, string>) => {
  const started = performance.now();
  const done = Bun.spawnSync(argv, { cwd, env: { ...base, ...env }, stdout: "pipe", stderr: "pipe" });
  const took = performance.now() - started;
  if (done.exitCode !== 0) throw new Error(`${argv.join(" ")}\n${done.stderr.toString()}`);
  const { userCPUTime, systemCPUTime } = Object.assign(
    { userCPUTime: 0, systemCPUTime: 0 },
    cpuOf(done.resourceUsage),
  );
  return { took, cpu: userCPUTime + systemCPUTime, said: done.stderr.toString() };
};
function cpuOf(usage: Bun.ResourceUsage | undefined) {
  return usage === undefined
    ? {}
    : { userCPUTime: Number(usage.cpuTime.user) / 1000, systemCPUTime: Number(usage.cpuTime.system) / 1000 };
}
const uvEnv = {
  UV_CACHE_DIR: `${folder}/uv-cache`,
  UV_DEFAULT_INDEX: `${indexServer.url}/simple/`,
  UV_PYTHON: values.python,
  UV_PYTHON_DOWNLOADS: "never",
};
const dxEnv = {
  DX_PY_HOME: `${folder}/home`,
  DX_PY_CACHE_URL: nginx.url,
  DX_PY_CACHE_TRUSTED_KEYS: values.key,
  DX_PY_DEFAULT_INDEX: "http://127.0.0.1:9/simple",
  DX_PY_PYTHON: values.python,
};
// Only these wheels are there, so only this platform can be locked.
writeFileSync(
  `${projects.uv}/pyproject.toml`,
  `${readFileSync(`${values.project}/pyproject.toml`, "utf8")}\n[tool.uv]\nenvironments = ["sys_platform == 'linux' and python_full_version >= '${values.least}' and python_version == '${values.least.slice(0, 4)}'"]\n`,
);
run([uv, "lock", "-q", "--no-progress"], projects.uv, uvEnv);
const results = { dx: [] as number[], uv: [] as number[], dxCpu: [] as number[], uvCpu: [] as number[] };
for (let i = 0; i < Number(values.runs); i += 1) {
  for (const path of [
    `${folder}/uv-cache`,
    `${folder}/home`,
    `${projects.dx}/.venv`,
    `${projects.uv}/.venv`,
  ]) {
    Bun.spawnSync(["rm", "-rf", path]);
  }
  const ours = run([values.dx, "install", "--frozen"], projects.dx, dxEnv);
  const theirs = run([uv, "sync", "--frozen"], projects.uv, uvEnv);
  results.dx.push(ours.took);
  results.uv.push(theirs.took);
  results.dxCpu.push(ours.cpu);
  results.uvCpu.push(theirs.cpu);
  console.log(
    `dx-py ${ours.took.toFixed(0)} ms (CPU ${ours.cpu.toFixed(0)}), uv ${theirs.took.toFixed(0)} ms (CPU ${theirs.cpu.toFixed(0)}); ${ours.said.trim().split("\n").at(-1)}`,
  );
}
const median = (list: number[]) => [...list].sort((a, b) => a - b)[list.length >> 1] ?? 0;
console.log(
  `medians of ${values.runs}: dx-py ${median(results.dx).toFixed(0)} ms, uv ${median(results.uv).toFixed(0)} ms: ${(median(results.dx) / median(results.uv)).toFixed(2)}; ` +
    `CPU ${median(results.dxCpu).toFixed(0)} and ${median(results.uvCpu).toFixed(0)} ms`,
);
await nginx.stop();
await indexServer.stop();
Bun.spawnSync(["chmod", "-R", "u+w", folder]);
rmSync(folder, { recursive: true, force: true });
