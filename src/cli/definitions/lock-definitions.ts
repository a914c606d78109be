/** Options of `lock` and `tree`. */
import { COMMON, COMMON_ALIASES, manyTexts, numberParser, oneText, yes } from "../common-flags.ts";
import type { LockFlags, TreeFlags } from "../flags/lock-flags.ts";
import type { Definition } from "./definition.ts";

export const LOCK: Definition<LockFlags, []> = {
  loader: async () => (await import("../commands/lock.ts")).lock,
  parameters: {
    flags: {
      check: yes("Only say whether the lock is up to date (exit code 1 when not)"),
      upgrade: yes("Take the newest versions, whatever the lock has"),
      upgradePackage: manyTexts("The same for one package", "NAME"),
      dryRun: yes("Say what would change and write nothing"),
      pinOutputs: yes("Pin what the store has of it, so that a binary cache needs no signature for it"),
      ...COMMON,
    },
    aliases: { ...COMMON_ALIASES, U: "upgrade", P: "upgradePackage" },
  },
  docs: { brief: "Resolve for all platforms into pylock.toml and dx-py.dpl" },
};

export const TREE: Definition<TreeFlags, []> = {
  loader: async () => (await import("../commands/tree.ts")).tree,
  parameters: {
    flags: {
      invert: yes("What depends on what, the other way round"),
      depth: {
        kind: "parsed",
        parse: numberParser,
        optional: true,
        brief: "Levels to show",
        placeholder: "N",
      },
      pythonPlatform: oneText(
        "Only what is installed on: linux, macos, windows, or a target triple",
        "PLATFORM",
      ),
      pythonVersion: oneText("Only what is installed with this Python", "VERSION"),
      package: manyTexts("Start at this package", "NAME"),
      universal: yes("For every platform and Python (the default)"),
      frozen: yes("Show the lock as it is, even if it is out of date"),
      ...COMMON,
    },
    aliases: COMMON_ALIASES,
  },
  docs: { brief: "Show the dependency tree of the lock" },
};
