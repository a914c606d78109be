/** Options of the commands of `cache` that concern binary caches, and of collection. */
import { buildCommand, numberParser } from "@stricli/core";
import {
  COMMON,
  COMMON_ALIASES,
  GENERAL,
  GENERAL_ALIASES,
  type GeneralFlags,
  manyTexts,
  oneText,
  yes,
} from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { SELECTION } from "../definitions/install-definitions.ts";
import type {
  KeygenFlags,
  PruneFlags,
  PullFlags,
  PushFlags,
  ServeFlags,
  VerifyFlags,
} from "../flags/cache-flags.ts";

const number = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: numberParser, optional: true, brief, placeholder }) as const;
const url = { brief: "file:///folder, https://…, or s3://bucket/prefix", parse: String, placeholder: "URL" };

const keygen = buildCommand<KeygenFlags, [string], CliContext>({
  loader: async () => (await import("../commands/cache-keygen.ts")).cacheKeygen,
  parameters: {
    flags: {
      output: oneText("Where to write NAME.secret and NAME.public (default: here)", "DIR"),
      ...GENERAL,
    },
    aliases: GENERAL_ALIASES,
    positional: {
      kind: "tuple",
      parameters: [{ brief: "Name of the key: team-1", parse: String, placeholder: "NAME" }],
    },
  },
  docs: { brief: "Make a pair of keys to sign with" },
});

const push = buildCommand<PushFlags, string[], CliContext>({
  loader: async () => (await import("../commands/cache-push.ts")).cachePush,
  parameters: {
    flags: {
      to: oneText("The cache (default: those with `push = true` in the settings)", "URL"),
      all: yes("Everything of the store"),
      keyFile: oneText("Sign with this key", "FILE"),
      ...SELECTION,
      ...COMMON,
    },
    aliases: COMMON_ALIASES,
    positional: {
      kind: "array",
      parameter: {
        brief: "Folder of a project, or names of packages (default: the project here)",
        parse: String,
        placeholder: "PROJECT|PACKAGE",
      },
    },
  },
  docs: { brief: "Put packages and environments into a binary cache" },
});

const pull = buildCommand<PullFlags, [string?], CliContext>({
  loader: async () => (await import("../commands/cache-pull.ts")).cachePull,
  parameters: {
    flags: { from: oneText("This cache only", "URL"), ...SELECTION, ...COMMON },
    aliases: COMMON_ALIASES,
    positional: {
      kind: "tuple",
      parameters: [
        {
          brief: "Folder of the project (default: here)",
          parse: String,
          optional: true,
          placeholder: "PROJECT",
        },
      ],
    },
  },
  docs: { brief: "Take all that a project needs from binary caches into the store" },
});

const info = buildCommand<GeneralFlags, [string?], CliContext>({
  loader: async () => (await import("../commands/cache-info.ts")).cacheInfo,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: { kind: "tuple", parameters: [{ ...url, optional: true }] },
  },
  docs: { brief: "Say what a binary cache is, or which are configured" },
});

const verify = buildCommand<VerifyFlags, [string], CliContext>({
  loader: async () => (await import("../commands/cache-info.ts")).cacheVerify,
  parameters: {
    flags: { here: yes("Only what the project here needs"), ...SELECTION, ...COMMON },
    aliases: COMMON_ALIASES,
    positional: { kind: "tuple", parameters: [url] },
  },
  docs: { brief: "Read a binary cache and compare all with hashes and signatures" },
});

const serve = buildCommand<ServeFlags, [], CliContext>({
  loader: async () => (await import("../commands/cache-serve.ts")).cacheServe,
  parameters: {
    flags: {
      host: oneText("Address to listen at (default: 127.0.0.1)", "ADDRESS"),
      port: number("Port (default: 8437)", "PORT"),
      folder: oneText("Where uploads and packed packages are kept (default: in the home)", "DIR"),
      keyFile: oneText("Sign what the store has with this key", "FILE"),
      trustedKey: manyTexts("Uploads must be signed by one of these", "NAME:BASE64"),
      uploadTokenFile: oneText("Who sends the token in this file may upload", "FILE"),
      readTokenFile: oneText("Only who sends the token in this file may read", "FILE"),
      ...GENERAL,
    },
    aliases: GENERAL_ALIASES,
  },
  docs: { brief: "Serve the store as a binary cache over HTTP" },
});

const prune = buildCommand<PruneFlags, [], CliContext>({
  loader: async () => (await import("../commands/cache-prune.ts")).cachePrune,
  parameters: {
    flags: {
      keepDays: number("Keep what was used in so many days (default: 30)", "DAYS"),
      maxSize: oneText("Go below this size, as far as nothing attached is touched: 10GB", "SIZE"),
      dryRun: yes("Only show what would be removed"),
      ...GENERAL,
    },
    aliases: GENERAL_ALIASES,
  },
  docs: { brief: "Remove what no environment, recent generation or lock needs" },
});

/** Beside `dir`, `size` and `clean`. */
export const CACHE_ROUTES = { prune, keygen, push, pull, info, verify, serve };

export const optimiseCommand = buildCommand<GeneralFlags, [], CliContext>({
  loader: async () => (await import("../commands/store-optimise.ts")).storeOptimise,
  parameters: { flags: GENERAL, aliases: GENERAL_ALIASES },
  docs: { brief: "Link identical files of the store's packages to each other" },
});
