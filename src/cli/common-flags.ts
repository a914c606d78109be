/** The options that every command takes, and how they become settings. */
import type { FlagParametersForType } from "@stricli/core";
import type { SettingFlags } from "../project/settings.ts";
import {
  FORK_STRATEGY,
  INDEX_STRATEGY,
  LINK_MODE,
  PRERELEASE,
  RESOLUTION,
} from "../project/tool-settings.ts";
import type { CliContext } from "./context.ts";

/** Options about the program itself. */
export interface GeneralFlags {
  project?: string;
  quiet?: boolean;
  verbose?: boolean;
  json?: boolean;
  color?: "auto" | "always" | "never";
  offline?: boolean;
}

/** Options of commands that look for packages. */
export interface PackageFlags {
  python?: string;
  defaultIndex?: string;
  index: string[];
  findLinks: string[];
  noIndex?: boolean;
  indexStrategy?: (typeof INDEX_STRATEGY)[number];
  refresh?: boolean;
  refreshPackage: string[];
  prerelease?: (typeof PRERELEASE)[number];
  resolution?: (typeof RESOLUTION)[number];
  forkStrategy?: (typeof FORK_STRATEGY)[number];
  excludeNewer?: string;
  noBinary?: boolean;
  noBinaryPackage: string[];
  noBuild?: boolean;
  noBuildPackage: string[];
  linkMode?: (typeof LINK_MODE)[number];
  sandbox?: boolean;
}

export type CommonFlags = GeneralFlags & PackageFlags;

type FlagTable<T> = FlagParametersForType<T, CliContext>;

const text = (brief: string, placeholder: string, hidden = false) =>
  ({ kind: "parsed", parse: String, optional: true, brief, placeholder, hidden }) as const;
const texts = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: String, variadic: true, default: [], brief, placeholder }) as const;
export const yes = (brief: string, hidden = false) =>
  ({ kind: "boolean", optional: true, withNegated: false, brief, hidden }) as const;
/** As Stricli's own says it, which would have to be loaded. */
export function numberParser(input: string): number {
  const value = Number(input);
  if (Number.isNaN(value)) throw new SyntaxError(`Cannot convert ${input} to a number`);
  return value;
}
export const oneText = text;
export const manyTexts = texts;

export const GENERAL: FlagTable<GeneralFlags> = {
  project: text("Folder of the project (default: the current one, and upward)", "DIR"),
  offline: yes("Open no connection; what is missing is named"),
  quiet: yes("Say errors only"),
  verbose: yes("Say more: what was found where, and how long it took"),
  json: yes("Give the result as JSON on stdout"),
  color: { kind: "enum", values: ["auto", "always", "never"], optional: true, brief: "Colours" },
};

export const PACKAGES: FlagTable<PackageFlags> = {
  python: text("Interpreter: a path, a version (3.12, >=3.11) or a name", "PYTHON"),
  defaultIndex: text("URL of the index to use in place of the default", "URL"),
  index: texts("URL (or NAME=URL) of an index to ask before the default", "URL"),
  findLinks: texts("Folder or page with distributions to consider too", "PLACE"),
  noIndex: yes("Ask no index, only --find-links"),
  indexStrategy: {
    kind: "enum",
    values: INDEX_STRATEGY,
    optional: true,
    brief: "How several indexes count",
  },
  refresh: yes("Ask the indexes again, whatever the cache says"),
  refreshPackage: texts("The same for one package", "NAME"),
  prerelease: { kind: "enum", values: PRERELEASE, optional: true, brief: "When pre-releases are chosen" },
  resolution: { kind: "enum", values: RESOLUTION, optional: true, brief: "Which versions are preferred" },
  forkStrategy: {
    kind: "enum",
    values: FORK_STRATEGY,
    optional: true,
    brief: "Newest for each Python, or fewest versions",
  },
  excludeNewer: text("Ignore files uploaded after this moment (2026-01-31, 30 days)", "WHEN"),
  noBinary: yes("Use no wheel: build every package"),
  noBinaryPackage: texts("Build this package, whatever wheels there are", "NAME"),
  noBuild: yes("Build nothing"),
  noBuildPackage: texts("Never build this package", "NAME"),
  linkMode: { kind: "enum", values: LINK_MODE, optional: true, brief: "How layouts are put together" },
  sandbox: yes("Build without network, and with all but the build's own folder read-only"),
};

export const COMMON: FlagTable<CommonFlags> = { ...GENERAL, ...PACKAGES };

export const COMMON_ALIASES = { q: "quiet", v: "verbose", p: "python" } as const;
export const GENERAL_ALIASES = { q: "quiet", v: "verbose" } as const;

/** Options that take a value, with their dashes: to find where an option before the command ends. */
export const VALUE_OPTIONS: ReadonlySet<string> = new Set([
  "-p",
  ...Object.entries(COMMON).flatMap(([name, flag]) => (flag.kind === "boolean" ? [] : [dashed(name)])),
]);

export function dashed(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Options that are settings of the same name. */
const PLAIN = [
  ...["python", "offline", "defaultIndex", "noIndex", "indexStrategy", "refresh", "prerelease", "resolution"],
  ...["forkStrategy", "excludeNewer", "noBinary", "noBuild", "linkMode", "sandbox"],
] as readonly (keyof SettingFlags & keyof CommonFlags)[];

export function settingFlags(flags: CommonFlags): SettingFlags {
  const given = PLAIN.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]]);
  return {
    ...(Object.fromEntries(given) as SettingFlags),
    indexes: flags.index,
    findLinks: flags.findLinks,
    refreshPackages: flags.refreshPackage,
    noBinaryPackages: flags.noBinaryPackage,
    noBuildPackages: flags.noBuildPackage,
  };
}
