/**
 * The application with the one command that is asked for. Stricli checks every option of every command that it is given, which for all of them
 * takes longer than most commands do.
 */
import { type Application, run } from "@stricli/core";
import { applicationOf, type Routes } from "./application.ts";
import type { CliContext } from "./context.ts";

/** The commands that are typed most, or that are to be quick. */
const LOADERS: Readonly<Record<string, () => Promise<Routes>>> = {
  add: async () => ({ add: (await import("./routes/edit-routes.ts")).addCommand }),
  remove: async () => ({ remove: (await import("./routes/edit-routes.ts")).removeCommand }),
  lock: async () => ({ lock: (await import("./routes/lock-routes.ts")).lockCommand }),
  tree: async () => ({ tree: (await import("./routes/lock-routes.ts")).treeCommand }),
  install: async () => ({ install: (await import("./routes/install-routes.ts")).installCommand }),
  run: async () => ({ run: (await import("./routes/install-routes.ts")).runRoute }),
  cache: async () => ({ cache: (await import("./routes/machine-routes.ts")).cacheRoutes }),
  env: async () => ({ env: (await import("./routes/provenance-routes.ts")).envRoutes }),
};

export async function runParsed(
  command: string | undefined,
  words: readonly string[],
  context: CliContext,
): Promise<void> {
  const application = (await applicationFor(command)) ?? (await import("./whole-application.ts")).APPLICATION;
  await run(application, words, context);
}

/** `undefined`: the whole application is wanted, to answer or to say what was meant. */
async function applicationFor(word: string | undefined): Promise<Application<CliContext> | undefined> {
  const load = word === undefined || !Object.hasOwn(LOADERS, word) ? undefined : LOADERS[word];
  return load === undefined ? undefined : applicationOf(await load());
}
