/** `install`, `run` and `pip` for Stricli. */
import { buildCommand } from "@stricli/core";
import { COMMON, COMMON_ALIASES, type CommonFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { INSTALL, RUN } from "../definitions/install-definitions.ts";

export const installCommand = buildCommand(INSTALL);

export const runRoute = buildCommand(RUN);

export const pipRoute = buildCommand<CommonFlags, string[], CliContext>({
  loader: async () => (await import("../commands/pip.ts")).pip,
  parameters: {
    flags: COMMON,
    aliases: COMMON_ALIASES,
    positional: {
      kind: "array",
      parameter: { brief: "What pip is told", parse: String, placeholder: "ARGUMENT" },
    },
  },
  docs: { brief: "Run pip in the environment, which becomes the project's own before pip changes it" },
});
