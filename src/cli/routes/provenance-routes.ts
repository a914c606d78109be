/** Options of `drv`, `env` and `build`: where things came from, what was attached before, and the project's own distributions. */
import { buildCommand, buildRouteMap } from "@stricli/core";
import {
  COMMON,
  COMMON_ALIASES,
  GENERAL,
  GENERAL_ALIASES,
  type GeneralFlags,
  oneText,
  yes,
} from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import type { BuildFlags, DrvRebuildFlags, DrvTreeFlags, EnvListFlags } from "../flags/provenance-flags.ts";

const OBJECT = "A package, a module, a path, or the first digits of a hash";
const required = (brief: string, placeholder: string) => ({ brief, parse: String, placeholder }) as const;
const optional = (brief: string, placeholder: string) =>
  ({ brief, parse: String, optional: true, placeholder }) as const;
const whole = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new SyntaxError(`\`${text}\` is not a number`);
  return Number(text);
};

const drvShow = buildCommand<GeneralFlags, [string], CliContext>({
  loader: async () => (await import("../commands/drv.ts")).drvShow,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: { kind: "tuple", parameters: [required(OBJECT, "OBJECT")] },
  },
  docs: { brief: "Show what something was made from, how, and with what result" },
});

const drvTree = buildCommand<DrvTreeFlags, [string?], CliContext>({
  loader: async () => (await import("../commands/drv-tree.ts")).drvTree,
  parameters: {
    flags: {
      depth: { kind: "parsed", parse: whole, optional: true, brief: "Go no deeper", placeholder: "N" },
      ...GENERAL,
    },
    aliases: GENERAL_ALIASES,
    positional: { kind: "tuple", parameters: [optional(`${OBJECT} (default: the project)`, "OBJECT")] },
  },
  docs: { brief: "Show everything below it, down to the downloads" },
});

const drvWhy = buildCommand<GeneralFlags, [string], CliContext>({
  loader: async () => (await import("../commands/drv-why.ts")).drvWhy,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: { kind: "tuple", parameters: [required(OBJECT, "OBJECT")] },
  },
  docs: { brief: "Say which layouts, projects and builds hold it" },
});

const drvDiff = buildCommand<GeneralFlags, [string, string], CliContext>({
  loader: async () => (await import("../commands/drv-diff.ts")).drvDiff,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: { kind: "tuple", parameters: [required(OBJECT, "A"), required(OBJECT, "B")] },
  },
  docs: { brief: "Say why two builds differ: what was asked, what was seen, what came out" },
});

const drvLog = buildCommand<GeneralFlags, [string], CliContext>({
  loader: async () => (await import("../commands/drv.ts")).drvLog,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: { kind: "tuple", parameters: [required(OBJECT, "OBJECT")] },
  },
  docs: { brief: "Show the log of a build, also of one that failed" },
});

const drvRebuild = buildCommand<DrvRebuildFlags, string[], CliContext>({
  loader: async () => (await import("../commands/drv-rebuild.ts")).drvRebuild,
  parameters: {
    flags: {
      check: yes("Compare with what is in the store (the default), and fail where it differs"),
      ...COMMON,
    },
    aliases: COMMON_ALIASES,
    positional: { kind: "array", parameter: required(OBJECT, "OBJECT") },
  },
  docs: { brief: "Build again with the same inputs, and compare the results" },
});

export const drvRoutes = buildRouteMap<string, CliContext>({
  routes: { show: drvShow, tree: drvTree, why: drvWhy, diff: drvDiff, log: drvLog, rebuild: drvRebuild },
  docs: { brief: "Look at derivations: where everything in the store came from" },
});

const GENERATION = "Number of a generation, as `env list` shows it";

const envList = buildCommand<EnvListFlags, [], CliContext>({
  loader: async () => (await import("../commands/env.ts")).envList,
  parameters: {
    flags: { all: yes("Of every project"), ...GENERAL },
    aliases: GENERAL_ALIASES,
  },
  docs: { brief: "List what was attached to the project, and when" },
});

const envDiff = buildCommand<GeneralFlags, [number?, number?], CliContext>({
  loader: async () => (await import("../commands/env.ts")).envDiff,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: {
      kind: "tuple",
      parameters: [
        { ...optional(`${GENERATION} (default: the one before)`, "A"), parse: whole },
        { ...optional(`${GENERATION} (default: the attached one)`, "B"), parse: whole },
      ],
    },
  },
  docs: { brief: "Compare two generations package by package" },
});

const envRollback = buildCommand<GeneralFlags, [number?], CliContext>({
  loader: async () => (await import("../commands/env.ts")).envRollback,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: {
      kind: "tuple",
      parameters: [{ ...optional(`${GENERATION} (default: the one before)`, "N"), parse: whole }],
    },
  },
  docs: { brief: "Attach an earlier generation again" },
});

const envRemove = buildCommand<GeneralFlags, [], CliContext>({
  loader: async () => (await import("../commands/env.ts")).envRemove,
  parameters: { flags: GENERAL, aliases: GENERAL_ALIASES },
  docs: { brief: "Remove .venv and forget its generations" },
});

export const envRoutes = buildRouteMap<string, CliContext>({
  routes: { list: envList, diff: envDiff, rollback: envRollback, remove: envRemove },
  docs: { brief: "Look at the generations of an environment, and go back to one" },
});

export const buildRoute = buildCommand<BuildFlags, [], CliContext>({
  loader: async () => (await import("../commands/build.ts")).build,
  parameters: {
    flags: {
      wheel: yes("Only the wheel, from the project's folder"),
      sdist: yes("Only the sdist"),
      outDir: oneText("Where to (default: dist/ of the project)", "DIR"),
      package: oneText("This member of the workspace", "NAME"),
      ...COMMON,
    },
    aliases: COMMON_ALIASES,
  },
  docs: { brief: "Make the project's sdist, and its wheel from that, into dist/" },
});
