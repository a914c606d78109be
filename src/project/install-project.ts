/** Installing as a whole act: a lock that is up to date, an interpreter, and `.venv`. */
import { type InstallOutcome, installEnvironment } from "../environment/install.ts";
import { findInterpreter } from "../interpreters/find.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { readLock } from "../lock/lock-files.ts";
import type { PackageIndex } from "../package-index/client.ts";
import { Failure } from "../platform/errors.ts";
import { runProcess } from "../platform/process.ts";
import { realisePackages } from "../realise/realise-packages.ts";
import type { ActContext } from "./act-context.ts";
import { openStores, realiseContextFor } from "./build-hooks.ts";
import { chooseSelection } from "./choose-selection.ts";
import type { Project } from "./discover.ts";
import { type SelectionRequest, selectionText, settingsText } from "./environment-question.ts";
import { openIndex } from "./index-source.ts";
import { type LockOutcome, lockProject } from "./lock-project.ts";
import { requirementAt } from "./project-file.ts";
import { interpreterFor } from "./resolve-project.ts";
import { relativePath, toolOf } from "./resolve-request.ts";
import { linkModeOf, resolutionSettings, type SettingFlags, type UserConfig } from "./settings.ts";

export interface InstallProjectOptions {
  project: Project;
  flags: SettingFlags;
  user: UserConfig | undefined;
  context: ActContext;
  selection: SelectionRequest;
  /** `frozen`: the lock as it is; `locked`: fail when it is not up to date; `write`: bring it up to date. */
  lockMode: "frozen" | "locked" | "write";
  upgrade: true | readonly string[];
  compileBytecode?: boolean;
}

export interface InstalledProject {
  lock?: LockOutcome;
  environment: InstallOutcome;
  interpreter: Interpreter;
  /** Bytes that were received from indexes. */
  received: number;
  requests: number;
  milliseconds: number;
}

/** Errors: those of locking, of selecting, of realising, of attaching. */
export async function installProject(options: InstallProjectOptions): Promise<InstalledProject> {
  const started = performance.now();
  const { project, flags, user, context } = options;
  const locked = options.lockMode === "frozen" ? undefined : await bringUpToDate(options);
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
    const interpreter = locked?.interpreter ?? (await interpreterToInstall(options, lock.requiresPython));
    const { selection, without } = chooseSelection(options.selection, project, lock, interpreter);
    const settings = resolutionSettings(flags, project.main.settings, context.env, lock.options);
    const tool = project.main.settings;
    const buildConstraints = (tool["build-constraint-dependencies"] ?? []).map((text, i) =>
      requirementAt(
        text,
        `tool.${toolOf(project.main, "build-constraint-dependencies")}.build-constraint-dependencies[${i}]`,
      ),
    );
    const openOnce = () => {
      index ??= openIndex({ flags, project, user, interpreter, context });
      return index;
    };
    context.progress({ kind: "phase", phase: "preparing" });
    const realising = realiseContextFor({
      project,
      flags,
      user,
      interpreter,
      index: openOnce,
      context,
      request: { ...settings, excludeNewerPackage: {}, buildConstraints } as never,
    });
    const member = relativePath(project.root, project.current.dir);
    const folders = project.current === project.main ? [project.root] : [project.root, project.current.dir];
    const environment = await installEnvironment({
      projectDir: project.root,
      dpl,
      interpreter,
      selection,
      selectOptions: { noBinary: settings.noBinary, noBuild: settings.noBuild, without },
      home: context.home,
      store: openStores(context),
      realise: (wanted, into) =>
        realisePackages(wanted, { ...realising, home: into.home, store: into.store }),
      linkMode: linkModeOf(flags, tool, user, context.env),
      realPaths: tool["real-paths"] ?? user?.settings["real-paths"] ?? [],
      ...(hasOneOffFlags(flags)
        ? {}
        : {
            alias: {
              ...(flags.python === undefined ? {} : { python: flags.python }),
              selection: selectionText(options.selection, member === "." ? "" : member),
              settings: settingsText({ linkMode: flags.linkMode, folders, env: context.env }),
              env: context.env,
            },
          }),
      onWarning: (message) => context.warn(message),
    });
    context.progress({ kind: "phase", phase: "done" });
    if (options.compileBytecode ?? tool["compile-bytecode"] ?? user?.settings["compile-bytecode"]) {
      compileBytecode(environment.layoutPath, interpreter);
    }
    return {
      ...(locked === undefined ? {} : { lock: locked }),
      environment,
      interpreter,
      received: index?.stats.bytes ?? 0,
      requests: index?.stats.requests ?? 0,
      milliseconds: performance.now() - started,
    };
  } finally {
    read.dpl.close();
    await index?.close();
  }
}

async function bringUpToDate({
  project,
  flags,
  user,
  context,
  lockMode,
  upgrade,
}: InstallProjectOptions): Promise<LockOutcome> {
  return await lockProject({
    project,
    flags,
    user,
    context,
    upgrade,
    options: "keep",
    mode: lockMode === "locked" ? "check" : "write",
  });
}

async function interpreterToInstall(
  options: InstallProjectOptions,
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

/** What such a flag changed must not be found again by a command without it. */
function hasOneOffFlags(flags: SettingFlags): boolean {
  const { noBinary, noBuild, noBinaryPackages = [], noBuildPackages = [] } = flags;
  return noBinary === true || noBuild === true || noBinaryPackages.length > 0 || noBuildPackages.length > 0;
}

/** Bytecode goes into the store, through the links: the next environment finds it. */
function compileBytecode(layout: string, interpreter: Interpreter): void {
  const { scripts, purelib, platlib } = interpreter.paths;
  const places = [...new Set([purelib, platlib])].map((path) => `${layout}/${path}`);
  const done = runProcess([`${layout}/${scripts}/python`, "-m", "compileall", "-q", "-j", "0", ...places]);
  // Packages ship files that no Python can compile (templates, tests of old syntax): compileall says 1 then.
  if (done.code > 1) {
    throw new Failure("DXPY_COMPILE_FAILED", "The bytecode could not be compiled", {
      context: { detail: done.stderr.trim() },
    });
  }
}
