import { isAbsolute, resolve } from "node:path";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { userFolder } from "../platform/home.ts";
import { readPipConfig } from "./pip-config.ts";

/** Where packages come from. URLs may hold credentials here; nothing else in this room keeps them. */
export interface IndexSettings {
  /** In order of preference; the default index (`default`) last. */
  indexes: readonly IndexLocation[];
  /** URLs of HTML pages, or absolute folders. */
  findLinks: readonly string[];
  noIndex: boolean;
  strategy: IndexStrategy;
  /** Nothing opens a socket; cached pages are used whatever their age. */
  offline: boolean;
  /** Revalidate everything, or these projects (normalised names), whatever the cache says. */
  refresh: true | readonly string[] | false;
  /** A file of certificates to trust, where pip names one and SSL_CERT_FILE does not. */
  certificates?: string;
  /** pip's `proxy`; the proxy variables are honoured in any case. */
  proxy?: string;
}

/**
 * `first-index`: a project comes from the first index that has it. The others take it from all of them, each version
 * from the first that has it: `unsafe-first-match` prefers whatever the first index has that fits, `unsafe-best-match`
 * the best version wherever it is.
 */
export type IndexStrategy = "first-index" | "unsafe-first-match" | "unsafe-best-match";

export interface IndexLocation {
  name?: string;
  /** `https://…/simple` (PEP 503), `file://…`; a folder is a `file://` URL here. No closing slash. */
  url: string;
  /** Used only for packages that are pinned to it. */
  explicit?: boolean;
  default?: boolean;
  /** `flat`: one page or folder of files for all projects, as find-links. Default `simple`. */
  format?: "simple" | "flat";
  /** Where it was said, for messages: `--index-url`, `pip.conf (…)`. */
  origin?: string;
}

/** What one layer says: flags, `pyproject.toml`, a config file. */
export interface IndexOptions {
  /** `name=url` or a URL is made an `IndexLocation` by `parseIndex`. */
  indexes?: readonly IndexLocation[];
  findLinks?: readonly string[];
  noIndex?: boolean;
  strategy?: string;
  /** What relative paths are relative to. Default: the working folder. */
  folder?: string;
}

export interface IndexSettingsInput {
  flags?: IndexOptions;
  pyproject?: IndexOptions;
  /** dx-py's own config file, parsed. */
  configFile?: IndexOptions;
  env: Readonly<Record<string, string | undefined>>;
  /** The interpreter that is locked for: its pip's default index and its prefix's `pip.conf`. */
  interpreter?: { basePrefix: string; defaultIndex?: string };
  /** A default index for interpreters without pip: `rememberedDefaultIndex`. */
  fallbackIndex?: string;
  home?: Home;
  offline?: boolean;
  refresh?: IndexSettings["refresh"];
  warn?: (message: string) => void;
}

/**
 * Puts the layers together: flags, `pyproject.toml`, DX_PY_* variables, dx-py's config file, UV_* variables, PIP_*
 * variables and `pip.conf`, the interpreter's pip. Indexes and find-links add up in this order, an index of a name
 * that was there before is left out; the default index, `noIndex` and the strategy are of the first that says one.
 * Failures: DXPY_BAD_INDEX_URL, DXPY_UNSUPPORTED_STRATEGY, DXPY_NO_DEFAULT_INDEX.
 */
export function resolveIndexSettings(input: IndexSettingsInput): IndexSettings {
  const { env } = input;
  const pip = readPipConfig(env, input.interpreter?.basePrefix, input.warn);
  const layers = [
    input.flags ?? {},
    input.pyproject ?? {},
    variables("DX_PY", env),
    input.configFile ?? {},
    variables("UV", env),
    pipLayer(pip),
  ];
  const indexes: IndexLocation[] = [];
  const findLinks: string[] = [];
  let fallback: IndexLocation | undefined;
  for (const layer of layers) {
    const folder = layer.folder ?? process.cwd();
    for (const location of layer.indexes ?? []) {
      const checked = checkLocation(location, folder);
      if (checked.default) fallback ??= checked;
      const known = indexes.some(
        ({ name, url }) => (name !== undefined && name === checked.name) || url === checked.url,
      );
      if (!checked.default && !known) indexes.push(checked);
    }
    findLinks.push(...(layer.findLinks ?? []).map((location) => findLinksLocation(location, folder)));
  }
  const noIndex = layers.find((layer) => layer.noIndex !== undefined)?.noIndex ?? false;
  if (fallback === undefined && !noIndex) fallback = defaultIndex(input);
  const certificates = env["SSL_CERT_FILE"] ? undefined : pip.get("cert")?.value;
  const proxy = pip.get("proxy")?.value;
  return {
    indexes: noIndex ? [] : fallback === undefined ? indexes : [...indexes, fallback],
    findLinks: [...new Set(findLinks)],
    noIndex,
    strategy: strategyOf(layers.find((layer) => layer.strategy !== undefined)?.strategy),
    offline: input.offline ?? (isTrue(env["DX_PY_OFFLINE"]) || isTrue(env["UV_OFFLINE"])),
    refresh: input.refresh ?? false,
    ...(certificates ? { certificates } : {}),
    ...(proxy ? { proxy } : {}),
  };
}

