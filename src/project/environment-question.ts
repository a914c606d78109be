/**
 * What is asked for when an environment is asked for, in one canonical spelling: the same on the warm path, which must
 * not read a settings file, and on the slow one, which answers it. Imports nothing that costs time to load.
 */
import { readFileSync } from "node:fs";

/** What of the lock is to be installed, as the command line says it. */
export interface SelectionRequest {
  extras: readonly string[];
  allExtras: boolean;
  noExtras: readonly string[];
  groups: readonly string[];
  noGroups: readonly string[];
  /** These and nothing else. */
  onlyGroups: readonly string[];
  allGroups: boolean;
  noDefaultGroups: boolean;
  /** Members of the workspace to install for. */
  packages: readonly string[];
  allPackages: boolean;
  noProject: boolean;
}

export const WHOLE_DEFAULT: SelectionRequest = {
  extras: [],
  allExtras: false,
  noExtras: [],
  groups: [],
  noGroups: [],
  onlyGroups: [],
  allGroups: false,
  noDefaultGroups: false,
  packages: [],
  allPackages: false,
  noProject: false,
};

/** `member`: the folder of the project within the workspace, relative to its root; empty for the root itself. */
export function selectionText(request: SelectionRequest, member: string): string {
  if (request === WHOLE_DEFAULT) return member;
  const list = (names: readonly string[]) => [...names].sort().join(",");
  const parts = [
    list(request.extras),
    request.allExtras ? "all" : "",
    list(request.noExtras),
    list(request.groups),
    list(request.noGroups),
    list(request.onlyGroups),
    request.allGroups ? "all" : "",
    request.noDefaultGroups ? "none" : "",
    list(request.packages),
    request.allPackages ? "all" : "",
    request.noProject ? "none" : "",
  ];
  return parts.every((part) => part === "") ? member : `${member};${parts.join(";")}`;
}

export interface SettingsFacts {
  linkMode?: string | undefined;
  /** Absolute folders of the projects whose settings hold: the lock's, and the member's. */
  folders: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
}

/** Everything beside the lock that decides how a layout is made: the files that settings stand in, and variables. */
export function settingsText({ linkMode, folders, env }: SettingsFacts): string {
  const config = readTextFile(userConfigPath(env));
  const parts = [linkMode ?? "", env["DX_PY_LINK_MODE"] ?? ""];
  for (const folder of folders) {
    const text = readTextFile(`${folder}/pyproject.toml`);
    parts.push(text === undefined ? "" : new Bun.CryptoHasher("sha256").update(text).digest("hex"));
  }
  const variables = ["NO_BINARY", "NO_BINARY_PACKAGE", "NO_BUILD", "NO_BUILD_PACKAGE"];
  for (const name of variables) parts.push(env[`DX_PY_${name}`] ?? "", env[`UV_${name}`] ?? "");
  return `${parts.join(";")}\n${config ?? ""}`;
}

/** Settings of a resolution that variables may give, by the end of their names. */
const RESOLUTION_VARIABLES = [
  "PRERELEASE",
  "RESOLUTION",
  "FORK_STRATEGY",
  "EXCLUDE_NEWER",
  "NO_BINARY",
  "NO_BINARY_PACKAGE",
  "NO_BUILD",
  "NO_BUILD_PACKAGE",
];

/** Whether a variable bears on what is resolved: then only resolving's own settings can say that a lock is fresh. */
export function hasResolutionVariables(env: Readonly<Record<string, string | undefined>>): boolean {
  return RESOLUTION_VARIABLES.some((name) => env[`DX_PY_${name}`] || env[`UV_${name}`]);
}

/** `DX_PY_CONFIG` (empty: none), else `config.toml` in the user's configuration folder. */
export function userConfigPath(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const named = env["DX_PY_CONFIG"];
  if (named !== undefined) return named === "" ? undefined : named;
  const folder = env["XDG_CONFIG_HOME"] || (env["HOME"] ? `${env["HOME"]}/.config` : undefined);
  return folder === undefined ? undefined : `${folder}/dx-py/config.toml`;
}

function readTextFile(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
