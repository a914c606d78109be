/**
 * The settings that a project declares, under `[tool.dx-py]`; a key that is absent there is taken from `[tool.uv]`,
 * so that a project which uses uv works as it is.
 */

import { parseRequirement } from "../standards/requirements.ts";
import { tryParseVersion } from "../standards/version.ts";
import { type CacheEntry, cacheEntry, type StoreEntry, storeEntry } from "./cache-entry.ts";
import {
  boolean,
  type Check,
  listOf,
  mapOf,
  nearest,
  oneOf,
  oneOrMore,
  SettingFailure,
  string,
  table,
  tableOf,
  unknownKey,
} from "./setting-checks.ts";

export interface IndexEntry {
  name?: string;
  url: string;
  explicit?: boolean;
  default?: boolean;
  format?: "simple" | "flat";
}

export interface ConflictEntry {
  package?: string;
  extra?: string;
  group?: string;
}

/** An entry of `dependency-metadata`; without a version it is for every one. */
export interface MetadataEntry {
  name: string;
  version?: string;
  "requires-dist"?: string[];
  "requires-python"?: string;
  "provides-extra"?: string[];
  "provides-extras"?: string[];
}

/** An entry of `sources`, as written. */
export interface SourceEntry {
  git?: string;
  rev?: string;
  tag?: string;
  branch?: string;
  lfs?: boolean;
  url?: string;
  path?: string;
  subdirectory?: string;
  editable?: boolean;
  package?: boolean;
  workspace?: boolean;
  index?: string;
  marker?: string;
  extra?: string;
  group?: string;
}

export interface ToolSettings {
  managed?: boolean;
  package?: boolean;
  "dev-dependencies"?: string[];
  "default-groups"?: string[] | "all";
  "dependency-groups"?: Record<string, { "requires-python"?: string }>;
  "constraint-dependencies"?: string[];
  "override-dependencies"?: string[];
  "exclude-dependencies"?: string[];
  "dependency-metadata"?: MetadataEntry[];
  "build-constraint-dependencies"?: string[];
  environments?: string[];
  "required-environments"?: string[];
  conflicts?: ConflictEntry[][];
  prerelease?: (typeof PRERELEASE)[number];
  resolution?: (typeof RESOLUTION)[number];
  "fork-strategy"?: (typeof FORK_STRATEGY)[number];
  "exclude-newer"?: string;
  "exclude-newer-package"?: Record<string, string | false>;
  index?: IndexEntry[];
  "index-url"?: string;
  "extra-index-url"?: string[];
  "find-links"?: string[];
  "no-index"?: boolean;
  "index-strategy"?: (typeof INDEX_STRATEGY)[number];
  offline?: boolean;
  sources?: Record<string, SourceEntry[]>;
  "no-sources"?: boolean;
  workspace?: { members?: string[]; exclude?: string[] };
  "link-mode"?: (typeof LINK_MODE)[number];
  "compile-bytecode"?: boolean;
  "real-paths"?: string[];
  "no-binary"?: boolean;
  "no-binary-package"?: string[];
  "no-build"?: boolean;
  "no-build-package"?: string[];
  "no-build-isolation"?: boolean;
  "no-build-isolation-package"?: string[];
  /** Requirements that the build of a package needs and does not state, by package. */
  "extra-build-dependencies"?: Record<string, string[]>;
  /** Variables that the build of a package sees, by package. */
  "extra-build-variables"?: Record<string, Record<string, string>>;
  /** Builds have no network and write only into their own folders. */
  sandbox?: boolean;
  "config-settings"?: Record<string, string | string[]>;
  "config-settings-package"?: Record<string, Record<string, string | string[]>>;
  upgrade?: boolean;
  "upgrade-package"?: string[];
  cache?: CacheEntry[];
  store?: StoreEntry;
}

export const PRERELEASE = [
  "if-necessary-or-explicit",
  "if-necessary",
  "explicit",
  "allow",
  "disallow",
] as const;
export const RESOLUTION = ["highest", "lowest", "lowest-direct"] as const;
export const FORK_STRATEGY = ["requires-python", "fewest"] as const;
export const INDEX_STRATEGY = ["first-index", "unsafe-first-match", "unsafe-best-match"] as const;
/**
 * `layout` (the default): a shared layout that links to whole directories. The others make an environment of the project's
 * own, file by file.
 */
export const LINK_MODE = ["layout", "symlink", "hardlink", "clone", "copy"] as const;

