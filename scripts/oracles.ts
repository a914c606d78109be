// The programs that dx-py is compared with, in a virtual environment of their own: the reference implementations of the
// packaging standards, pip and uv. Got from PyPI once, exactly these versions, into `.tools/oracles`.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PINS = ["installer==1.1.0", "packaging==26.3", "pip==26.3", "uv==0.13.8"];

const folder = fileURLToPath(new URL("../.tools/oracles", import.meta.url));
const stamp = join(folder, "pins.txt");
const windows = process.platform === "win32";
const python = join(folder, windows ? "Scripts/python.exe" : "bin/python");

/** The Python of the environment when it is complete, else `undefined`; looks at the disk only. */
export function installedOracles(): string | undefined {
  if (!existsSync(stamp) || !existsSync(python)) return undefined;
  return readFileSync(stamp, "utf8") === PINS.join("\n") ? python : undefined;
}

/**
 * Makes the environment when it is missing or of other versions, and returns its Python. `undefined` when there is no Python
 * on PATH or PyPI cannot be reached: what compares then skips, and says so.
 */
export async function ensureOracles(): Promise<string | undefined> {
  const installed = installedOracles();
  if (installed !== undefined) return installed;
  const host = Bun.which("python3") ?? Bun.which("python");
  if (host === null) return undefined;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const done =
    (await run([host, "-m", "venv", folder])) &&
    (await run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PINS]));
  if (!done) return undefined;
  // Last, so that an interrupted installation is begun again.
  writeFileSync(stamp, PINS.join("\n"));
  return python;
}

async function run(command: string[]): Promise<boolean> {
  const child = Bun.spawn(command, { stdout: "ignore", stderr: "inherit", stdin: "ignore" });
  return (await child.exited) === 0;
}

if (import.meta.main) {
  const found = await ensureOracles();
  console.log(found ?? "the oracles cannot be had");
  process.exitCode = found === undefined ? 1 : 0;
}
