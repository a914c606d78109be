/**
 * The alias key is a hash of all that decides an environment, known before anything is resolved, found or built. The slow
 * path writes under it what it came to; the warm path looks there first. SHA-256 and not BLAKE3, because it is native: the
 * first BLAKE3 in JavaScript, with its module, takes 0.7 ms, a fifth of a whole warm run.
 */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { BUILD_IDENTITY } from "../platform/build-identity.ts";
import { bearingVariables } from "./bearing-variables.ts";

export interface AliasFacts {
  /** Absolute. */
  projectDir: string;
  /** 32 bytes: `Dpl.digest`. */
  lockDigest: Uint8Array;
  /** What `--python` said. */
  python?: string | undefined;
  /** The flags that select extras, groups and packages, in one canonical spelling of the caller's. */
  selection: string;
  /** Everything else of the caller's that bears on the layout: link mode, real paths, builds; canonical as well. */
  settings: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** Variables that bear on which interpreter is found, when nothing names one. */
const SEARCHED = [
  "PATH",
  "Path",
  "HOME",
  "PYENV_ROOT",
  "PYENV_VERSION",
  "UV_PYTHON_INSTALL_DIR",
  "XDG_DATA_HOME",
  "APPDATA",
];

/**
 * 32 bytes each. `shared`: where nothing in the layout belongs to the project itself, so that a second clone of it
 * finds the first one's. `own`: with the project's path.
 */
export function aliasKeys(facts: AliasFacts): { own: Uint8Array; shared: Uint8Array } {
  const hasher = begun(facts);
  const own = hasher.copy();
  return {
    own: digestOf(own.update(`project ${facts.projectDir}`)),
    shared: digestOf(hasher.update("any project")),
  };
}

/**
 * 64 hex digits: what is asked, wherever the checkout is that it is asked in. More than the alias keys it takes in what bears on how a
 * project of one's own is built: variables, and which dx-py it is.
 */
export function checkoutKey(facts: AliasFacts): string {
  const variables = bearingVariables(facts.env).sort();
  return begun(facts)
    .update(`any checkout ${JSON.stringify([BUILD_IDENTITY ?? "", variables])}`)
    .digest("hex");
}

function begun(facts: AliasFacts): Bun.CryptoHasher {
  const hasher = new Bun.CryptoHasher("sha256");
  // Lengths before texts: no two lists of texts give the same bytes.
  for (const text of [question(facts), facts.selection, facts.settings])
    hasher.update(`${text.length}:${text};`);
  return hasher.update(facts.lockDigest);
}

function digestOf(hasher: Bun.CryptoHasher): Uint8Array {
  return new Uint8Array(hasher.digest());
}

/** What is asked of the search for an interpreter, in the order of interpreters/find.ts, and what it would look at. */
function question(facts: AliasFacts): string {
  const { env } = facts;
  const asked = facts.python || env["DX_PY_PYTHON"] || env["UV_PYTHON"];
  if (asked && /[/\\]/.test(asked)) return `path ${realPath(asked)}`;
  const searched = SEARCHED.map((name) => env[name] ?? "").join("\0");
  return `${asked ? `named ${asked}` : `file ${versionFiles(facts.projectDir, env["HOME"])}`}\0${searched}`;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/**
 * Contents of the version files that may hold for the folder, from there up, by how far up they are: in a second clone they say the same.
 * What may be a path is one from there.
 */
function versionFiles(projectDir: string, userHome: string | undefined): string {
  let found = "";
  for (const [at, path] of versionFilePlaces(projectDir, userHome).files.entries()) {
    if (!exists(path)) continue;
    const text = readFileSync(path, "utf8").slice(0, 4096);
    found += `${/[/\\]/.test(text) ? path : at}\0${text}\0`;
  }
  return found;
}

/** Where version files may be that hold for a folder; and what ends the search upwards, or would: the top of a repository. */
export function versionFilePlaces(
  projectDir: string,
  userHome: string | undefined,
): { files: string[]; ends: string[] } {
  const files: string[] = [];
  const ends: string[] = [];
  for (let folder = projectDir; folder !== ""; folder = folder.slice(0, folder.lastIndexOf("/"))) {
    files.push(`${folder}/.python-version`, `${folder}/.python-versions`);
    if (folder === userHome) break;
    ends.push(`${folder}/.git`);
    if (exists(`${folder}/.git`)) break;
  }
  return { files, ends };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
