import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, realpathSync } from "node:fs";
import { isAbsolute } from "node:path";
import { releaseParts } from "./python-request.ts";

/** Where interpreters may be: uv's managed folder, pyenv, PATH, the system's folders. Nothing is started here. */
export interface Candidate {
  path: string;
  where: "managed" | "path" | "pyenv" | "system";
  /** What the name of the file or its folder tells. */
  release?: readonly number[];
}

export type SearchEnv = Readonly<Record<string, string | undefined>>;

const WINDOWS = process.platform === "win32";
const EXE = WINDOWS ? ".exe" : "";

export function uvFolder(env: SearchEnv): string {
  const data = env["XDG_DATA_HOME"] || `${env["HOME"] ?? ""}/.local/share`;
  return (
    env["UV_PYTHON_INSTALL_DIR"] || (WINDOWS ? `${env["APPDATA"] ?? ""}/uv/python` : `${data}/uv/python`)
  );
}

export function pyenvRoot(env: SearchEnv): string {
  return env["PYENV_ROOT"] || `${env["HOME"] ?? ""}/.pyenv`;
}

export function* managedCandidates(env: SearchEnv): Generator<Candidate> {
  for (const { name, release } of versionFolders(uvFolder(env), /^cpython-(\d+\.\d+\.\d+)/)) {
    yield {
      path: `${uvFolder(env)}/${name}/${WINDOWS ? "" : "bin/"}python${EXE}`,
      where: "managed",
      release,
    };
  }
}

export function* pyenvCandidates(env: SearchEnv): Generator<Candidate> {
  const folder = `${pyenvRoot(env)}/versions`;
  for (const { name, release } of versionFolders(folder, /^(\d+\.\d+\.\d+)/)) {
    yield { path: `${folder}/${name}/bin/python${EXE}`, where: "pyenv", release };
  }
}

/** Folders named after a version, the newest first. */
function versionFolders(folder: string, pattern: RegExp): { name: string; release: number[] }[] {
  return list(folder)
    .flatMap((name) => {
      const match = pattern.exec(name);
      return match === null ? [] : [{ name, release: releaseParts(match[1]!) }];
    })
    .sort((a, b) => compareReleases(b.release, a.release) || (a.name < b.name ? -1 : 1));
}

function compareReleases(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < 3; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function pathFolders(env: SearchEnv): string[] {
  return (env["PATH"] ?? env["Path"] ?? "").split(WINDOWS ? ";" : ":").filter((folder) => isAbsolute(folder));
}

export function systemFolders(): string[] {
  if (WINDOWS) return [];
  const folders = ["/usr/local/bin", "/usr/bin"];
  return process.platform === "darwin" ? ["/opt/homebrew/bin", ...folders] : folders;
}

/**
 * The interpreters in folders of executables: folder by folder; in each, `python3` and `python` before those that
 * tell their minor version, the newest of which comes first. A version that was asked for comes before all.
 * Folders of virtual environments are passed over: what is active is no choice to lock for.
 */
export function* folderCandidates(
  folders: readonly string[],
  where: "path" | "system",
  wanted: readonly number[] | undefined,
): Generator<Candidate> {
  for (const folder of folders) {
    if (existsSync(`${folder}/../pyvenv.cfg`)) continue;
    for (const { name, release } of pythonNames(folder, wanted)) {
      yield { path: `${folder}/${name}`, where, ...(release === undefined ? {} : { release }) };
    }
  }
}

function pythonNames(
  folder: string,
  wanted: readonly number[] | undefined,
): { name: string; release?: number[] }[] {
  const names = list(folder).flatMap((name): { name: string; release?: number[]; rank: number }[] => {
    const match = /^python(3(?:\.(\d+)t?)?)?(?:\.exe)?$/.exec(name);
    if (match === null) return [];
    if (match[2] === undefined) return [{ name, rank: match[1] === undefined ? 901 : 900 }];
    const release = [3, Number(match[2])];
    const asked = wanted?.[1] === release[1];
    return [{ name, release, rank: asked ? 0 : 2000 - release[1]! }];
  });
  return names.sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
}

/**
 * The executable that a pyenv shim would start, found the way pyenv does: PYENV_VERSION, `.python-version` from the
 * project's folder up, the global `version` file. `undefined` when it would go on to the system's. `consulted` gets
 * the files that were looked for.
 */
export function resolvePyenvShim(
  name: string,
  env: SearchEnv,
  projectDir: string | undefined,
  consulted: string[],
): string | undefined {
  const root = pyenvRoot(env);
  for (const version of pyenvVersions(root, env, projectDir, consulted)) {
    const folder = pyenvVersionFolder(root, version);
    const path = `${root}/versions/${folder}/bin/${name}`;
    if (folder !== undefined && existsSync(path)) return path;
  }
  return undefined;
}

function pyenvVersions(
  root: string,
  env: SearchEnv,
  projectDir: string | undefined,
  consulted: string[],
): string[] {
  if (env["PYENV_VERSION"]) return env["PYENV_VERSION"].split(":");
  const files =
    projectDir === undefined ? [] : parents(projectDir).map((folder) => `${folder}/.python-version`);
  for (const path of [...files, `${root}/version`]) {
    consulted.push(path);
    const lines = readLines(path);
    if (lines.length > 0) return lines.flatMap((line) => line.split(/[\s:]+/));
  }
  return [];
}

/** pyenv takes `3.12` for the newest 3.12 that it has. */
export function pyenvVersionFolder(root: string, version: string): string | undefined {
  const wanted = version.replace(/^python-/, "");
  if (wanted === "" || wanted === "system" || /[/\\]/.test(wanted)) return undefined;
  if (existsSync(`${root}/versions/${wanted}`)) return wanted;
  return versionFolders(`${root}/versions`, /^(\d+\.\d+\.\d+)$/).find(({ name }) =>
    name.startsWith(`${wanted}.`),
  )?.name;
}

/** Whether a file is a script of pyenv's that chooses an interpreter by the folder it is started in. */
export function isShim(path: string): boolean {
  try {
    const file = openSync(realpathSync(path), "r");
    try {
      const head = new Uint8Array(512);
      const length = readSync(file, head, 0, head.length, 0);
      const text = new TextDecoder("latin1").decode(head.subarray(0, length));
      return text.startsWith("#!") && /\bpyenv["']?\s+exec\b/.test(text);
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}

/** A folder and all above it, the nearest first. */
export function parents(folder: string): string[] {
  const result: string[] = [];
  for (let current = folder; ; ) {
    result.push(current);
    const cut = current.lastIndexOf("/");
    if (cut < 0 || current === "/") return result;
    current = cut === 0 ? "/" : current.slice(0, cut);
    if (/^[A-Za-z]:$/.test(current)) return result;
  }
}

/** The lines of a small file of versions that say something: no comments, no blanks. */
export function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8")
      .slice(0, 65_536)
      .replace(/^\uFEFF/, "")
      .split(/\r?\n/)
      .map((line) => line.replace(/#.*/, "").trim())
      .filter((line) => line !== "");
  } catch {
    return [];
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
