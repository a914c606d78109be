/**
 * Builds the single executable `dist/dx-py`: one entry point with its chunks, bytecode for a start in milliseconds, and
 * every `*-worker.ts` as an entry point of its own, because a worker is started by its file's name.
 * The same sources give the same bytes.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dir);
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const workers = [...new Bun.Glob("src/**/*-worker.ts").scanSync({ cwd: root })].sort();
const windows = process.platform === "win32";
const name = windows ? "dx-py.exe" : "dx-py";
const outfile = join(root, "dist", name);
// The file's own name is embedded, so the staged file bears it too, in a folder of its own.
const staging = join(root, "dist", `.new-${process.pid}`);

mkdirSync(staging, { recursive: true });
const done = Bun.spawnSync(
  [
    process.execPath,
    "build",
    "--compile",
    "--minify",
    "--bytecode",
    "--splitting",
    "--format=esm",
    "--target=bun",
    // A compiled program otherwise obeys the bunfig.toml and .env of the folder it is started in.
    "--no-compile-autoload-bunfig",
    "--no-compile-autoload-dotenv",
    "--root=src",
    `--define=DX_PY_VERSION=${JSON.stringify(version)}`,
    `--define=DX_PY_BUILD=${JSON.stringify(buildIdentity())}`,
    `--outfile=${join(staging, name)}`,
    "src/cli/main.ts",
    ...workers,
  ],
  { cwd: root, stdout: "pipe", stderr: "inherit" },
);
if (!done.success) {
  console.error(done.stdout.toString());
  rmSync(staging, { force: true, recursive: true });
  process.exit(1);
}
// An executable that runs cannot be written over; it can be replaced.
renameSync(join(staging, name), outfile);
rmSync(staging, { recursive: true });
const megabytes = (statSync(outfile).size / 1e6).toFixed(0);
console.log(`dist/dx-py ${version} (${megabytes} MB, ${1 + workers.length} entry points)`);

/** Of everything that the executable is made from. */
function buildIdentity(): string {
  const hash = new Bun.CryptoHasher("sha256").update(Bun.version);
  const sources = [...new Bun.Glob("src/**/*.ts").scanSync({ cwd: root })].filter(
    (path) => !path.endsWith(".test.ts") && !path.includes("/testing/"),
  );
  for (const path of [...sources.sort(), "package-lock.json"]) {
    const text = readFileSync(join(root, path));
    hash.update(`${path} ${text.length}\n`).update(text);
  }
  return hash.digest("hex").slice(0, 32);
}
