/**
 * `npm run quickstart`: builds dx-py, then does with the example what a person does on the first day, and says how long
 * each step took. Its home is `.tools/quickstart-home`, emptied first, so that the first install is a first one.
 */
import { chmodSync, existsSync, lstatSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dir);
const example = join(root, "examples/quickstart");
const home = join(root, ".tools/quickstart-home");
const tool = join(root, "dist", process.platform === "win32" ? "dx-py.exe" : "dx-py");
const { VIRTUAL_ENV: _, ...inherited } = process.env;
const env = { ...inherited, DX_PY_HOME: home };

const times: [string, number][] = [];

function step(title: string, command: string[], cwd: string): void {
  console.log(`\n$ ${title}`);
  const start = performance.now();
  const done = Bun.spawnSync(command, { cwd, env, stdout: "inherit", stderr: "inherit", stdin: "ignore" });
  const took = performance.now() - start;
  if (!done.success) {
    console.error(`\`${title}\` failed with exit code ${done.exitCode}`);
    process.exit(1);
  }
  times.push([title, took]);
}

/** Layouts are read-only folders: they are made writable on the way. */
function removeTree(path: string): void {
  if (lstatSync(path).isDirectory()) {
    chmodSync(path, 0o755);
    for (const name of readdirSync(path)) removeTree(join(path, name));
    rmSync(path, { recursive: true });
  } else unlinkSync(path);
}

function removeEnvironment(): void {
  const link = join(example, ".venv");
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(link);
}

step("npm run build", [process.execPath, "run", "scripts/build.ts"], root);
if (existsSync(home)) removeTree(home);
for (const name of ["pylock.toml", "dx-py.dpl"]) rmSync(join(example, name), { force: true });
removeEnvironment();

step("dx-py lock", [tool, "lock"], example);
step("dx-py install", [tool, "install"], example);
step("dx-py run python main.py", [tool, "run", "python", "main.py"], example);
removeEnvironment();
step("rm .venv && dx-py install", [tool, "install", "-v"], example);

const label = { "dx-py install": "first install", "rm .venv && dx-py install": "second install" } as Record<
  string,
  string
>;
console.log("\nWhole processes, in milliseconds:");
for (const [title, took] of times.slice(1))
  console.log(`  ${(label[title] ?? title).padEnd(26)} ${took.toFixed(1).padStart(9)}`);