/** `name=https://…` or `https://…`, as `--index` and UV_INDEX have it. */
export function parseIndex(text: string, more: Omit<IndexLocation, "url" | "name"> = {}): IndexLocation {
  const named = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)$/.exec(text);
  return named === null ? { url: text, ...more } : { name: named[1]!, url: named[2]!, ...more };
}

function variables(prefix: "DX_PY" | "UV", env: IndexSettingsInput["env"]): IndexOptions {
  const words = (name: string, split = /\s+/) =>
    (env[`${prefix}_${name}`] ?? "").split(split).filter((word) => word !== "");
  const located = (name: string, more: Omit<IndexLocation, "url"> = {}) =>
    words(name).map((word) => parseIndex(word, { ...more, origin: `${prefix}_${name}` }));
  const indexes = [
    ...located("INDEX"),
    ...located("EXTRA_INDEX_URL"),
    ...located("DEFAULT_INDEX", { default: true }),
    ...located("INDEX_URL", { default: true }),
  ];
  const noIndex = env[`${prefix}_NO_INDEX`];
  const strategy = env[`${prefix}_INDEX_STRATEGY`];
  return {
    indexes,
    findLinks: words("FIND_LINKS", /[\s,]+/),
    ...(noIndex ? { noIndex: isTrue(noIndex) } : {}),
    ...(strategy ? { strategy } : {}),
  };
}

function pipLayer(pip: ReturnType<typeof readPipConfig>): IndexOptions {
  const words = (key: string) => {
    const said = pip.get(key);
    return said === undefined
      ? []
      : said.value
          .split(/\s+/)
          .filter(Boolean)
          .map((word) => ({ word, origin: said.origin }));
  };
  const indexes = [
    ...words("extra-index-url").map(({ word, origin }): IndexLocation => ({ url: word, origin })),
    ...words("index-url").map(({ word, origin }): IndexLocation => ({ url: word, default: true, origin })),
  ];
  const noIndex = pip.get("no-index")?.value;
  return {
    indexes,
    findLinks: words("find-links").map(({ word }) => word),
    ...(noIndex ? { noIndex: isTrue(noIndex) } : {}),
  };
}

function checkLocation(location: IndexLocation, folder: string): IndexLocation {
  const { origin = "the settings" } = location;
  const url = location.url.trim();
  if (/^(https?|file):\/\//i.test(url)) {
    try {
      new URL(url);
    } catch (error) {
      throw badUrl(origin, error);
    }
    return { ...location, url: url.replace(/\/+$/, "") };
  }
  // `C:\` is a folder, and `ftp://` is nothing that is spoken here.
  if (/^[a-z][a-z0-9+.-]+:/i.test(url)) throw badUrl(origin);
  return { ...location, url: Bun.pathToFileURL(localPath(url, folder)).href.replace(/\/+$/, "") };
}

function badUrl(origin: string, cause?: unknown): Failure {
  return new Failure(
    "DXPY_BAD_INDEX_URL",
    `${origin} names an index by what is not an http, https or file URL`,
    {
      cause,
      exitCode: 2,
    },
  );
}

function findLinksLocation(location: string, folder: string): string {
  if (/^https?:\/\//i.test(location)) return location;
  if (/^file:/i.test(location)) {
    try {
      return Bun.fileURLToPath(location);
    } catch (error) {
      throw badUrl("a find-links setting", error);
    }
  }
  return localPath(location, folder);
}

function localPath(path: string, folder: string): string {
  const expanded = path.startsWith("~/") ? `${userFolder(process.env)}/${path.slice(2)}` : path;
  return isAbsolute(expanded) ? expanded : resolve(folder, expanded);
}

function defaultIndex({ interpreter, fallbackIndex }: IndexSettingsInput): IndexLocation {
  const url = interpreter?.defaultIndex ?? fallbackIndex;
  if (url === undefined) {
    throw new Failure(
      "DXPY_NO_DEFAULT_INDEX",
      "no package index is set, and the interpreter has no pip that names one",
      {
        hint: "Set `DX_PY_DEFAULT_INDEX` or `index-url` in pip.conf, or use an interpreter with pip or ensurepip.",
      },
    );
  }
  return { url: url.replace(/\/+$/, ""), default: true, origin: "the interpreter's pip" };
}

function strategyOf(text: string | undefined): IndexStrategy {
  if (text === undefined || text === "first-index" || text === "first-match") return "first-index";
  if (text === "unsafe-best-match" || text === "unsafe-first-match") return text;
  throw new Failure("DXPY_UNSUPPORTED_STRATEGY", `there is no index strategy \`${text}\``, {
    hint: "Use `first-index`, `unsafe-first-match` or `unsafe-best-match`.",
    exitCode: 2,
  });
}

function isTrue(text: string | undefined): boolean {
  return /^(1|true|yes|on|t|y)$/i.test(text ?? "");
}
