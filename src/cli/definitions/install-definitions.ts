/** Options of `install` and `run`. */
import { COMMON, COMMON_ALIASES, manyTexts, yes } from "../common-flags.ts";
import type { InstallFlags, RunFlags } from "../flags/install-flags.ts";
import type { Definition } from "./definition.ts";

export const SELECTION = {
  group: manyTexts("Install this group too", "GROUP"),
  noGroup: manyTexts("Leave this group out", "GROUP"),
  onlyGroup: manyTexts("Install this group and nothing else", "GROUP"),
  allGroups: yes("Install every group"),
  dev: yes("Install the group `dev` (it is by default)", true),
  noDev: yes("Leave the group `dev` out"),
  onlyDev: yes("Install the group `dev` and nothing else"),
  noDefaultGroups: yes("Leave the default groups out"),
  extra: manyTexts("Install this extra", "EXTRA"),
  allExtras: yes("Install every extra"),
  noExtra: manyTexts("Leave this extra out, with --all-extras", "EXTRA"),
  package: manyTexts("Install for this member of the workspace", "NAME"),
  allPackages: yes("Install for every member of the workspace"),
  noInstallProject: yes("Leave the project itself out"),
} as const;

export const INSTALL: Definition<InstallFlags, []> = {
  loader: async () => (await import("../commands/install.ts")).install,
  parameters: {
    flags: {
      ...SELECTION,
      frozen: yes("Install the lock as it is, without looking whether it is up to date"),
      locked: yes("Fail when the lock is not up to date"),
      compileBytecode: yes("Compile all bytecode now and not at the first import"),
      detach: yes("Make .venv a folder of this project's own, which pip may change"),
      upgrade: yes("Lock the newest versions first"),
      upgradePackage: manyTexts("The same for one package", "NAME"),
      ...COMMON,
    },
    aliases: { ...COMMON_ALIASES, U: "upgrade", P: "upgradePackage" },
  },
  docs: { brief: "Make .venv what the lock says; lock first if need be" },
};

export const RUN: Definition<RunFlags, string[]> = {
  loader: async () => (await import("../commands/run.ts")).runCommand,
  parameters: {
    flags: {
      ...SELECTION,
      frozen: yes("Do not look whether the lock is up to date"),
      locked: yes("Fail when the lock is not up to date"),
      noSync: yes("Run in the environment as it is"),
      packed: yes("Trial: import pure packages from their packed form, without a tree"),
      packedData: yes("The same, also for packages with data files"),
      ...COMMON,
    },
    aliases: COMMON_ALIASES,
    positional: {
      kind: "array",
      parameter: { brief: "The command and its arguments", parse: String, placeholder: "COMMAND" },
    },
  },
  docs: { brief: "Run a command in the environment" },
};
