/** Which backend builds a source tree, and what it needs: `build-system` of `pyproject.toml` (PEP 517, PEP 518). */
import { existsSync, readFileSync } from "node:fs";
import { Failure } from "../../platform/errors.ts";
import { type BuildSystem, legacyBuildSystem, readBuildSystem } from "../../standards/pyproject.ts";

/** Failures: DXPY_BAD_SOURCE where there is nothing to build, DXPY_BAD_PYPROJECT or DXPY_BAD_TOML. */
export function buildSystemOf(folder: string): BuildSystem {
  const document = readToml(`${folder}/pyproject.toml`);
  const system = document === undefined ? undefined : readBuildSystem(document);
  if (system !== undefined) return system;
  if (document === undefined && !existsSync(`${folder}/setup.py`) && !existsSync(`${folder}/setup.cfg`)) {
    throw new Failure("DXPY_BAD_SOURCE", "There is nothing to build: neither pyproject.toml nor setup.py", {
      context: { path: folder },
      hint: "Where the project is in a folder below, give it as `subdirectory`.",
    });
  }
  return legacyBuildSystem();
}

/** `undefined` when there is no such file. Failure DXPY_BAD_TOML. */
export function readToml(path: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  try {
    return Bun.TOML.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new Failure("DXPY_BAD_TOML", `The file is not TOML: ${(cause as Error).message}`, {
      context: { path },
      cause,
    });
  }
}
