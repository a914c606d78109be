/** Installing as a whole act: a lock that is up to date, an interpreter, and `.venv`. */
import { compileBytecode } from "../environment/compile-bytecode.ts";
import { type InstallOutcome, installEnvironment } from "../environment/install.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { realisePackages } from "../realise/realise-packages.ts";
import type { ActContext } from "./act-context.ts";
import { afterRealising } from "./after-realising.ts";
import { realiseInto } from "./build-hooks.ts";
import type { Project } from "./discover.ts";
import { type SelectionRequest, selectionText, settingsText } from "./environment-question.ts";
import { type LockOutcome, lockProject } from "./lock-project.ts";
import { withReadyProject } from "./ready-project.ts";
import { relativePath } from "./resolve-request.ts";
import { linkModeOf, type SettingFlags, type UserConfig } from "./settings.ts";

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
  context.progress({ kind: "phase", phase: "preparing" });
  const open = locked?.read === undefined ? options : { ...options, read: locked.read };
  return await withReadyProject(open, locked?.interpreter, async (ready) => {
    const { dpl, interpreter, selection, selectOptions, realising } = ready;
    const tool = project.main.settings;
    const linkMode = linkModeOf(flags, tool, user, context.env);
    const member = relativePath(project.root, project.current.dir);
    const folders = project.current === project.main ? [project.root] : [project.root, project.current.dir];
    const compiles =
      (options.compileBytecode ?? tool["compile-bytecode"] ?? user?.settings["compile-bytecode"]) === true;
    const environment = await installEnvironment({
      projectDir: project.root,
      dpl,
      interpreter,
      selection,
      selectOptions,
      home: context.home,
      store: realising.store,
      realise: (wanted, into) => realisePackages(wanted, realiseInto(realising, into)),
      ...(linkMode === "layout" ? {} : { own: linkMode }),
      realPaths: tool["real-paths"] ?? user?.settings["real-paths"] ?? [],
      ...(hasOneOffFlags(flags)
        ? {}
        : {
            alias: {
              ...(flags.python === undefined ? {} : { python: flags.python }),
              selection: selectionText(options.selection, member === "." ? "" : member),
              settings: settingsText({ linkMode: flags.linkMode, folders, env: context.env }),
              env: context.env,
              forCheckouts: !compiles && realising.build?.sandbox !== true,
            },
          }),
      onWarning: (message) => context.warn(message),
    });
    context.progress({ kind: "phase", phase: "done" });
    if (compiles) {
      await compileBytecode(environment.layoutPath, interpreter);
    }
    await afterRealising(environment.realised, realising, options);
    const { bytes, requests } = ready.stats();
    return {
      ...(locked === undefined ? {} : { lock: locked }),
      environment,
      interpreter,
      received: bytes,
      requests,
      milliseconds: performance.now() - started,
    };
  });
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

/** What such a flag changed must not be found again by a command without it. */
function hasOneOffFlags(flags: SettingFlags): boolean {
  const { noBinary, noBuild, noBinaryPackages = [], noBuildPackages = [] } = flags;
  return noBinary === true || noBuild === true || noBinaryPackages.length > 0 || noBuildPackages.length > 0;
}
