/**
 * Installing from a binary cache against `uv sync` from an index on loopback that serves the same wheels, both with nothing cached:
 *
 *   node scripts/bun.mjs run bench/binary-cache.ts [--runs 5] [--servers folder,nginx,serve,versitygw] [--disk fresh,used] [--settle 310] [--folder DIR] [--write]
 *
 * Everything is made here, from PyPI: the lock, the wheels, a key, the caches (by `cache push`). Then, in turn, one install of each
 * cache and one `uv sync`; medians. What comes from a cache is compared with uv's environment, file by file. `--write` puts the table into
 * docs/benchmarks.md.
 *
 * `used` removes what the run before made just before the next, as who empties a cache and begins again does: on an ext4 without a journal
 * (many virtual machines), making files is several times slower in the minutes after others were deleted. `fresh` waits five minutes before
 * the first pair (`--settle` seconds; other work on the same disk counts too), and deletes nothing until the end (1.3 GB for each pair).
 */
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureOracles } from "../scripts/oracles.ts";
import { ensureVersitygw } from "../scripts/versitygw.ts";
import { freePort, nginx, startNginx, startVersitygw, whenUp } from "../src/binary-cache/testing/services.ts";
import { normalizeName } from "../src/standards/names.ts";
import { filesystemOf, machineLine } from "./machine.ts";
import { differing, filesBelow } from "./same-files.ts";
import { median, printTable, replaceBetweenMarks } from "./table.ts";

const root = join(import.meta.dir, "..");
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    servers: { type: "string", default: "folder,nginx,serve,versitygw" },
    disk: { type: "string", default: "fresh,used" },
    settle: { type: "string", default: "310" },
    project: { type: "string", default: "jupyter" },
    folder: { type: "string", default: tmpdir() },
    python: { type: "string", default: Bun.which("python3") ?? "python3" },
    dx: { type: "string", default: join(root, "dist/dx-py") },
    write: { type: "boolean", default: false },
  },
});
const oracles = await ensureOracles();
if (oracles === undefined) throw new Error("uv cannot be had from PyPI: there is nothing to compare with");
if (nginx === undefined) throw new Error("nginx is not installed: it serves the index");
const uv = join(oracles, "../uv");
const { dx } = values;
const folder = mkdtempSync(join(values.folder, "dx-py-cache-bench-"));
// In memory there is no difference, and no room.
const disks = filesystemOf(folder) === "tmpfs" ? ["used"] : values.disk.split(",");
const { VIRTUAL_ENV: _, ...inherited } = process.env;

interface Ran {
  ms: number;
  cpuMs: number;
  stdout: string;
}

