/**
 * The settings that hold for one command, from their layers: flags, the project's `pyproject.toml`, `DX_PY_*`
 * variables, the user's own file, `UV_*` variables. What is resolved may depend on the first two and on variables, never on a user's file: a
 * lock must not depend on who makes it.
 */
import { Failure } from "../platform/errors.ts";
import type { PrereleaseMode, ResolutionMode } from "../resolver/request.ts";
import { userConfigPath } from "./environment-question.ts";
import { badSetting, listed, oneOf, SettingFailure } from "./setting-checks.ts";
import { parseKeyPath, placeFailure, readTomlFile } from "./toml-document.ts";
import {
  FORK_STRATEGY,
  LINK_MODE,
  PRERELEASE,
  RESOLUTION,
  readSettingsTable,
  type ToolSettings,
} from "./tool-settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;
export type LinkMode = (typeof LINK_MODE)[number];
export type ForkStrategy = (typeof FORK_STRATEGY)[number];

/** What the command line says about settings; absent: nothing. */
export interface SettingFlags {
  python?: string;
  offline?: boolean;
  defaultIndex?: string;
  /** `URL` or `NAME=URL`, the first preferred. */
  indexes?: readonly string[];
  findLinks?: readonly string[];
  noIndex?: boolean;
  indexStrategy?: "first-index" | "unsafe-first-match" | "unsafe-best-match";
  refresh?: boolean;
  refreshPackages?: readonly string[];
  prerelease?: PrereleaseMode;
  resolution?: ResolutionMode;
  forkStrategy?: ForkStrategy;
  excludeNewer?: string;
  noBinary?: boolean;
  noBinaryPackages?: readonly string[];
  noBuild?: boolean;
  noBuildPackages?: readonly string[];
  linkMode?: LinkMode;
  sandbox?: boolean;
  compileBytecode?: boolean;
}

/** The user's own file: `DX_PY_CONFIG`, else `$XDG_CONFIG_HOME/dx-py/config.toml`, else `~/.config/…`. */
export interface UserConfig {
  path: string;
  settings: ToolSettings;
}

/** Keys that a user's own file may hold: where packages come from and how they are put on disk, not which. */
export const USER_KEYS = [
  "offline",
  "index",
  "index-url",
  "extra-index-url",
  "find-links",
  "no-index",
  "index-strategy",
  "link-mode",
  "compile-bytecode",
  "real-paths",
  "config-settings",
  "config-settings-package",
  "sandbox",
  "cache",
  "store",
];

export async function readUserConfig(env: Environment): Promise<UserConfig | undefined> {
  const path = userConfigPath(env);
  if (path === undefined) return undefined;
  const document = await readTomlFile(path);
  if (document === undefined) {
    if (env["DX_PY_CONFIG"] === undefined) return undefined;
    throw new Failure("DXPY_NO_CONFIG", `DX_PY_CONFIG names ${path}, which does not exist`, {
      context: { path },
      exitCode: 2,
    });
  }
  try {
    const settings = readSettingsTable(document.table);
    const foreign = Object.keys(settings).find((key) => !USER_KEYS.includes(key));
    if (foreign !== undefined) {
      throw badSetting(
        foreign,
        "belongs into a project's pyproject.toml: what is locked must not depend on who locks it",
      );
    }
    return { path, settings };
  } catch (error) {
    if (error instanceof SettingFailure) throw await placeFailure(error, document, parseKeyPath(error.at));
    throw error;
  }
}

/** Settings that say what a resolution may choose. */
export interface ResolutionSettings {
  prerelease: PrereleaseMode;
  resolution: ResolutionMode;
  forkStrategy: ForkStrategy;
  /** As written: a span stays a span. */
  excludeNewer: string | undefined;
  noBinary: string[] | "all";
  noBuild: string[] | "all";
}

/**
 * Flags, then the project, then variables. `kept` are options that an existing lock was made with: they hold where no
 * flag and no setting says otherwise, so that `install` does not undo `lock --resolution lowest`.
 */
