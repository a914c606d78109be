/**
 * What decides an editable wheel besides the path of its folder, for projects whose backend is known to read nothing else: the
 * name that two checkouts of one project have in common. A project that does anything unusual has none.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { sha256Hex } from "../../platform/sha256.ts";
import { normalizeName } from "../../standards/names.ts";
import { readBuildSystem } from "../../standards/pyproject.ts";
import { canonicalJson } from "../canonical-json.ts";
import type { BuiltPackageDerivation } from "../derivation.ts";
import { treeFiles } from "../source/directory-digest.ts";
import { readToml } from "./build-system.ts";

/** Backends, by what their requirement is called: they make an editable wheel of a `.pth` (or a finder) and metadata. */
const backends: Readonly<Record<string, string>> = {
  "flit_core.buildapi": "flit-core",
  "hatchling.build": "hatchling",
  "pdm.backend": "pdm-backend",
  "poetry.core.masonry.api": "poetry-core",
  "setuptools.build_meta": "setuptools",
  uv_build: "uv-build",
};

/** Requirements that change nothing by being there, as plugins do. */
const harmless = new Set([...Object.values(backends), "wheel", "editables"]);

/** Code of the project's own, by the files that backends look for. */
const ownCode = ["setup.py", "setup.cfg", "hatch.toml", "hatch_build.py", "pdm_build.py", "build.py"];

/** Keys of a `tool` table, at any depth, that run code or take files from elsewhere. */
const unusual = /^(hooks?|custom-hook|run-setuptools|cmdclass|ext-modules|license-files|source)$/;

/** Read into METADATA or put beside it, or deciding what belongs to the project. */
const readFiles = /^(readme|licen[cs]e|copying|copyright|notice|authors|\.gitignore$|\.hgignore$)/i;

/** 64 hex digits; `undefined` where only the backend can tell. `folder` is the request's own. */
export function checkoutInputs(request: BuiltPackageDerivation, folder: string): string | undefined {
  const { build } = request;
  const { source } = build;
  if (source.kind !== "directory" || source.subdirectory !== undefined || !build.isolated) return undefined;
  if (Object.keys(build.configSettings).length > 0 || build.extraRequires.length > 0) return undefined;
  let names: string[];
  let files: string[];
  try {
    const document = readToml(`${folder}/pyproject.toml`);
    if (document === undefined || !isUsual(document)) return undefined;
    names = readdirSync(folder);
    if (names.some((name) => ownCode.includes(name) || name === "LICENSES")) return undefined;
    const readme = readmesOf(document);
    if (readme === undefined) return undefined;
    files = [...new Set([...names.filter((name) => readFiles.test(name)), ...readme])].sort();
  } catch {
    // A file that cannot be read is for the backend to complain of.
    return undefined;
  }
  const contents = files.map((name) => {
    try {
      return [name, sha256Hex(readFileSync(`${folder}/${name}`))];
    } catch {
      return [name, ""];
    }
  });
  const packages = namesFinder(names) ? wholeTree(folder) : packagesOf(folder);
  const { path: _, ...elsewhere } = source;
  return sha256Hex(canonicalJson({ build: { ...build, source: elsewhere }, contents, packages }));
}

/** Without `src/`, setuptools may write a finder that lists packages of any depth; other wheels name the folder above them. */
export function namesFinder(names: readonly string[]): boolean {
  return !names.includes("src");
}

function wholeTree(folder: string): string[] {
  const files = treeFiles(folder);
  const folders = new Set(files.map((path) => path.slice(0, path.lastIndexOf("/") + 1)));
  return [...folders, ...files.filter((path) => path.endsWith("/__init__.py"))].sort();
}

/** Packages, and those of namespace packages, at the top and in `src/`. */
function packagesOf(folder: string): string[] {
  const found: string[] = [];
  const look = (prefix: string, deeper: boolean) => {
    for (const entry of readdirSync(`${folder}/${prefix}`, { withFileTypes: true })) {
      const path = `${prefix}${entry.name}/`;
      if (!entry.isDirectory() || entry.name.startsWith(".") || entry.name === "node_modules") continue;
      if (existsSync(`${folder}/${path}__init__.py`)) found.push(path);
      else if (deeper) look(path, path === "src/");
    }
  };
  look("", true);
  return found.sort();
}

function isUsual(document: Record<string, unknown>): boolean {
  const system = readBuildSystem(document);
  const own = system === undefined ? undefined : backends[system.backend];
  if (system === undefined || own === undefined || system.backendPath.length > 0) return false;
  const required = system.requires.map(({ name }) => normalizeName(name));
  if (!required.every((name) => harmless.has(name))) return false;
  const { project, tool } = document as { project?: Record<string, unknown>; tool?: Record<string, unknown> };
  const dynamic = project?.["dynamic"];
  if (Array.isArray(dynamic) && dynamic.length > 0) return false;
  if (project?.["license-files"] !== undefined) return false;
  if (project === undefined && own !== "poetry-core") return false;
  return !["hatch", "pdm", "poetry", "setuptools", "distutils", "flit", "uv", "setuptools_scm"].some(
    (name) =>
      name === "distutils" ? tool?.[name] !== undefined : hasUnusualKey(buildPart(name, tool?.[name])),
  );
}

/** uv's table is about many things; only this part is read by its backend. */
function buildPart(name: string, table: unknown): unknown {
  const parts = table as Record<string, unknown> | undefined;
  if (name === "uv") return parts?.["build-backend"];
  if (name === "poetry") return { ...parts, dependencies: undefined, group: undefined, source: undefined };
  if (name === "hatch")
    return { build: parts?.["build"], metadata: parts?.["metadata"], version: parts?.["version"] };
  if (name === "pdm") return { build: parts?.["build"], version: parts?.["version"] };
  return table;
}

function hasUnusualKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(
    ([key, child]) => (child !== undefined && unusual.test(key)) || hasUnusualKey(child),
  );
}

/** Files that METADATA quotes; `undefined` for a path that leads out. */
function readmesOf(document: Record<string, unknown>): string[] | undefined {
  const { project, tool } = document as {
    project?: { readme?: unknown; license?: unknown };
    tool?: { poetry?: { readme?: unknown } };
  };
  const stated = [project?.readme, project?.license, tool?.poetry?.readme].flat();
  const paths = stated.flatMap((one) => {
    if (typeof one === "string") return one === project?.license ? [] : [one];
    const file = (one as { file?: unknown } | undefined)?.file;
    return typeof file === "string" ? [file] : [];
  });
  return paths.some((path) => /^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)/.test(path)) ? undefined : paths;
}