const configSettings = mapOf<string | string[]>((value, at) =>
  Array.isArray(value) ? listOf(string)(value, at) : scalar(value, at),
);

function scalar(value: unknown, at: string): string {
  return typeof value === "boolean" || typeof value === "number" ? String(value) : string(value, at);
}

/** A requirement, or uv's table of one. That it may follow the version that the project itself gets is not supported. */
function extraRequirement(value: unknown, at: string): string {
  if (typeof value === "string") return value;
  const { requirement, "match-runtime": matched } = tableOf<{
    requirement: string;
    "match-runtime": boolean;
  }>({
    requirement: string,
    "match-runtime": boolean,
  })(value, at);
  if (requirement === undefined) throw new SettingFailure(at, "must have a `requirement`");
  if (matched === true)
    throw new SettingFailure(
      `${at}.match-runtime`,
      "is not supported: state the version that the build needs",
    );
  return requirement;
}

const index: Check<IndexEntry> = (value, at) => {
  const entry = tableOf<Required<IndexEntry>>({
    name: string,
    url: string,
    explicit: boolean,
    default: boolean,
    format: oneOf("simple", "flat"),
  })(withoutKeys(table(value, at), INDEX_KEYS_WITHOUT_EFFECT), at);
  if (entry.url === undefined) throw new SettingFailure(at, "must have a `url`");
  return { ...entry, url: entry.url };
};

const INDEX_KEYS_WITHOUT_EFFECT = ["publish-url", "authenticate", "ignore-error-codes", "cache-control"];

const source: Check<SourceEntry> = tableOf<Required<SourceEntry>>({
  git: string,
  rev: string,
  tag: string,
  branch: string,
  lfs: boolean,
  url: string,
  path: string,
  subdirectory: string,
  editable: boolean,
  package: boolean,
  workspace: boolean,
  index: string,
  marker: string,
  extra: string,
  group: string,
});

const versionText: Check<string> = (value, at) => {
  const text = string(value, at);
  if (tryParseVersion(text) === undefined) throw new SettingFailure(at, `is not a version: "${text}"`);
  return text;
};

const requirementText: Check<string> = (value, at) => {
  const text = string(value, at);
  try {
    parseRequirement(text);
  } catch (error) {
    throw new SettingFailure(
      at,
      `is not a valid requirement: ${error instanceof Error ? error.message : text}`,
    );
  }
  return text;
};

const stated: Check<MetadataEntry> = (value, at) => {
  const entry = tableOf<Required<MetadataEntry>>({
    name: string,
    version: versionText,
    "requires-dist": listOf(requirementText),
    "requires-python": string,
    "provides-extra": listOf(string),
    "provides-extras": listOf(string),
  })(value, at);
  if (entry.name === undefined) throw new SettingFailure(at, "must have a `name`");
  return { ...entry, name: entry.name };
};

const CHECKS: { readonly [K in keyof Required<ToolSettings>]: Check<NonNullable<ToolSettings[K]>> } = {
  managed: boolean,
  package: boolean,
  "dev-dependencies": listOf(string),
  "default-groups": (value, at) => (value === "all" ? "all" : listOf(string)(value, at)),
  "dependency-groups": mapOf(tableOf<{ "requires-python": string }>({ "requires-python": string })),
  "constraint-dependencies": listOf(string),
  "override-dependencies": listOf(string),
  "exclude-dependencies": listOf(string),
  "dependency-metadata": listOf(stated),
  "build-constraint-dependencies": listOf(string),
  environments: oneOrMore(string),
  "required-environments": oneOrMore(string),
  conflicts: listOf(
    listOf(tableOf<Required<ConflictEntry>>({ package: string, extra: string, group: string })),
  ),
  prerelease: oneOf(...PRERELEASE),
  resolution: oneOf(...RESOLUTION),
  "fork-strategy": oneOf(...FORK_STRATEGY),
  "exclude-newer": (value, at) => dateText(value, at),
  "exclude-newer-package": mapOf<string | false>((value, at) =>
    value === false ? false : dateText(value, at),
  ),
  index: listOf(index),
  "index-url": string,
  "extra-index-url": oneOrMore(string),
  "find-links": oneOrMore(string),
  "no-index": boolean,
  "index-strategy": oneOf(...INDEX_STRATEGY),
  offline: boolean,
  sources: mapOf(oneOrMore(source)),
  "no-sources": boolean,
  workspace: tableOf<{ members: string[]; exclude: string[] }>({
    members: listOf(string),
    exclude: listOf(string),
  }),
  "link-mode": oneOf(...LINK_MODE),
  "compile-bytecode": boolean,
  "real-paths": listOf(string),
  "no-binary": boolean,
  "no-binary-package": listOf(string),
  "no-build": boolean,
  "no-build-package": listOf(string),
  "no-build-isolation": boolean,
  "no-build-isolation-package": listOf(string),
  "extra-build-dependencies": mapOf(listOf(extraRequirement)),
  "extra-build-variables": mapOf(mapOf(string)),
  sandbox: boolean,
  "config-settings": configSettings,
  "config-settings-package": mapOf(configSettings),
  upgrade: boolean,
  "upgrade-package": listOf(string),
  cache: listOf(cacheEntry),
  store: storeEntry,
};

