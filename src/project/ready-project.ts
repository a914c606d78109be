/** A project whose lock is read, with an interpreter, a selection and all that realising it needs. */
import type { Selection, SelectOptions } from "../environment/select.ts";
import { findInterpreter } from "../interpreters/find.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import type { Dpl } from "../lock/dpl-reader.ts";
import { readLock } from "../lock/lock-files.ts";
import type { PackageIndex } from "../package-index/client.ts";
import { Failure } from "../platform/errors.ts";
import type { RealiseContext } from "../realise/realise-context.ts";
import type { ActContext } from "./act-context.ts";
import { realiseContextFor } from "./build-hooks.ts";
import { chooseScopes, leftOut } from "./choose-selection.ts";
import type { Project } from "./discover.ts";
import type { SelectionRequest } from "./environment-question.ts";
import { openIndex } from "./index-source.ts";
import { interpreterFor } from "./resolve-project.ts";
import { buildPolicy } from "./resolve-request.ts";
import { resolutionSettings, type SettingFlags, type UserConfig } from "./settings.ts";

export interface ReadyOptions {
  project: Project;
  flags: SettingFlags;
  user: UserConfig | undefined;
  context: ActContext;
  selection: SelectionRequest;
}

export interface ReadyProject {
  dpl: Dpl;
  interpreter: Interpreter;
  selection: Selection;
  selectOptions: SelectOptions;
  realising: RealiseContext;
  /** Of indexes, so far. */
  stats(): { bytes: number; requests: number };
}

/** The lock is open during `action`. Failures: `DXPY_NO_LOCK`, those of the lock, of finding an interpreter, of selecting. */
export async function withReadyProject<T>(
  options: ReadyOptions,
  known: Interpreter | undefined,
  action: (ready: ReadyProject) => Promise<T>,
): Promise<T> {
  const { project, flags, user, context } = options;
  const read = await readLock(project.root, { report: (warning) => context.warn(warning) });
  if (read === undefined) {
    throw new Failure("DXPY_NO_LOCK", `There is no lock in ${project.root}`, {
      context: { path: project.root },
      hint: "Run `dx-py lock`, or `dx-py install` without `--frozen`.",
    });
  }
  let index: PackageIndex | undefined;
  try {
    const { lock, dpl } = read;
    const scopes = chooseScopes(options.selection, project, lock);
    // What was found for locking need not do for the groups that are chosen.
    const interpreter =
      known !== undefined && scopes.requiresPython.length === 0
        ? known
        : await interpreterToInstall(options, lock.requiresPython, scopes.requiresPython);
    const settings = resolutionSettings(flags, project.main.settings, context.env, lock.options);
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
      request: buildPolicy(project, settings, Date.now()),
    });
    return await action({
      dpl,
      interpreter,
      selection: scopes.selection,
      selectOptions: {
        noBinary: settings.noBinary,
        noBuild: settings.noBuild,
        without: leftOut(scopes, options.selection, project, lock, interpreter),
      },
      realising,
      stats: () => ({ bytes: index?.stats.bytes ?? 0, requests: index?.stats.requests ?? 0 }),
    });
  } finally {
    read.dpl.close();
    await index?.close();
  }
}

async function interpreterToInstall(
  { project, flags, context }: ReadyOptions,
  lockPython: string | undefined,
  groupPythons: readonly string[],
): Promise<Interpreter> {
  if (project.main.metadata !== undefined) return await interpreterFor(project, flags, context, groupPythons);
  const { python } = flags;
  return await findInterpreter(
    {
      ...(python === undefined ? {} : { python }),
      ...(lockPython === undefined ? {} : { requiresPython: lockPython }),
      projectDir: project.root,
    },
    { home: context.home, env: context.env },
  );
}