export function resolutionSettings(
  flags: SettingFlags,
  project: ToolSettings,
  env: Environment,
  kept: Readonly<Record<string, string>> = {},
): ResolutionSettings {
  const text = (key: string): string | undefined => {
    const name = key.replaceAll("-", "_").toUpperCase();
    return env[`DX_PY_${name}`] || env[`UV_${name}`] || kept[key];
  };
  const choice = <const T extends string>(key: string, choices: readonly T[]): T | undefined => {
    const value = text(key);
    return value === undefined ? undefined : oneOf(...choices)(value, variableName(key, env));
  };
  return {
    prerelease:
      flags.prerelease ??
      project.prerelease ??
      choice("prerelease", PRERELEASE) ??
      "if-necessary-or-explicit",
    resolution: flags.resolution ?? project.resolution ?? choice("resolution", RESOLUTION) ?? "highest",
    forkStrategy:
      flags.forkStrategy ??
      project["fork-strategy"] ??
      choice("fork-strategy", FORK_STRATEGY) ??
      "requires-python",
    excludeNewer: flags.excludeNewer ?? project["exclude-newer"] ?? text("exclude-newer"),
    noBinary: packagesOrAll(
      flags.noBinary ?? project["no-binary"] ?? isTrue(text("no-binary")),
      flags.noBinaryPackages,
      project["no-binary-package"],
      text("no-binary-package"),
    ),
    noBuild: packagesOrAll(
      flags.noBuild ?? project["no-build"] ?? isTrue(text("no-build")),
      flags.noBuildPackages,
      project["no-build-package"],
      text("no-build-package"),
    ),
  };
}

/** The options to write into a lock: those that differ from what its project says by itself. */
export function optionsToKeep(settings: ResolutionSettings, project: ToolSettings): Record<string, string> {
  const own = resolutionSettings({}, project, {});
  const options: Record<string, string> = {};
  if (settings.prerelease !== own.prerelease) options["prerelease"] = settings.prerelease;
  if (settings.resolution !== own.resolution) options["resolution"] = settings.resolution;
  if (settings.forkStrategy !== own.forkStrategy) options["fork-strategy"] = settings.forkStrategy;
  if (settings.excludeNewer !== own.excludeNewer) options["exclude-newer"] = settings.excludeNewer ?? "";
  for (const key of ["noBinary", "noBuild"] as const) {
    const [value, plain] = [settings[key], own[key]];
    if (String(value) === String(plain)) continue;
    const name = key === "noBinary" ? "no-binary" : "no-build";
    if (value === "all") options[name] = "true";
    else options[`${name}-package`] = value.join(" ");
  }
  return options;
}

/** `--offline`, `offline` in a file, `DX_PY_OFFLINE`, `UV_OFFLINE`. */
export function isOffline(
  flags: SettingFlags,
  project: ToolSettings,
  user: UserConfig | undefined,
  env: Environment,
): boolean {
  const layers = [
    flags.offline,
    project.offline,
    isTrue(env["DX_PY_OFFLINE"]),
    user?.settings.offline,
    isTrue(env["UV_OFFLINE"]),
  ];
  return layers.find((layer) => layer !== undefined) ?? false;
}

export function linkModeOf(
  flags: SettingFlags,
  project: ToolSettings,
  user: UserConfig | undefined,
  env: Environment,
): LinkMode {
  const variable = env["DX_PY_LINK_MODE"];
  const named = variable ? oneOf(...LINK_MODE)(variable, "DX_PY_LINK_MODE") : undefined;
  return flags.linkMode ?? project["link-mode"] ?? named ?? user?.settings["link-mode"] ?? "layout";
}

export function isTrue(text: string | undefined): boolean | undefined {
  if (text === undefined || text === "") return undefined;
  return !/^(0|false|no|off|n|f)$/i.test(text);
}

function packagesOrAll(
  all: boolean | undefined,
  flags: readonly string[] | undefined,
  project: readonly string[] | undefined,
  variable: string | undefined,
): string[] | "all" {
  if (all === true) return "all";
  const names = flags?.length
    ? flags
    : (project ?? variable?.split(/[\s,]+/).filter((name) => name !== "") ?? []);
  if (names.includes(":all:")) return "all";
  return [...new Set(names.map((name) => name.toLowerCase().replace(/[-_.]+/g, "-")))].sort();
}

function variableName(key: string, env: Environment): string {
  const name = key.replaceAll("-", "_").toUpperCase();
  return env[`DX_PY_${name}`] ? `DX_PY_${name}` : env[`UV_${name}`] ? `UV_${name}` : key;
}

/** For messages about wrong values of flags. */
export function choicesText(choices: readonly string[]): string {
  return listed(choices);
}
