/** What builds outside of a lock begin with: the settings of where one is, an interpreter, and indexes for build requirements. */
import { findInterpreter } from "../interpreters/find.ts";
import type { PackageIndex } from "../package-index/client.ts";
import type { RealiseContext } from "../realise/realise-context.ts";
import { whileInstalling } from "../store/store-lock.ts";
import type { ActContext } from "./act-context.ts";
import { realiseContextFor } from "./build-hooks.ts";
import { discoverProject, lockOnlyProject, nearestUpward, type Project } from "./discover.ts";
import { openIndex } from "./index-source.ts";
import { interpreterFor } from "./project-interpreter.ts";
import { buildPolicy } from "./resolve-request.ts";
import { readUserConfig, resolutionSettings, type SettingFlags } from "./settings.ts";

export interface BuildingOptions {
  /** Absolute folder. */
  start: string;
  flags: SettingFlags;
  context: ActContext;
  /** A version that must be found, whatever the project says. */
  python?: string;
}

/** Indexes are opened when they are first asked, and closed when `act` is done; nobody collects meanwhile. */
export async function whileBuilding<T>(
  { start, flags, context, python }: BuildingOptions,
  act: (realising: RealiseContext, project: Project) => Promise<T>,
): Promise<T> {
  const user = await readUserConfig(context.env);
  const project = nearestUpward(start) === undefined ? lockOnlyProject(start) : await discoverProject(start);
  const tool = project.main.settings;
  const wanted = python ?? flags.python;
  const interpreter =
    wanted !== undefined || project.main.metadata === undefined
      ? await findInterpreter(
          { ...(wanted === undefined ? {} : { python: wanted }), projectDir: project.root },
          { home: context.home, env: context.env },
        )
      : await interpreterFor(project, flags, context);
  let index: PackageIndex | undefined;
  const realising = realiseContextFor({
    project,
    flags,
    user,
    interpreter,
    index: () => {
      index ??= openIndex({ flags, project, user, interpreter, context });
      return index;
    },
    context,
    request: buildPolicy(project, resolutionSettings(flags, tool, context.env), Date.now()),
  });
  try {
    return await whileInstalling(context.home, () => act(realising, project));
  } finally {
    await index?.close();
  }
}
