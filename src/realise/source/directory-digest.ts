/**
 * The digest of a directory tells whether what is built from it must be built again: SHA-256 over the paths, modes and
 * contents of its files, without version control, environments and what builds leave behind. Contents are hashed
 * only where size or modification time changed since the last time.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../../platform/atomic-file.ts";
import { Failure } from "../../platform/errors.ts";
import type { Home } from "../../platform/home.ts";
import { sha256Hex } from "../../platform/sha256.ts";
import { versionControlState } from "./version-control.ts";

/** Never a part of what is built, anywhere in the tree. */
const ignoredNames = new Set(
  (
    ".git .hg .svn .bzr CVS .venv __pycache__ .tox .nox .mypy_cache .pytest_cache .ruff_cache .hypothesis .eggs " +
    ".coverage .DS_Store .idea .vscode .ipynb_checkpoints node_modules .pdm-build .hatch pylock.toml dx-py.dpl uv.lock"
  ).split(" "),
);

/** What builds leave in the folder that they run in. */
const ignoredAtTop = new Set(["build", "dist", "target", "_skbuild", "wheelhouse"]);

/** More files than any source tree: somebody named a home folder. */
const fileLimit = 200_000;

/**
 * Milliseconds. A file that is younger may change again within the same tick of the filesystem's clock and keep its size:
 * what is remembered of it would hide that.
 */
const settled = 2000;

interface KnownFile {
  size: number;
  mtime: number;
  sha256: string;
}

/**
 * 64 hex digits, of all files that count or of those of `paths` that are there. Failures: DXPY_NO_SOURCE (not a directory),
 * DXPY_BAD_SOURCE (too many files).
 */
export function directoryDigest(folder: string, home: Home, paths?: readonly string[]): string {
  const memory = `${home.index}/sources/${sha256Hex(folder)}.json`;
  const known = readMemory(memory);
  const next: Record<string, KnownFile> = {};
  const now = Date.now();
  let changed = false;
  const lines = (paths ?? treeFiles(folder)).map((path) => {
    const full = `${folder}/${path}`;
    const stats = lstatSync(full, { throwIfNoEntry: false });
    if (stats === undefined) return "";
    if (stats.isSymbolicLink()) return line(path, "l", sha256Hex(readlinkSync(full)));
    const before = known[path];
    const same = before !== undefined && before.size === stats.size && before.mtime === stats.mtimeMs;
    const sha256 = same ? before.sha256 : sha256Hex(readFileSync(full));
    if (!same) changed = true;
    if (now - stats.mtimeMs > settled) next[path] = { size: stats.size, mtime: stats.mtimeMs, sha256 };
    return line(path, stats.mode & 0o100 ? "x" : "f", sha256);
  });
  if (paths === undefined && (changed || Object.keys(known).length !== Object.keys(next).length)) {
    ensureDir(`${home.index}/sources`);
    writeFileAtomic(memory, JSON.stringify(next));
  }
  return sha256Hex([...lines, ...versionControlLine(folder)].join(""));
}

/**
 * The digest of what decides an editable install: the files that declare the project, and which folders and modules
 * it has at the top and in `src/`. The code itself is not copied, so its changes need no build.
 */
export function editableDigest(folder: string): string {
  requireDirectory(folder);
  const declared = [
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "MANIFEST.in",
    "meson.build",
    "CMakeLists.txt",
    "Cargo.toml",
  ];
  const files = declared.flatMap((name) => {
    try {
      return [line(name, "f", sha256Hex(readFileSync(`${folder}/${name}`)))];
    } catch {
      return [];
    }
  });
  const entries = ["", "src/"].flatMap((prefix) =>
    entriesOf(`${folder}/${prefix}`)
      .filter((entry) => entry.isDirectory() || entry.name.endsWith(".py"))
      .map((entry) => entry.name)
      .filter((name) => !isIgnored(name, prefix === ""))
      .sort()
      .map((name) => line(`${prefix}${name}`, "e", "")),
  );
  return sha256Hex([...files, ...entries, ...versionControlLine(folder)].join(""));
}

/** Relative paths of the files (and links) of the tree that count, sorted. */
export function treeFiles(folder: string): string[] {
  requireDirectory(folder);
  const files: string[] = [];
  const waiting = [""];
  for (let prefix = waiting.pop(); prefix !== undefined; prefix = waiting.pop()) {
    const entries = entriesOf(`${folder}/${prefix}`);
    if (prefix !== "" && entries.some((entry) => entry.name === "pyvenv.cfg")) continue;
    for (const entry of entries) {
      if (isIgnored(entry.name, prefix === "")) continue;
      const path = `${prefix}${entry.name}`;
      if (entry.isDirectory()) waiting.push(`${path}/`);
      else if (entry.isFile() || entry.isSymbolicLink()) files.push(path);
    }
    if (files.length > fileLimit) {
      throw new Failure("DXPY_BAD_SOURCE", `The source folder holds more than ${fileLimit} files`, {
        context: { path: folder },
        hint: "Give the project a folder of its own.",
      });
    }
  }
  return files.sort();
}

function isIgnored(name: string, atTop: boolean): boolean {
  return (
    ignoredNames.has(name) ||
    /\.(py[co]|egg-info|swp|tmp)$|~$/.test(name) ||
    (atTop && ignoredAtTop.has(name))
  );
}

function requireDirectory(folder: string): void {
  if (lstatSync(`${folder}/.`, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new Failure("DXPY_NO_SOURCE", "The source is not a folder", {
    context: { path: folder },
    hint: "Check the `path` of the source.",
    exitCode: 2,
  });
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function versionControlLine(folder: string): string[] {
  const state = versionControlState(folder);
  return state === undefined ? [] : [line(".git", "v", sha256Hex(state))];
}

function line(path: string, mode: string, digest: string): string {
  return `${mode} ${digest} ${path}\0`;
}

function readMemory(path: string): Record<string, KnownFile> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, KnownFile>) : {};
  } catch {
    return {};
  }
}
