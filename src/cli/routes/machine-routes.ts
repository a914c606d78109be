/** Options of `cache`, `python` and `completions`: what concerns the machine and not one project. */
import { buildCommand, buildRouteMap } from "@stricli/core";
import {
  COMMON,
  COMMON_ALIASES,
  type CommonFlags,
  GENERAL,
  GENERAL_ALIASES,
  type GeneralFlags,
  yes,
} from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import type { CleanFlags } from "../flags/machine-flags.ts";
import { CACHE_ROUTES } from "./cache-routes.ts";

const dir = buildCommand<GeneralFlags, [], CliContext>({
  loader: async () => (await import("../commands/cache.ts")).cacheDir,
  parameters: { flags: GENERAL, aliases: GENERAL_ALIASES },
  docs: { brief: "Say where the cache is" },
});

const size = buildCommand<GeneralFlags, [], CliContext>({
  loader: async () => (await import("../commands/cache-size.ts")).cacheSize,
  parameters: { flags: GENERAL, aliases: GENERAL_ALIASES },
  docs: { brief: "Say how much space it takes, by kind and by project" },
});

const clean = buildCommand<CleanFlags, [], CliContext>({
  loader: async () => (await import("../commands/cache.ts")).cacheClean,
  parameters: {
    flags: {
      layouts: yes("Layouts: made again in milliseconds from the store"),
      store: yes("Packages in the store"),
      index: yes("Pages and metadata of the indexes"),
      all: yes("Everything (the default)"),
      ...GENERAL,
    },
    aliases: GENERAL_ALIASES,
  },
  docs: { brief: "Remove layouts, the store, index pages, or everything" },
});

export const cacheRoutes = buildRouteMap<string, CliContext>({
  routes: { dir, size, clean, ...CACHE_ROUTES },
  docs: { brief: "Look at the cache, clean it, or share it" },
});

const list = buildCommand<GeneralFlags, [], CliContext>({
  loader: async () => (await import("../commands/python.ts")).pythonList,
  parameters: { flags: GENERAL, aliases: GENERAL_ALIASES },
  docs: { brief: "List the interpreters that are found" },
});

const find = buildCommand<CommonFlags, [string?], CliContext>({
  loader: async () => (await import("../commands/python.ts")).pythonFind,
  parameters: {
    flags: COMMON,
    aliases: COMMON_ALIASES,
    positional: {
      kind: "tuple",
      parameters: [
        {
          brief: "What is asked for: a version, a path or a name",
          parse: String,
          optional: true,
          placeholder: "PYTHON",
        },
      ],
    },
  },
  docs: { brief: "Say which interpreter would be used" },
});

export const pythonRoutes = buildRouteMap<string, CliContext>({
  routes: { list, find },
  docs: { brief: "List and find interpreters" },
});

export const completionsCommand = buildCommand<GeneralFlags, [string], CliContext>({
  loader: async () => (await import("../commands/completions.ts")).completions,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: {
      kind: "tuple",
      parameters: [{ brief: "zsh, bash, fish or powershell", parse: String, placeholder: "SHELL" }],
    },
  },
  docs: { brief: "Print a script that completes commands and options in a shell" },
});
