/** `init`: a new `pyproject.toml`, and for a library its package. */
import { existsSync, mkdirSync } from "node:fs";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { writeFileAtomic } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { isValidName, normalizeName } from "../standards/names.ts";
import { tomlString } from "./toml-edit.ts";

export interface InitOptions {
  /** Absolute folder; made where it is missing. */
  dir: string;
  name?: string;
  description?: string;
  kind: "app" | "lib";
  /** Sets the lower bound of `requires-python`. */
  interpreter: Interpreter;
}

/** Returns the files that were written, relative to the folder. DXPY_PROJECT_EXISTS, DXPY_BAD_NAME. */
export function initProject({ dir, name, description, kind, interpreter }: InitOptions): {
  name: string;
  files: string[];
} {
  const path = `${dir}/pyproject.toml`;
  if (existsSync(path)) {
    throw new Failure("DXPY_PROJECT_EXISTS", `${path} exists already`, { context: { path }, exitCode: 2 });
  }
  const chosen = name ?? nameFromFolder(dir);
  if (!isValidName(chosen)) {
    throw new Failure("DXPY_BAD_NAME", `\`${chosen}\` is not a valid name for a project`, {
      hint: "Letters, digits, `.`, `-` and `_`, with a letter or digit at each end: give one with `--name`.",
      exitCode: 2,
    });
  }
  const [major, minor] = interpreter.version.split(".");
  const lines = [
    "[project]",
    `name = ${tomlString(chosen)}`,
    'version = "0.1.0"',
    `description = ${tomlString(description ?? "")}`,
    ...(existsSync(`${dir}/README.md`) ? ['readme = "README.md"'] : []),
    `requires-python = ">=${major}.${minor}"`,
    "dependencies = []",
  ];
  const files: [string, string][] = [];
  if (kind === "lib") {
    const module = normalizeName(chosen).replaceAll("-", "_");
    lines.push("", "[build-system]", 'requires = ["hatchling"]', 'build-backend = "hatchling.build"');
    lines.push("", "[tool.hatch.build.targets.wheel]", `packages = [${tomlString(`src/${module}`)}]`);
    files.push([`src/${module}/__init__.py`, ""], [`src/${module}/py.typed`, ""]);
  } else if (!existsSync(`${dir}/main.py`)) {
    files.push([
      "main.py",
      `def main() -> None:\n    print("Hello from ${chosen}!")\n\n\nif __name__ == "__main__":\n    main()\n`,
    ]);
  }
  const written: string[] = [];
  for (const [file, content] of [...files, ["pyproject.toml", `${lines.join("\n")}\n`] as const]) {
    const target = `${dir}/${file}`;
    if (existsSync(target)) continue;
    mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    writeFileAtomic(target, content);
    written.push(file);
  }
  return { name: chosen, files: written };
}

function nameFromFolder(dir: string): string {
  const base = dir.slice(dir.lastIndexOf("/") + 1);
  return base.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "") || "project";
}
