/** A project whose lock is read, with an interpreter, a selection and all that realising it needs. */
import { existsSync } from "node:fs";
import type { Selection, SelectOptions } from "../environment/select.ts";
import { findInterpreter } from "../interpreters/find.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import type { Dpl } from "../lock/dpl-reader.ts";
import { type ReadLock, readLock } from "../lock/lock-files.ts";
import type { PackageIndex } from "../package-index/client.ts";
import { Failure } from "../platform/errors.ts";
import type { RealiseContext } from "../realise/realise-context.ts";
import { systemStoreBelow } from "../store/system-store.ts";
import type { ActContext } from "./act-context.ts";
import { realiseContextFor } from "./build-hooks.ts";
import { chooseScopes, leftOut } from "./choose-selection.ts";
import type { Project } from "./discover.ts";
import type { SelectionRequest } from "./environment-question.ts";
import { askProjectsInterpreter, interpreterFor } from "./project-interpreter.ts";
import { buildPolicy } from "./resolve-request.ts";
import { resolutionSettings, type SettingFlags, type UserConfig } from "./settings.ts";

export interface ReadyOptions {
  project: Project;
  flags: SettingFlags;
  user: UserConfig | undefined;
  context: ActContext;
  selection: SelectionRequest;
  /** The project's lock where it is open already; closed here in any case. */
  read?: ReadLock;
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
  // While it describes itself, there is a lock to read.
  const early =
    known === undefined && project.main.metadata !== undefined
      ? askProjectsInterpreter(project, flags, context)
      : undefined;
  const read = options.read ?? (await readLock(project.root, { report: (warning) => context.warn(warning) }));
  if (read === undefined) {
    throw new Failure("DXPY_NO_LOCK", `There is no lock in ${project.root}`, {
      context: { path: project.root },
      hint: "Run `dx-py lock`, or `dx-py install` without `--frozen`.",
    });
  }
  let index: Promise<PackageIndex> | undefined;
  let opened: PackageIndex | undefined;
  try {
    const { dpl } = read;
    const { lock } = dpl;
    const scopes = chooseScopes(options.selection, project, lock);
    if (isFirstInstall(context)) {
      const { startThreadsAhead } = await import("../store/wheel-pipeline.ts");
      startThreadsAhead(dpl.header.packages);
    }
    // What was found for locking need not do for the groups that are chosen.
    const asked = known ?? early?.interpreter;
    const interpreter =
      asked !== undefined && scopes.requiresPython.length === 0
        ? await asked
        : await interpreterToInstall(options, lock.requiresPython, scopes.requiresPython);
    const settings = resolutionSettings(flags, project.main.settings, context.env, lock.options);
    const realising = realiseContextFor({
      project,
      flags,
      user,
      interpreter,
      index: () => {
        // Loaded here: what is in the store needs no index.
        index ??= import("./index-source.ts").then(({ openIndex }) => {
          opened = openIndex({ flags, project, user, interpreter, context });
          return opened;
        });
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
        without: leftOut(scopes, options.selection, project, read, interpreter),
      },
      realising,
      stats: () => ({ bytes: opened?.stats.bytes ?? 0, requests: opened?.stats.requests ?? 0 }),
    });
  } finally {
    read.dpl.close();
    await opened?.close();
  }
}

/** Nothing is in a store yet, so that wheels will come; and the interpreter has to be asked first, which takes as long as starting threads. */
function isFirstInstall({ home, env }: ActContext): boolean {
  return [home.store, systemStoreBelow(home, env)].every((store) => !existsSync(`${store}/drv-out`));
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