/** Every key, for the documentation. */
export const SETTING_KEYS = Object.keys(CHECKS);

/** Settings of uv that change what is resolved or installed and that dx-py does not know: said, not passed over. */
export const UV_ONLY = ["torch-backend", "no-sources-package"];

/** Settings of uv that hold for uv's own workings and mean nothing here. */
const UV_ITS_OWN = [
  "add-bounds",
  "allow-insecure-host",
  "build-backend",
  "cache-dir",
  "cache-keys",
  "check-url",
  "concurrent-builds",
  "concurrent-downloads",
  "concurrent-installs",
  "http-proxy",
  "https-proxy",
  "keyring-provider",
  "native-tls",
  "system-certs",
  "no-cache",
  "no-proxy",
  "no-system-config",
  "pip",
  "preview",
  "preview-features",
  "publish-url",
  "pypy-install-mirror",
  "python-downloads",
  "python-downloads-json-url",
  "python-install-mirror",
  "python-preference",
  "reinstall",
  "reinstall-package",
  "required-version",
  "trusted-publishing",
  "audit",
  "exclude-newer-span",
];

/** What `[tool.dx-py]` (and for absent keys `[tool.uv]`) of a document say. Throws `SettingFailure`. */
export function readToolSettings(
  document: Readonly<Record<string, unknown>>,
  warn: (message: string) => void,
): ToolSettings {
  const tool = document["tool"] === undefined ? {} : table(document["tool"], "tool");
  const own = tool["dx-py"] === undefined ? {} : table(tool["dx-py"], "tool.dx-py");
  const foreign = tool["uv"] === undefined ? {} : table(tool["uv"], "tool.uv");
  const settings = readTable(own, "tool.dx-py", (key, at) => {
    throw unknownKey(at, key, Object.keys(CHECKS));
  });
  const rest = withoutKeys(foreign, Object.keys(settings));
  const uv = readTable(rest, "tool.uv", (key, at) => {
    if (UV_ITS_OWN.includes(key)) return;
    if (UV_ONLY.includes(key)) warn(`\`${at}\` is a setting of uv that dx-py does not have: it is ignored`);
    else {
      const near = nearest(key, Object.keys(CHECKS));
      warn(
        `\`${at}\` is not a setting that dx-py knows${near === undefined ? "" : ` (did you mean \`${near}\`?)`}: it is ignored`,
      );
    }
  });
  // uv installs with hardlinks unless told otherwise; what it was told is about its own cache, not about layouts.
  if (own["link-mode"] === undefined) delete uv["link-mode"];
  return { ...uv, ...settings };
}

/** Settings of a file whose top level holds the keys (`config.toml`). */
export function readSettingsTable(values: Readonly<Record<string, unknown>>): ToolSettings {
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    if (!Object.hasOwn(CHECKS, key)) throw unknownKey(key, key, Object.keys(CHECKS));
    settings[key] = (CHECKS[key as keyof ToolSettings] as Check<unknown>)(value, key);
  }
  return settings as ToolSettings;
}

function readTable(
  values: Readonly<Record<string, unknown>>,
  at: string,
  unknown: (key: string, at: string) => void,
): ToolSettings {
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    if (!Object.hasOwn(CHECKS, key)) unknown(key, `${at}.${key}`);
    else settings[key] = (CHECKS[key as keyof ToolSettings] as Check<unknown>)(value, `${at}.${key}`);
  }
  return settings as ToolSettings;
}

function withoutKeys(
  values: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !keys.includes(key)));
}

/** A TOML date, or the string that names a moment or a span: kept as text. */
function dateText(value: unknown, at: string): string {
  if (typeof value === "object" && value !== null && /^\d{4}-\d\d-\d\d/.test(String(value)))
    return String(value);
  return string(value, at);
}
