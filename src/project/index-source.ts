/** Opens the indexes that the settings of a command name. */
import { existsSync } from "node:fs";
import type { FirstWords } from "../interpreters/inspect.ts";
import { rememberedDefaultIndex } from "../interpreters/remembered.ts";
import { createPackageIndex, type PackageIndex } from "../package-index/client.ts";
import {
  type IndexLocation,
  type IndexOptions,
  type IndexSettings,
  parseIndex,
  resolveIndexSettings,
} from "../package-index/index-settings.ts";
import { normalizeName } from "../standards/names.ts";
import type { ActContext } from "./act-context.ts";
import type { Project } from "./discover.ts";
import { toolOf } from "./project-file.ts";
import { join, nearest, SettingFailure } from "./setting-checks.ts";
import { isOffline, type SettingFlags, type UserConfig } from "./settings.ts";
import type { ToolSettings } from "./tool-settings.ts";

export interface IndexRequest {
  flags: SettingFlags;
  project: Project | undefined;
  user: UserConfig | undefined;
  interpreter: FirstWords | undefined;
  context: ActContext;
}

/** To be closed by the caller. Errors: DXPY_BAD_INDEX_URL, DXPY_NO_DEFAULT_INDEX, DXPY_UNSUPPORTED_STRATEGY. */
export function openIndex(request: IndexRequest): PackageIndex {
  const { home, env } = request.context;
  const settings = settingsOf(request);
  if (request.project !== undefined) checkPins(request.project, settings);
  warnOfMissingFolders(settings, request.context);
  return createPackageIndex(settings, {
    home,
    env,
    warn: (message) => request.context.warn(message),
  });
}

/** A source may name an index only where there is one of that name. Failure DXPY_BAD_SETTING. */
function checkPins({ main, members }: Project, { indexes }: IndexSettings): void {
  const names = indexes.flatMap(({ name }) => (name === undefined ? [] : [name]));
  for (const file of [main, ...members]) {
    for (const [name, entries] of Object.entries(file.settings.sources ?? {})) {
      const unknown = entries.find(({ index }) => index !== undefined && !names.includes(index))?.index;
      if (unknown === undefined || file.settings["no-sources"] === true) continue;
      const near = nearest(unknown, names);
      const failure = new SettingFailure(
        join(`tool.${toolOf(file, "sources")}.sources`, name),
        `names the index "${unknown}", which is not defined`,
        near === undefined
          ? `Define it: \`[[tool.${toolOf(file, "sources")}.index]]\` with \`name = "${unknown}"\` and a \`url\`.`
          : `Did you mean "${near}"?`,
      );
      failure.document = file.document;
      throw failure;
    }
  }
}

/** A folder that is not there serves nothing, which would look as if no index had the package. */
function warnOfMissingFolders({ indexes }: IndexSettings, context: ActContext): void {
  for (const { url, origin } of indexes) {
    if (!url.startsWith("file:")) continue;
    const path = Bun.fileURLToPath(url);
    if (!existsSync(path)) context.warn(`the index ${path} (${origin ?? "settings"}) does not exist`);
  }
}

/** The same indexes for pip, as variables (pip's documentation, "Environment Variables"). Errors as of {@link openIndex}. */
export function pipVariables(request: IndexRequest): Record<string, string> {
  const { indexes, findLinks, noIndex } = settingsOf(request);
  const usable = indexes.filter(({ explicit }) => explicit !== true);
  const [flat, simple] = [
    usable.filter(({ format }) => format === "flat"),
    usable.filter(({ format }) => format !== "flat"),
  ];
  const others = simple.filter((one) => one.default !== true).map(({ url }) => url);
  const main = simple.find((one) => one.default === true)?.url;
  const places = [...findLinks, ...flat.map(({ url }) => url)];
  return {
    ...(main === undefined ? {} : { PIP_INDEX_URL: main }),
    ...(others.length === 0 ? {} : { PIP_EXTRA_INDEX_URL: others.join(" ") }),
    ...(places.length === 0 ? {} : { PIP_FIND_LINKS: places.join(" ") }),
    ...(noIndex ? { PIP_NO_INDEX: "1" } : {}),
  };
}

function settingsOf({ flags, project, user, interpreter, context }: IndexRequest): IndexSettings {
  const { home, env } = context;
  const tool = project?.main.settings ?? {};
  const fallbackIndex = rememberedDefaultIndex(home);
  return resolveIndexSettings({
    flags: flagOptions(flags),
    pyproject: project === undefined ? {} : { ...tableOptions(tool, "pyproject.toml"), folder: project.root },
    configFile:
      user === undefined ? {} : { ...tableOptions(user.settings, user.path), folder: folderOf(user.path) },
    env,
    ...(interpreter === undefined ? {} : { interpreter }),
    ...(fallbackIndex === undefined ? {} : { fallbackIndex }),
    home,
    offline: isOffline(flags, tool, user, env),
    refresh: refreshed(flags),
    warn: (message) => context.warn(message),
  });
}

function flagOptions(flags: SettingFlags): IndexOptions {
  const indexes = (flags.indexes ?? []).map((text) => parseIndex(text, { origin: "--index" }));
  if (flags.defaultIndex !== undefined)
    indexes.push({ url: flags.defaultIndex, default: true, origin: "--default-index" });
  return {
    indexes,
    findLinks: flags.findLinks ?? [],
    ...(flags.noIndex === undefined ? {} : { noIndex: flags.noIndex }),
    ...(flags.indexStrategy === undefined ? {} : { strategy: flags.indexStrategy }),
  };
}

function tableOptions(tool: ToolSettings, origin: string): IndexOptions {
  const indexes: IndexLocation[] = (tool.index ?? []).map((entry) => ({ ...entry, origin }));
  for (const url of tool["extra-index-url"] ?? []) indexes.push({ url, origin });
  if (tool["index-url"] !== undefined) indexes.push({ url: tool["index-url"], default: true, origin });
  return {
    indexes,
    findLinks: tool["find-links"] ?? [],
    ...(tool["no-index"] === undefined ? {} : { noIndex: tool["no-index"] }),
    ...(tool["index-strategy"] === undefined ? {} : { strategy: tool["index-strategy"] }),
  };
}

function refreshed(flags: SettingFlags): true | string[] | false {
  if (flags.refresh === true) return true;
  const names = (flags.refreshPackages ?? []).map(normalizeName);
  return names.length > 0 && names;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
