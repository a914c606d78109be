/** `init`, `lock` and `tree` for Stricli. */
import { buildCommand } from "@stricli/core";
import { COMMON, COMMON_ALIASES, oneText, yes } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { LOCK, TREE } from "../definitions/lock-definitions.ts";
import type { InitFlags } from "../flags/lock-flags.ts";

export const initCommand = buildCommand<InitFlags, [string?], CliContext>({
  loader: async () => (await import("../commands/init.ts")).init,
  parameters: {
    flags: {
      name: oneText("Name of the project (default: the folder's)", "NAME"),
      lib: yes("A library: with a build system and `src/`"),
      app: yes("An application (the default): not built, not installed itself"),
      description: oneText("One line about it", "TEXT"),
      ...COMMON,
    },
    aliases: COMMON_ALIASES,
    positional: {
      kind: "tuple",
      parameters: [
        { brief: "Folder (default: the current one)", parse: String, optional: true, placeholder: "DIR" },
      ],
    },
  },
  docs: { brief: "Make a pyproject.toml" },
});

export const lockCommand = buildCommand(LOCK);

export const treeCommand = buildCommand(TREE);
