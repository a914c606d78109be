/** Locking as a whole act: from what the project declares to the two lock files, doing as little as the state allows. */
import type { AskedInterpreter } from "../interpreters/inspect.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { diffLocks, isEmptyDiff, type LockDiff } from "../lock/lock-diff.ts";
import {
  compileLock,
  confirmInputs,
  freshness,
  type ReadLock,
  readLock,
  restoreText,
  writeCompiled,
} from "../lock/lock-files.ts";
import type { Lock, LockedPackage } from "../lock/lock-model.ts";
import { Failure } from "../platform/errors.ts";
import type { Preference, ResolveRequest } from "../resolver/request.ts";
import type { ResolutionStats } from "../resolver/resolution.ts";
import { normalizeName } from "../standards/names.ts";
import type { ActContext } from "./act-context.ts";
import type { Project } from "./discover.ts";
import { foreignLock } from "./foreign-lock.ts";
import { agreedFrame, conflictInWords, keptVersions, type LockFrame } from "./merged-lock.ts";
import { isSpan } from "./moments.ts";
import { withPinsOf } from "./pin-outputs.ts";
import { noProjectTable } from "./project-file.ts";
import { lockInputs, sourceDigests } from "./project-inputs.ts";
import { type ResolvedProject, resolveProject } from "./resolve-project.ts";
import {
  makeResolveRequest,
  requestFingerprint,
  settingsToCompare,
  VERSION_SETTINGS,
} from "./resolve-request.ts";
import { pointingAt } from "./setting-checks.ts";
import {
  type ResolutionSettings,
  resolutionSettings,
  type SettingFlags,
  type UserConfig,
} from "./settings.ts";
import type { ToolSettings } from "./tool-settings.ts";

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
  /**
   * A `dry-run` of a request that this one only narrows to what was found then: its resolution is taken over, because it is one of this
   * request too.
   */
  trial?: LockOutcome;
  /** The project's interpreter, where it must be there whether or not anything has to be resolved. */
  asked?: AskedInterpreter;
  /** Called when all that can fail is done, and the lock is about to be written or was found to be right. */
  beforeWriting?: () => void;
}

export interface LockOutcome {
  /**
   * `fresh`: nothing it depends on changed. `confirmed`: files changed, but nothing that is resolved from. `unchanged`: resolved
   * again, with the same result. `changed`, `created`: as they say.
   */
  status: "fresh" | "confirmed" | "unchanged" | "changed" | "created";
  /** Decoded when it is first asked for, where it was there already. */
  readonly lock: Lock;
  packages: number;
  /** The lock that was there and is right: open, to be closed by the caller. */
  read?: ReadLock;
  readonly diff: LockDiff;
  stats?: ResolutionStats;
  /** It was resolved before, and all that was read then is as it was: the pages that were compared. */
  remembered?: { pages: number };
  /** The lock of another tool whose versions were preferred: `uv.lock`. */
  preferredFrom?: string;
  /** Chosen already, where resolving needed it. */
  interpreter?: Interpreter;
  resolved?: ResolvedProject;
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
  const kept = options.options === "keep" ? read?.dpl.lock.options : undefined;
  const now = Date.now();
  const ask = (given: SettingFlags) => {
    const settings = resolutionSettings(given, project.main.settings, context.env, kept);
    const upgrade = options.upgrade === true ? (true as const) : options.upgrade.map(normalizeName);
    const requestOf = (of: Project) => {
      const fresh = makeResolveRequest({ project: of, settings, preferences: [], upgrade, now });
      return { ...fresh, ...startingFrom(existing, fresh, settings, of) };
    };
    // What is preferred is no part of what is asked for: an old lock is decoded only to resolve.
    const request = makeResolveRequest({ project, settings, preferences: [], upgrade, now });
    const digests = sourceDigests(project, request.sources);
    return {
      settings,
      requestOf,
      request,
      fingerprint: requestFingerprint(request, project, settings, digests),
    };
  };
  // A lock that is right stays right, whichever of its files `install --no-build` then refuses to use.
  let asked = await pointingAt(project.main.document, () =>
    ask(options.options === "keep" ? withoutFileChoice(flags) : flags),
  );
  const inputs = lockInputs(project, asked.request.sources);
  const upgrading = options.upgrade === true || options.upgrade.length > 0;
  if (read !== undefined && read.dpl.header.fingerprint === asked.fingerprint && !upgrading) {
    await options.asked?.interpreter;
    const confirmed = read.state !== "fresh" || options.beforeWriting !== undefined;
    if (mode === "write") options.beforeWriting?.();
    if (confirmed && mode === "write") await confirmInputs(project.root, read, inputs);
    // Who asks for a lock wants the text too; an installation has enough in the binary one.
    if (mode === "write" && options.options === "own") restoreText(project.root);
    return {
      status: confirmed ? "confirmed" : "fresh",
      get lock() {
        return read.lock;
      },
      packages: read.dpl.header.packages,
      read,
      diff: NO_DIFF,
      milliseconds: performance.now() - started,
    };
  }
  if (mode === "check" && read === undefined) {
    await options.asked?.interpreter;
    throw outdated(project, undefined);
  }
  if (options.options === "keep") asked = ask(flags);
  const passing = movesOn(asked.settings, project.main.settings);
  const resolved =
    options.trial?.resolved?.narrowedTo(asked.fingerprint) ??
    (await resolveProject({ ...options, ...asked, passing }));
  for (const name of options.upgrade === true ? [] : options.upgrade.map(normalizeName)) {
    const found = resolved.lock.packages.some((entry) => entry.name === name);
    if (!found) context.warn(`\`${name}\` was to be upgraded, but nothing requires it`);
  }
  const before = read?.lock;
  let diff = before === undefined ? undefined : diffLocks(before, resolved.lock);
  read?.dpl.close();
  const same = diff !== undefined && isEmptyDiff(diff);
  if (mode === "check" && (!same || read?.dpl.header.fingerprint !== asked.fingerprint)) {
    throw outdated(project, diff);
  }
  if (mode === "write") {
    let compiled = await resolved.compile();
    // Only then is a lock that was found again decoded, which takes longer than all the rest of it.
    if (before?.packages.some(({ outputs }) => outputs !== undefined)) {
      const pinned = withPinsOf(before, resolved.lock);
      if (pinned !== resolved.lock) compiled = await compileLock(pinned);
    }
    options.beforeWriting?.();
    writeCompiled(project.root, compiled, inputs);
  }
  return {
    status: read === undefined ? "created" : same ? "unchanged" : "changed",
    get lock() {
      return resolved.lock;
    },
    packages: resolved.packages,
    get diff() {
      diff ??= diffLocks(undefined, resolved.lock);
      return diff;
    },
    ...(resolved.stats === undefined ? {} : { stats: resolved.stats }),
    ...(resolved.remembered === undefined ? {} : { remembered: resolved.remembered }),
    ...(existing?.preferredFrom === undefined || upgrading ? {} : { preferredFrom: existing.preferredFrom }),
    interpreter: resolved.interpreter,
    resolved,
    milliseconds: performance.now() - started + (options.trial?.milliseconds ?? 0),
  };
}

