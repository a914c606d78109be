/** Locking as a whole act: from what the project declares to the two lock files, doing as little as the state allows. */
import { findInterpreter } from "../interpreters/find.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { diffLocks, isEmptyDiff, type LockDiff } from "../lock/lock-diff.ts";
import { confirmInputs, freshness, type ReadLock, readLock, writeLock } from "../lock/lock-files.ts";
import { lockFromResolution } from "../lock/lock-from-resolution.ts";
import type { Lock, LockedPackage } from "../lock/lock-model.ts";
import { Failure } from "../platform/errors.ts";
import type { Preference, ResolveRequest } from "../resolver/request.ts";
import type { ResolutionStats } from "../resolver/resolution.ts";
import { normalizeName } from "../standards/names.ts";
import type { ActContext } from "./act-context.ts";
import { buildInterfaceFor } from "./build-hooks.ts";
import type { Project } from "./discover.ts";
import { openIndex } from "./index-source.ts";
import { noProjectTable } from "./project-file.ts";
import { lockInputs, sourceDigests } from "./project-inputs.ts";
import { makeResolveRequest, requestFingerprint } from "./resolve-request.ts";
import { defaultGroups } from "./root-requirements.ts";
import {
  optionsToKeep,
  type ResolutionSettings,
  resolutionSettings,
  type SettingFlags,
  type UserConfig,
} from "./settings.ts";

export interface LockOptions {
  project: Project;
  flags: SettingFlags;
  user: UserConfig | undefined;
  context: ActContext;
  upgrade: true | readonly string[];
  /**
   * `lock`: the options of the command line and of the project decide; `keep`: where they say nothing, those that the
   * lock was made with go on (`install`, `run`, `add`).
   */
  options: "own" | "keep";
  /** `check`: change nothing, and fail (DXPY_LOCK_OUTDATED) when something would change. `dry-run`: only say what would. */
  mode: "write" | "check" | "dry-run";
  /** Called when all that can fail is done, and the lock is about to be written or was found to be right. */
  beforeWriting?: () => void;
}

export interface LockOutcome {
  /**
   * `fresh`: nothing it depends on changed. `confirmed`: files changed, but nothing that is resolved from. `unchanged`: resolved
   * again, with the same result. `changed`, `created`: as they say.
   */
  status: "fresh" | "confirmed" | "unchanged" | "changed" | "created";
  lock: Lock;
  diff: LockDiff;
  stats?: ResolutionStats;
  /** Chosen already, where resolving needed it. */
  interpreter?: Interpreter;
  milliseconds: number;
}

const NO_DIFF: LockDiff = { added: [], removed: [], changed: [] };

/** Errors: those of reading the project, DXPY_UNSATISFIABLE, DXPY_LOCK_OUTDATED, those of the indexes. */
export async function lockProject(options: LockOptions): Promise<LockOutcome> {
  const started = performance.now();
  const { project, flags, context, mode } = options;
  if (project.main.metadata === undefined && project.members.length === 0 && project.main.groups.size === 0) {
    throw noProjectTable(project.main);
  }
  const existing = await readExisting(options);
  const read = existing?.read;
  const kept = options.options === "keep" ? read?.lock.options : undefined;
  const ask = (given: SettingFlags) => {
    const settings = resolutionSettings(given, project.main.settings, context.env, kept);
    const upgrade = options.upgrade === true ? (true as const) : options.upgrade.map(normalizeName);
    const preferences = existing?.preferences ?? [];
    const request = makeResolveRequest({ project, settings, preferences, upgrade, now: Date.now() });
    return { settings, request };
  };
  // A lock that is right stays right, whichever of its files `install --no-build` then refuses to use.
  let asked = ask(options.options === "keep" ? withoutFileChoice(flags) : flags);
  const digests = sourceDigests(project, asked.request.sources);
  let fingerprint = requestFingerprint(asked.request, project, asked.settings, digests);
  const inputs = lockInputs(project, asked.request.sources);
  const upgrading = options.upgrade === true || options.upgrade.length > 0;
  if (read !== undefined && read.lock.fingerprint === fingerprint && !upgrading) {
    const confirmed = read.state !== "fresh" || options.beforeWriting !== undefined;
    if (mode === "write") options.beforeWriting?.();
    if (confirmed && mode === "write") await confirmInputs(project.root, read, inputs);
    return {
      status: confirmed ? "confirmed" : "fresh",
      lock: read.lock,
      diff: NO_DIFF,
      milliseconds: performance.now() - started,
    };
  }
  if (mode === "check" && read === undefined) throw outdated(project, undefined);
  if (options.options === "keep") {
    asked = ask(flags);
    fingerprint = requestFingerprint(asked.request, project, asked.settings, digests);
  }
  const resolved = await resolveNow(options, asked.request, asked.settings, fingerprint);
  const diff = diffLocks(read?.lock, resolved.lock);
  const same = read !== undefined && isEmptyDiff(diff);
  if (mode === "check" && !(same && sameFrame(read.lock, resolved.lock))) throw outdated(project, diff);
  if (mode === "write") {
    options.beforeWriting?.();
    await writeLock(project.root, resolved.lock, inputs);
  }
  return {
    status: read === undefined ? "created" : same ? "unchanged" : "changed",
    lock: resolved.lock,
    diff,
    stats: resolved.stats,
    interpreter: resolved.interpreter,
    milliseconds: performance.now() - started,
  };
}

function withoutFileChoice(flags: SettingFlags): SettingFlags {
  const { noBinary: _1, noBuild: _2, noBinaryPackages: _3, noBuildPackages: _4, ...others } = flags;
  return others;
}

