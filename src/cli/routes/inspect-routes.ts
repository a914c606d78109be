/** Options of what reads dx-py's own formats for people: `lock show`, `store`, `layout`. */
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
import type { LayoutVerifyFlags, LockShowFlags, StoreVerifyFlags } from "../flags/inspect-flags.ts";
import { optimiseCommand } from "./cache-routes.ts";

const optional = (brief: string, placeholder: string) =>
  ({ brief, parse: String, optional: true, placeholder }) as const;
const required = (brief: string, placeholder: string) => ({ brief, parse: String, placeholder }) as const;

export const lockShowCommand = buildCommand<LockShowFlags, [string?], CliContext>({
  loader: async () => (await import("../commands/lock-show.ts")).lockShow,
  parameters: {
    flags: { file: oneText("Show this file whole, as text (for `git diff`)", "PATH"), ...GENERAL },
    aliases: GENERAL_ALIASES,
    positional: { kind: "tuple", parameters: [optional("Only this package", "PACKAGE")] },
  },
  docs: { brief: "Show what the binary lock says" },
});

const PACKAGE = "A name, name==version, or the first digits of a hash";

const storeLs = buildCommand<GeneralFlags, string[], CliContext>({
  loader: async () => (await import("../commands/store.ts")).storeLs,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: { kind: "array", parameter: required(PACKAGE, "PACKAGE") },
  },
  docs: { brief: "List the packages in the store" },
});

const storeShow = buildCommand<GeneralFlags, [string], CliContext>({
  loader: async () => (await import("../commands/store.ts")).storeShow,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: { kind: "tuple", parameters: [required(PACKAGE, "PACKAGE")] },
  },
  docs: { brief: "Show a package of the store: what it is and its files" },
});

const storeCat = buildCommand<GeneralFlags, [string, string], CliContext>({
  loader: async () => (await import("../commands/store.ts")).storeCat,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: {
      kind: "tuple",
      parameters: [required(PACKAGE, "PACKAGE"), required("Path as `store show` lists it: lib/…", "FILE")],
    },
  },
  docs: { brief: "Write a file of a package to stdout" },
});

const storeVerify = buildCommand<StoreVerifyFlags, string[], CliContext>({
  loader: async () => (await import("../commands/store-verify.ts")).storeVerify,
  parameters: {
    flags: { repair: yes("Fetch what is damaged again, and mend the layouts that use it"), ...COMMON },
    aliases: COMMON_ALIASES,
    positional: { kind: "array", parameter: required(`${PACKAGE} (default: all)`, "PACKAGE") },
  },
  docs: { brief: "Compare packages with their hashes, file by file" },
});

export const storeRoutes = buildRouteMap<string, CliContext>({
  routes: { ls: storeLs, show: storeShow, cat: storeCat, verify: storeVerify, optimise: optimiseCommand },
  docs: { brief: "Look at the packages in the store, verify and optimise them" },
});

const LAYOUT = "The first digits of its hash (default: that of the project)";

const layoutLs = buildCommand<GeneralFlags, [], CliContext>({
  loader: async () => (await import("../commands/layout.ts")).layoutLs,
  parameters: { flags: GENERAL, aliases: GENERAL_ALIASES },
  docs: { brief: "List the layouts" },
});

const layoutShow = buildCommand<GeneralFlags, [string?], CliContext>({
  loader: async () => (await import("../commands/layout.ts")).layoutShow,
  parameters: {
    flags: GENERAL,
    aliases: GENERAL_ALIASES,
    positional: { kind: "tuple", parameters: [optional(LAYOUT, "LAYOUT")] },
  },
  docs: { brief: "Show a layout: its interpreter, its packages, who uses it" },
});

const layoutVerify = buildCommand<LayoutVerifyFlags, string[], CliContext>({
  loader: async () => (await import("../commands/layout.ts")).layoutVerify,
  parameters: {
    flags: {
      all: yes("Every layout"),
      repair: yes("Build what is not as it was made again"),
      ...GENERAL,
    },
    aliases: GENERAL_ALIASES,
    positional: { kind: "array", parameter: required(LAYOUT, "LAYOUT") },
  },
  docs: { brief: "Compare a layout with what it should hold, link by link" },
});

export const layoutRoutes = buildRouteMap<string, CliContext>({
  routes: { ls: layoutLs, show: layoutShow, verify: layoutVerify },
  docs: { brief: "Look at layouts, and verify them" },
});
