/** Options of `add` and `remove`. */
import { COMMON, COMMON_ALIASES, manyTexts, oneText, yes } from "../common-flags.ts";
import type { AddFlags, RemoveFlags } from "../flags/edit-flags.ts";
import type { Definition } from "./definition.ts";

export const ADD: Definition<AddFlags, string[]> = {
  loader: async () => (await import("../commands/add.ts")).add,
  parameters: {
    flags: {
      dev: yes("Into the group `dev`"),
      group: oneText("Into this group", "GROUP"),
      optional: oneText("Into this extra (optional-dependencies)", "EXTRA"),
      extra: manyTexts("Ask for this extra of the packages", "EXTRA"),
      git: oneText("From this git repository", "URL"),
      rev: oneText("Commit, with --git", "REV"),
      tag: oneText("Tag, with --git", "TAG"),
      branch: oneText("Branch, with --git", "BRANCH"),
      path: oneText("From this folder or archive", "PATH"),
      editable: yes("Installed as an editable, with --path"),
      requirements: manyTexts("Take over what a requirements.txt asks for", "FILE"),
      raw: yes("Write requirements as given, without a lower bound"),
      noInstall: yes("Lock, but do not install"),
      frozen: yes("Edit pyproject.toml only"),
      ...COMMON,
    },
    aliases: { ...COMMON_ALIASES, r: "requirements" },
    positional: {
      kind: "array",
      parameter: { brief: "Packages, as `httpx` or `'rich>=13'`", parse: String, placeholder: "REQUIREMENT" },
    },
  },
  docs: { brief: "Add dependencies to pyproject.toml, lock and install" },
};

export const REMOVE: Definition<RemoveFlags, string[]> = {
  loader: async () => (await import("../commands/remove.ts")).remove,
  parameters: {
    flags: {
      dev: yes("From the group `dev`"),
      group: oneText("From this group", "GROUP"),
      optional: oneText("From this extra (optional-dependencies)", "EXTRA"),
      noInstall: yes("Lock, but do not install"),
      frozen: yes("Edit pyproject.toml only"),
      ...COMMON,
    },
    aliases: COMMON_ALIASES,
    positional: {
      kind: "array",
      minimum: 1,
      parameter: { brief: "Packages to take out", parse: String, placeholder: "PACKAGE" },
    },
  },
  docs: { brief: "Remove dependencies from pyproject.toml, lock and install" },
};