interface ExistingLock {
  /** Absent for a lock that cannot be used as it is (a merge conflict). */
  read?: ReadLock;
  preferences: Preference[];
}

/** What is there already. A conflict of a merge leaves what both sides agree on, as preferences. */
async function readExisting({ project, context, mode }: LockOptions): Promise<ExistingLock | undefined> {
  const state = freshness(project.root);
  if (state.state === "conflict" && mode !== "check") {
    if (state.conflict === undefined) {
      context.warn("pylock.toml holds conflict markers of a merge that do not pair: it is resolved anew");
      return { preferences: [] };
    }
    const common = state.conflict.commonPackages;
    context.warn(
      `pylock.toml holds the conflict of a merge: resolving from the ${common.length} packages that both sides agree on`,
    );
    return { preferences: common.map(({ name, version }) => ({ name, version })) };
  }
  const read = await readLock(project.root, { report: (warning) => context.warn(warning) });
  if (read === undefined) return undefined;
  return { read, preferences: read.lock.packages.flatMap(preferenceOf) };
}

function preferenceOf(entry: LockedPackage): Preference[] {
  if (entry.version === undefined || entry.source.kind !== "index") return [];
  return [
    {
      name: entry.name,
      version: entry.version,
      ...(entry.marker === undefined ? {} : { marker: entry.marker }),
    },
  ];
}

async function resolveNow(
  { project, flags, user, context }: LockOptions,
  request: ResolveRequest,
  settings: ResolutionSettings,
  fingerprint: string,
): Promise<{ lock: Lock; stats: ResolutionStats; interpreter: Interpreter }> {
  context.progress({ kind: "phase", phase: "resolving" });
  const interpreter = await interpreterFor(project, flags, user, context);
  const index = openIndex({ flags, project, user, interpreter, context });
  try {
    const { resolve } = await import("../resolver/resolve.ts");
    const requiresPython = request.requiresPython ?? minorAndLater(interpreter);
    const resolution = await resolve(
      { ...request, requiresPython },
      {
        index,
        interpreter,
        build: buildInterfaceFor({ project, flags, user, interpreter, index: () => index, context, request }),
        onProgress: ({ decisions, name }: { decisions: number; name?: string }) =>
          context.progress(
            name === undefined ? { kind: "resolving", decisions } : { kind: "resolving", decisions, name },
          ),
      },
    );
    const lock = lockFromResolution(resolution, {
      requiresPython,
      extras: request.extras,
      dependencyGroups: request.groups,
      defaultGroups: defaultGroups(project),
      fingerprint,
      options: optionsToKeep(settings, project.main.settings),
    });
    return { lock: withRoot(lock, project), stats: resolution.stats, interpreter };
  } finally {
    await index.close();
  }
}

/** The interpreter to resolve for: the project may say which Pythons, but not that this machine has one of them. */
export async function interpreterFor(
  project: Project,
  flags: SettingFlags,
  user: UserConfig | undefined,
  context: ActContext,
): Promise<Interpreter> {
  const python =
    flags.python ?? project.main.settings.python ?? (context.env["DX_PY_PYTHON"] || user?.settings.python);
  const requiresPython = project.main.metadata?.requiresPython;
  return await findInterpreter(
    {
      ...(python === undefined ? {} : { python }),
      ...(requiresPython === undefined ? {} : { requiresPython }),
      projectDir: project.current.dir,
    },
    { home: context.home, env: context.env },
  );
}

/** A project that is built is a package of its own lock: a folder, installed editable. */
function withRoot(lock: Lock, project: Project): Lock {
  const { main } = project;
  if (!main.packaged || main.name === undefined) return lock;
  const root: LockedPackage = {
    name: main.name,
    ...(main.metadata?.version === undefined ? {} : { version: main.metadata.version }),
    source: { kind: "directory", path: ".", editable: true },
    dependencies: [],
    wheels: [],
  };
  const others = lock.packages.filter((entry) => entry.name !== main.name);
  return {
    ...lock,
    packages: [...others, root].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
  };
}

function minorAndLater(interpreter: Interpreter): string {
  const [major, minor] = interpreter.version.split(".");
  return `>=${major}.${minor}`;
}

function sameFrame(a: Lock, b: Lock): boolean {
  const frame = ({
    requiresPython,
    environments,
    extras,
    dependencyGroups,
    defaultGroups: groups,
  }: Lock) => ({
    requiresPython,
    environments,
    extras,
    dependencyGroups,
    groups,
  });
  return Bun.deepEquals(frame(a), frame(b));
}

function outdated(project: Project, diff: LockDiff | undefined): Failure {
  const lines =
    diff === undefined
      ? []
      : [
          ...diff.added.map(({ name, versions }) => `+ ${name} ${versions.join(", ")}`),
          ...diff.removed.map(({ name, versions }) => `- ${name} ${versions.join(", ")}`),
          ...diff.changed.map(({ name, before, after, what }) =>
            what.includes("version")
              ? `~ ${name} ${before.join(", ")} -> ${after.join(", ")}`
              : `~ ${name} (${what.join(", ")})`,
          ),
        ];
  const shown = lines.length > 20 ? [...lines.slice(0, 20), `… and ${lines.length - 20} more`] : lines;
  const message = diff === undefined ? "There is no lock" : "The lock is not up to date with pyproject.toml";
  return new Failure("DXPY_LOCK_OUTDATED", message, {
    context: { path: project.root, ...(shown.length > 0 ? { detail: shown.join("\n") } : {}) },
    hint: "Run `dx-py lock`.",
  });
}
