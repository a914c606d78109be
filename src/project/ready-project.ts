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
import { chooseSelection } from "./choose-selection.ts";
import type { Project } from "./discover.ts";
import type { SelectionRequest } from "./environment-question.ts";
import { openIndex } from "./index-source.ts";
import { requirementAt } from "./project-file.ts";
import { interpreterFor } from "./resolve-project.ts";
import { toolOf } from "./resolve-request.ts";
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
    const interpreter = known ?? (await interpreterToInstall(options, lock.requiresPython));
    const { selection, without } = chooseSelection(options.selection, project, lock, interpreter);
    const tool = project.main.settings;
    const settings = resolutionSettings(flags, tool, context.env, lock.options);
    const buildConstraints = (tool["build-constraint-dependencies"] ?? []).map((text, i) =>
      requirementAt(
        text,
        `tool.${toolOf(project.main, "build-constraint-dependencies")}.build-constraint-dependencies[${i}]`,
      ),
    );
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
      request: { ...settings, excludeNewerPackage: {}, buildConstraints } as never,
    });
    return await action({
      dpl,
      interpreter,
      selection,
      selectOptions: { noBinary: settings.noBinary, noBuild: settings.noBuild, without },
      realising,
      stats: () => ({ bytes: index?.stats.bytes ?? 0, requests: index?.stats.requests ?? 0 }),
    });
  } finally {
    read.dpl.close();
    await index?.close();
  }
}

async function interpreterToInstall(
  options: ReadyOptions,
  lockPython: string | undefined,
): Promise<Interpreter> {
  const { project, flags, context } = options;
  if (project.main.metadata !== undefined) return await interpreterFor(project, flags, context);
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