/** Whether the same question would be another one a moment later. */
function movesOn({ excludeNewer }: ResolutionSettings, tool: ToolSettings): boolean {
  const single = Object.values(tool["exclude-newer-package"] ?? {});
  return [excludeNewer, ...single].some((text) => typeof text === "string" && isSpan(text));
}

/** What the next resolution begins with: the versions and forks of the lock that is there, as far as they are of use to it. */
function startingFrom(
  existing: ExistingLock | undefined,
  request: ResolveRequest,
  settings: ResolutionSettings,
  project: Project,
): Pick<ResolveRequest, "preferences" | "forks"> {
  if (existing === undefined || request.upgrade === true) return { preferences: [] };
  const lock = existing.read?.lock ?? existing.frame;
  if (lock === undefined) return { preferences: existing.preferences() };
  const changed = changedSettings(lock.settings, settingsToCompare(request, settings, project));
  // Whoever asks for other versions would get the old ones if they were preferred.
  if (VERSION_SETTINGS.some((name) => changed.has(name))) return { preferences: [] };
  const preferences = existing.preferences();
  const sameForks = changed.size === 0 && lock.requiresPython === request.requiresPython;
  return sameForks && lock.forks !== undefined ? { preferences, forks: lock.forks } : { preferences };
}

function changedSettings(
  before: Readonly<Record<string, string>> = {},
  now: Readonly<Record<string, string>>,
): Set<string> {
  const names = [...Object.keys(before), ...Object.keys(now)];
  return new Set(names.filter((name) => before[name] !== now[name]));
}

function withoutFileChoice(flags: SettingFlags): SettingFlags {
  const { noBinary: _1, noBuild: _2, noBinaryPackages: _3, noBuildPackages: _4, ...others } = flags;
  return others;
}

interface ExistingLock {
  /** Absent for a lock that cannot be used as it is (a merge conflict). */
  read?: ReadLock;
  /** What a lock that cannot be used as it is was resolved with, where that is known. */
  frame?: LockFrame;
  preferences(): Preference[];
  preferredFrom?: string;
}

/** What is there already. A conflict of a merge leaves what both sides agree on, as preferences. */
async function readExisting({ project, context, mode }: LockOptions): Promise<ExistingLock | undefined> {
  try {
    const read = await readLock(project.root, { report: (warning) => context.warn(warning) });
    if (read === undefined) {
      const other = foreignLock(project.root);
      return other === undefined
        ? undefined
        : { preferredFrom: other.file, preferences: () => other.preferences };
    }
    return { read, preferences: () => read.lock.packages.flatMap(preferenceOf) };
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "DXPY_LOCK_CONFLICT" || mode === "check") throw error;
  }
  const state = freshness(project.root);
  const conflict = state.state === "conflict" ? state.conflict : undefined;
  if (conflict === undefined) {
    context.warn("pylock.toml holds conflict markers of a merge that do not pair: it is resolved anew");
    return { preferences: () => [] };
  }
  context.warn(conflictInWords(conflict));
  const frame = agreedFrame(conflict);
  return { ...(frame === undefined ? {} : { frame }), preferences: () => keptVersions(conflict) };
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
