/** `init`: a new `pyproject.toml`, and for a library its package. */
import { existsSync, mkdirSync } from "node:fs";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { writeFileAtomic } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { isValidName, normalizeName } from "../standards/names.ts";
import { readTomlFile, type TomlDocument } from "./toml-document.ts";
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

/**
 * Returns the files that were written, relative to the folder. A `pyproject.toml` that only configures tools gets a
 * `[project]` table. DXPY_PROJECT_EXISTS, DXPY_BAD_NAME, and those of reading.
 */
export async function initProject({ dir, name, description, kind, interpreter }: InitOptions): Promise<{
  name: string;
  files: string[];
  /** What was there and is not taken over. */
  warnings: string[];
}> {
  const path = `${dir}/pyproject.toml`;
  const begun = await readTomlFile(path);
  if (begun?.table["project"] !== undefined) {
    throw new Failure("DXPY_PROJECT_EXISTS", `${path} is a project already`, {
      context: { path },
      hint: "`dx-py add` adds to it, `dx-py install` makes its environment.",
      exitCode: 2,
    });
  }
  const poetry = poetryFacts(begun);
  const chosen = name ?? poetry.name ?? nameFromFolder(dir);
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
    `version = ${tomlString(poetry.version ?? "0.1.0")}`,
    `description = ${tomlString(description ?? poetry.description ?? "")}`,
    ...(existsSync(`${dir}/README.md`) ? ['readme = "README.md"'] : []),
    `requires-python = ">=${major}.${minor}"`,
    "dependencies = []",
  ];
  const files: [string, string][] = [];
  if (begun !== undefined) {
    writeFileAtomic(path, withTable(begun.text, lines));
    return { name: chosen, files: ["pyproject.toml"], warnings: poetry.warnings };
  }
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
  return { name: chosen, files: written, warnings: [] };
}

interface PoetryFacts {
  name?: string;
  version?: string;
  description?: string;
  warnings: string[];
}

/** What Poetry's own table says about the project. Its dependencies are in a syntax of its own and are not taken over. */
function poetryFacts(begun: TomlDocument | undefined): PoetryFacts {
  const tool = begun?.table["tool"] as Record<string, unknown> | undefined;
  const poetry = (tool?.["poetry"] ?? {}) as Record<string, unknown>;
  const facts: PoetryFacts = { warnings: [] };
  for (const key of ["name", "version", "description"] as const) {
    const value = poetry[key];
    if (typeof value === "string") facts[key] = value;
  }
  const { python: _, ...asked } = (poetry["dependencies"] ?? {}) as Record<string, unknown>;
  const names = Object.keys(asked);
  if (names.length > 0) {
    facts.warnings.push(
      `what \`tool.poetry.dependencies\` asks for is not taken over: \`dx-py add ${names.slice(0, 20).join(" ")}\`, with the versions that you need`,
    );
  }
  return facts;
}

/** In front of the first table and the comment above it; keys that stand before any table stay so. */
function withTable(text: string, lines: readonly string[]): string {
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const own = text.split(/\r?\n/);
  let at = own.findIndex((line) => /^\s*\[/.test(line));
  if (at < 0) at = own.length;
  while (at > 0 && own[at - 1]?.startsWith("#")) at -= 1;
  const before = own.slice(0, at);
  const after = own.slice(at);
  const rest = after.length === 0 || after.every((line) => line === "") ? [""] : ["", ...after];
  const gap = before.length > 0 && before.at(-1) !== "" ? [""] : [];
  return [...before, ...gap, ...lines, ...rest].join(newline);
}

function nameFromFolder(dir: string): string {
  const base = dir.slice(dir.lastIndexOf("/") + 1);
  return base.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "") || "project";
}