async function run(argv: string[], cwd: string, env: Record<string, string | undefined>): Promise<Ran> {
  const started = performance.now();
  const child = Bun.spawn(argv, { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.exited;
  const ms = performance.now() - started;
  if (child.exitCode !== 0) throw new Error(`${argv.join(" ")}\n${stdout}${stderr}`);
  return { ms, cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000, stdout };
}

async function remove(path: string): Promise<void> {
  // Layouts are read-only, which stops whoever is not root.
  const script = 'rm -rf "$1" 2>/dev/null || { chmod -R u+w "$1" && rm -rf "$1"; }';
  await Bun.spawn(["sh", "-c", script, "sh", path]).exited;
}

async function readAll(path: string): Promise<void> {
  await Bun.spawn(["sh", "-c", 'find "$1" -type f -exec cat {} + >/dev/null', "sh", path]).exited;
}

let parked = 0;
async function putAway(path: string, disk: string): Promise<void> {
  if (disk === "used") return await remove(path);
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) renameSync(path, `${folder}/old-${parked++}`);
}

/** What was fetched by the install that `home` is of: names, and where they came from. */
function fetchedWheels(home: string): { filename: string; url: string; sha256: string }[] {
  const drv = `${home}/store/drv`;
  return readdirSync(drv)
    .map((name) => JSON.parse(readFileSync(`${drv}/${name}`, "utf8")))
    .filter(({ kind, filename }) => kind === "fetch" && String(filename).endsWith(".whl"));
}

/** A simple index (PEP 503) as static files: the same wheels as the lock's, and no others. */
async function makeIndex(index: string, home: string): Promise<void> {
  mkdirSync(`${index}/files`, { recursive: true });
  const wheels = fetchedWheels(home);
  const fetchOne = async ({ filename, url, sha256 }: (typeof wheels)[number]) => {
    const bytes = await (await fetch(url)).bytes();
    if (new Bun.CryptoHasher("sha256").update(bytes).digest("hex") !== sha256)
      throw new Error(`${url} is another file`);
    const name = normalizeName(filename.split("-", 1)[0] ?? "");
    mkdirSync(`${index}/simple/${name}`, { recursive: true });
    await Bun.write(`${index}/files/${filename}`, bytes);
    const link = `<a href="/files/${filename}#sha256=${sha256}">${filename}</a>`;
    writeFileSync(`${index}/simple/${name}/index.html`, `<!DOCTYPE html><html><body>${link}</body></html>`);
  };
  const left = [...wheels];
  const lane = async () => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) await fetchOne(one);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

interface Cache {
  /** What a client gives as DX_PY_CACHE_URL. */
  url: string;
  /** What a client needs beside that. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

interface Contestant {
  kind: string;
  name: string;
  disk: string;
  project: string;
  env: Record<string, string | undefined> & { DX_PY_HOME: string };
  ours: Ran[];
  theirs: Ran[];
}

/** Where `cache push` goes, and what is read from then on. */
const kinds: Record<
  string,
  { name: string; start(at: string, push: (cache: Cache) => Promise<void>): Promise<Cache> }
> = {
  folder: {
    name: "a folder",
    async start(at, push) {
      const cache = { url: `file://${at}/files`, env: {}, stop: async () => {} };
      await push(cache);
      return cache;
    },
  },
  nginx: {
    name: "nginx",
    async start(at, push) {
      await push({ url: `file://${at}/files`, env: {}, stop: async () => {} });
      return { ...(await startNginx(at, `${at}/files`)), env: {} };
    },
  },
  serve: {
    name: "`dx-py cache serve`",
    async start(at, push) {
      const port = freePort();
      writeFileSync(`${at}/token`, "upload-t0ken\n");
      const argv = [dx, "cache", "serve", "--port", String(port), "--upload-token-file", `${at}/token`, "-q"];
      const env = { ...inherited, DX_PY_HOME: `${at}/home` };
      const child = Bun.spawn(argv, { cwd: at, env, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
      const cache = {
        ...(await whenUp(`http://127.0.0.1:${port}`, child)),
        env: { DX_PY_CACHE_TOKEN: "upload-t0ken" },
      };
      await push(cache);
      return cache;
    },
  },
  versitygw: {
    name: "versitygw (S3)",
    async start(at, push) {
      if ((await ensureVersitygw()) === undefined)
        throw new Error("versitygw cannot be built: no Go, or no modules");
      const service = await startVersitygw(at, "team");
      const env = {
        AWS_ACCESS_KEY_ID: "tester",
        AWS_SECRET_ACCESS_KEY: "tester-secret",
        AWS_REGION: "us-east-1",
      };
      const cache = { url: `s3://team/cache?endpoint=${service.url}`, env, stop: service.stop };
      await push(cache);
      return cache;
    },
  },
};

const chosen = values.servers.split(",").map((kind) => {
  if (kinds[kind] === undefined) throw new Error(`there is no ${kind}: ${Object.keys(kinds).join(", ")}`);
  return { kind, ...kinds[kind] };
});
const services: { stop(): Promise<void> }[] = [];
try {
  // Once over the network: the lock, the store that is pushed, the wheels of the index.
  const origin = `${folder}/origin`;
  mkdirSync(origin);
  cpSync(join(root, "bench/projects", values.project, "pyproject.toml"), `${origin}/pyproject.toml`);
  const originEnv = { ...inherited, DX_PY_HOME: `${folder}/origin-home`, DX_PY_PYTHON: values.python };
  await run([dx, "lock"], origin, originEnv);
  await run([dx, "install"], origin, originEnv);
  const key = (
    await run([dx, "cache", "keygen", "bench-1", "--output", `${folder}/keys`], origin, originEnv)
  ).stdout.trim();
  await makeIndex(`${folder}/index`, `${folder}/origin-home`);
  mkdirSync(`${folder}/index-server`);
  const index = await startNginx(`${folder}/index-server`, `${folder}/index`);
  services.push(index);

  // The same for uv. Only these wheels are there, so only this platform can be locked.
  const uvProject = `${folder}/uv`;
  mkdirSync(uvProject);
  const version = (
    await run([values.python, "-c", "import platform; print(platform.python_version())"], folder, inherited)
  ).stdout.trim();
  const here = `sys_platform == 'linux' and python_full_version == '${version}'`;
  writeFileSync(
    `${uvProject}/pyproject.toml`,
    `${readFileSync(`${origin}/pyproject.toml`, "utf8")}\n[tool.uv]\nenvironments = [${JSON.stringify(here)}]\n`,
  );
  const uvEnv = {
    ...inherited,
    PIP_FIND_LINKS: undefined,
    UV_CACHE_DIR: `${folder}/uv-cache`,
    UV_DEFAULT_INDEX: `${index.url}/simple/`,
    UV_PYTHON: values.python,
    UV_PYTHON_DOWNLOADS: "never",
  };
  await run([uv, "lock", "-q"], uvProject, uvEnv);

  const contestants: Contestant[] = [];
  for (const { kind, name, start } of chosen) {
    const at = `${folder}/${kind}`;
    mkdirSync(at);
    const cache = await start(at, async ({ url, env }) => {
      const push = [dx, "cache", "push", "--to", url, "--key-file", `${folder}/keys/bench-1.secret`];
      await run(push, origin, { ...originEnv, ...env });
    });
    services.push(cache);
    const project = `${folder}/${kind}-project`;
    mkdirSync(project);
    for (const file of ["pyproject.toml", "pylock.toml"]) cpSync(`${origin}/${file}`, `${project}/${file}`);
    const env = {
      ...inherited,
      ...cache.env,
      DX_PY_HOME: `${folder}/${kind}-home`,
      DX_PY_PYTHON: values.python,
      DX_PY_CACHE_URL: cache.url,
      DX_PY_CACHE_TRUSTED_KEYS: key,
      // Nobody listens there: what the cache does not give cannot be had.
      DX_PY_DEFAULT_INDEX: "http://127.0.0.1:9/simple/",
    };
    for (const disk of disks) contestants.push({ kind, name, disk, project, env, ours: [], theirs: [] });
  }

  console.log(machine(version));
  const race = async (one: Contestant, first: boolean): Promise<void> => {
    const made = [one.env.DX_PY_HOME, `${one.project}/.venv`, uvEnv.UV_CACHE_DIR, `${uvProject}/.venv`];
    for (const path of made) await putAway(path, one.disk);
    // What is served is in memory, for both: the disk that is measured is the client's.
    for (const served of [`${folder}/${one.kind}`, `${folder}/index`]) await readAll(served);
    const ours = await run([dx, "install", "--frozen", "--json"], one.project, one.env);
    const theirs = await run([uv, "sync", "--frozen", "-q"], uvProject, uvEnv);
    // The first pair warms the machine.
    if (first) return check(one.name, ours, one.project, uvProject);
    one.ours.push(ours);
    one.theirs.push(theirs);
    console.log(`  ${one.kind.padEnd(10)} ${one.disk.padEnd(5)} dx-py ${text(ours)}, uv ${text(theirs)}`);
  };
  // Whatever deletes comes last.
  const byDisk = disks.flatMap((disk) => contestants.filter((one) => one.disk === disk));
  for (const disk of disks) {
    if (disk === "fresh") {
      console.log(`waiting ${values.settle} s until what was deleted before no longer counts`);
      await Bun.sleep(Number(values.settle) * 1000);
    }
    for (let i = 0; i <= Number(values.runs); i += 1) {
      for (const one of byDisk.filter((any) => any.disk === disk)) await race(one, i === 0);
    }
  }

  const rows = byDisk.map(({ name, disk, ours, theirs }) => {
    const ms = (list: Ran[], what: "ms" | "cpuMs") => median(list.map((one) => one[what]));
    const ratio = median(ours.map((one, i) => one.ms / theirs[i]!.ms));
    const seconds = [ms(theirs, "ms"), ms(ours, "ms"), ms(theirs, "cpuMs"), ms(ours, "cpuMs")];
    return [name, disk, ...seconds.map((one) => (one / 1000).toFixed(2)), ratio.toFixed(2)];
  });
  const head = ["a cache in or on", "disk", "uv s", "dx-py s", "uv CPU s", "dx-py CPU s", "wall, ratio"];
  printTable([head, ...rows]);
  if (values.write) {
    const lines = [head, head.map((_, i) => (i < 2 ? "---" : "---:")), ...rows].map(
      (row) => `| ${row.join(" | ")} |`,
    );
    const date = new Date().toISOString().slice(0, 10);
    const caption = `Medians of ${values.runs} pairs, ${date}; ${machine(version)}.`;
    replaceBetweenMarks(
      join(root, "docs/benchmarks.md"),
      "binary-cache",
      `${caption}\n\n${lines.join("\n")}`,
    );
  }
} finally {
  for (const service of services) await service.stop();
  await remove(folder);
}

/** All of it came from the cache, and it is what uv installs. */
function check(name: string, { stdout }: Ran, mine: string, theirs: string): void {
  const { from } = JSON.parse(stdout) as { from: Record<string, number> };
  const others = Object.entries(from).filter(([kind, count]) => kind !== "cache" && count > 0);
  if (others.length > 0) throw new Error(`${name}: not all came from the cache: ${JSON.stringify(from)}`);
  const library = (project: string) => {
    const lib = `${project}/.venv/lib`;
    const python = readdirSync(lib).find((one) => one.startsWith("python")) ?? "";
    return filesBelow(`${lib}/${python}/site-packages`);
  };
  const [ours, uvs] = [library(mine), library(theirs)];
  const differ = differing(ours, uvs);
  console.log(
    `${name}: ${from["cache"]} packages from the cache; ${ours.size} files, ${differ.length} unlike uv's`,
  );
  if (differ.length > 0) throw new Error(differ.slice(0, 20).join("\n"));
}

function machine(python: string): string {
  const versionOf = (argv: string[]) => Bun.spawnSync(argv).stdout.toString().trim().split(" ")[1] ?? "?";
  const versions = {
    "dx-py": versionOf([dx, "--version"]),
    uv: versionOf([uv, "--version"]),
    CPython: python,
  };
  return machineLine(versions, folder);
}

function text({ ms, cpuMs }: Ran): string {
  return `${(ms / 1000).toFixed(2)} s (CPU ${(cpuMs / 1000).toFixed(2)})`;
}
