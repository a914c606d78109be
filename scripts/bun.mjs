// Starts the Bun that npm installed, whether or not npm ran its install script: the `bun` package moves
// its binary from the platform's package to `bun/bin/bun.exe` in a postinstall step, which npm may be told not to run.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const name = process.platform === "win32" ? "bun.exe" : "bun";

/** Where the binary may be: in the packages that npm chose for this platform, the plainest first, or moved. */
function candidates() {
  const scope = join(root, "node_modules", "@oven");
  const folders = existsSync(scope) ? readdirSync(scope).sort((a, b) => a.length - b.length) : [];
  return [
    ...folders.map((folder) => join(scope, folder, "bin", name)),
    join(root, "node_modules", "bun", "bin", "bun.exe"),
  ].filter((path) => existsSync(path));
}

const bun = candidates().find((path) => spawnSync(path, ["--version"]).status === 0);
if (bun === undefined) {
  console.error("No Bun binary under node_modules runs here. Run `npm ci` first.");
  process.exit(1);
}
const done = spawnSync(bun, process.argv.slice(2), { stdio: "inherit", cwd: process.cwd() });
process.exit(done.status ?? 1);
