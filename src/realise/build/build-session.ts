/**
 * A build session is one source tree, opened, with the environment that its backend asks for: the place where hooks are
 * called. It holds the lock of its build hash, so that of all processes one builds and the others find the result.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { ensureDir } from "../../platform/atomic-file.ts";
import { Failure } from "../../platform/errors.ts";
import { withLock } from "../../platform/file-lock.ts";
import { inNamedStaging } from "../../platform/staging.ts";
import { normalizeName } from "../../standards/names.ts";
import type { BuildSystem } from "../../standards/pyproject.ts";
import { parseRequirement, type Requirement } from "../../standards/requirements.ts";
import type { AskedBuild } from "../asked-package.ts";
import type { BuildHook, FetchDerivation, PackageReference } from "../derivation.ts";
import type { Realise, RealiseContext } from "../realise-context.ts";
import { treeFiles } from "../source/directory-digest.ts";
import { openSource } from "../source/open-source.ts";
import { callHook, type FirstCall, type HookAnswer } from "./backend-hook.ts";
import { type BuildLog, lastLines, logPath, logTail, openLog } from "./build-log.ts";
import { buildSystemOf } from "./build-system.ts";
import { type BuildFolders, buildVariables, cargoHomeFor, recordedVariables } from "./build-variables.ts";
import { hintForLog } from "./failure-hints.ts";
import { noteNeed } from "./needed-builds.ts";
import { sandbox } from "./sandbox.ts";
import { hintForMissing, missingFrom } from "./without-isolation.ts";

export interface BuildSession {
  readonly asked: AskedBuild;
  readonly system: BuildSystem;
  /** Where the tree is. */
  readonly folder: string;
  readonly staging: string;
  readonly fetch?: FetchDerivation;
  /** For a directory: the files that it had when the session began. */
  readonly filesBefore?: readonly string[];
  /** Sorted by name. Complete once the hook was called that `prepare` was for. */
  readonly requires: readonly PackageReference[];
  readonly sandboxed: boolean;
  /** What the backend sees, as a derivation records it. */
  recordedVariables(): Record<string, string>;
  /**
   * Makes the environment of `build-system.requires`. What `get_requires_for_<hook>` asks for besides is found out, and
   * provided, by the next call.
   */
  prepare(hook: BuildHook | "build_sdist"): Promise<void>;
  /** The log is left under the build hash of what was made too. */
  keepLogFor(buildHash: string): void;
  /** `undefined` where the backend has no such hook. Failure DXPY_BUILD_FAILED with the log's last lines. */
  call(hook: string, ...args: unknown[]): Promise<{ result: unknown } | undefined>;
  /** DXPY_BUILD_FAILED for an answer that the standard does not allow. */
  failed(hook: string, problem: string): Failure;
}

/** Runs `action` in a session, alone in the world for this build hash; removes what it staged. */
export async function inBuildSession<T>(
  asked: AskedBuild,
  context: RealiseContext,
  realise: Realise,
  action: (session: BuildSession) => Promise<T>,
): Promise<T> {
  const { home } = context;
  const forget = noteNeed(context.neededBy, asked.hash, asked.name);
  const locks = `${context.store.root}/drv-lock`;
  ensureDir(locks);
  try {
    // Compilers write the path of the tree into what they make: the same request is built in the same place.
    const place = `build-${asked.hash.slice(0, 32)}`;
    const run = async (staging: string): Promise<T> => {
      context.signal?.throwIfAborted();
      const log = openLog(logPath(context.store.root, asked.hash));
      let made: string | undefined;
      const keepLogFor = (buildHash: string) => {
        made = logPath(context.store.root, buildHash);
      };
      try {
        return await action(await openSession(asked, staging, log, context, realise, keepLogFor));
      } finally {
        log.close(made);
      }
    };
    return await withLock(`${locks}/${asked.hash}`, () => inNamedStaging(home, place, run));
  } finally {
    forget();
  }
}

async function openSession(
  asked: AskedBuild,
  staging: string,
  log: BuildLog,
  context: RealiseContext,
  realise: Realise,
  keepLogFor: BuildSession["keepLogFor"],
): Promise<BuildSession> {
  const enclose = context.build?.sandbox === true ? sandbox(context.env) : undefined;
  for (const name of ["home", "tmp", "call"]) mkdirSync(`${staging}/${name}`);
  const { folder, fetch } = await openSource(asked.name, asked.source, staging, context);
  const system = buildSystemOf(folder);
  const folders: BuildFolders = {
    staging,
    cargoHome: cargoHomeFor(context.env, `${context.home.index}/cargo`),
  };
  const requested = asked.request?.build.environment ?? {};
  const isolated = asked.request?.build.isolated ?? true;
  let python = context.interpreter.executable;
  if (!isolated) {
    const { pythonWithoutIsolation: given } = context.build ?? {};
    python = given ?? (await context.environmentOfOthers?.(system.requires)) ?? python;
    folders.environment = dirname(dirname(python));
  }
  let requires: PackageReference[] = [];
  let pending: { hook: string; stated: readonly Requirement[] } | undefined;

  async function makeEnvironment(requirements: readonly Requirement[]): Promise<void> {
    const made = await buildEnvironment(asked, requirements, context, realise);
    requires = made.requires;
    folders.environment = made.prefix;
    python = `${made.prefix}${process.platform === "win32" ? "/Scripts/python.exe" : "/bin/python"}`;
    log.note(`environment: ${requires.map((one) => `${one.name} ${one.version}`).join(", ") || "nothing"}`);
  }

  async function run(hook: string, args: unknown[], first?: FirstCall): Promise<HookAnswer> {
    log.note(`${system.backend} ${first?.hook ?? hook}`);
    context.onProgress?.({ kind: "build", name: asked.name, hook, log: log.path });
    const answer = await callHook({
      python,
      folder,
      backend: system.backend,
      backendPath: system.backendPath.map((path) => `${folder}/${path}`),
      hook,
      arguments: args,
      ...(first === undefined ? {} : { first }),
      variables: buildVariables(folders, context.env, requested),
      log: log.file,
      staging: `${staging}/call`,
      ...(enclose === undefined ? {} : { sandboxed: (argv: readonly string[]) => enclose(argv, writable()) }),
      ...(context.signal === undefined ? {} : { signal: context.signal }),
    });
    context.signal?.throwIfAborted();
    return answer;
  }

  /** `undefined`: nothing is pending, or the environment had to be made anew for what was asked for. */
  async function callPending(hook: string, args: unknown[]): Promise<HookAnswer | undefined> {
    if (pending === undefined) return undefined;
    const { hook: ask, stated } = pending;
    pending = undefined;
    const enough = isolated ? { enough: stated.map(({ text }) => text) } : {};
    const both = process.platform !== "win32";
    const first = { hook: ask, arguments: [configSettings(asked)], ...enough };
    const answer = both
      ? await run(hook, args, first)
      : { first: await run(ask, first.arguments), left: true as const };
    // Without `first` the backend could not even be imported.
    const required = resultOf(ask, answer.first ?? answer);
    if (required === undefined || !isolated) return "left" in answer ? undefined : answer;
    const more = requirementsIn(required.result);
    if (more === undefined) throw failed(ask, "it did not return a list of requirements");
    const fresh = more.filter((text) => !stated.some((requirement) => requirement.text === text));
    if (fresh.length === 0) return "left" in answer ? undefined : answer;
    await makeEnvironment([...stated, ...fresh.map((text) => parseRequirement(text, { where: ask }))]);
    return undefined;
  }

  function resultOf(hook: string, answer: HookAnswer): { result: unknown } | undefined {
    if ("result" in answer) return answer;
    if ("missing" in answer || "left" in answer) return undefined;
    if ("unavailable" in answer)
      throw failed(hook, `the backend ${system.backend} cannot be imported: ${answer.unavailable.message}`);
    throw failed(hook, `${answer.failed.type}: ${answer.failed.message}`);
  }

  function failed(hook: string, problem: string): Failure {
    const stated = system.requires.map(({ normalized }) => normalized);
    const missing = isolated ? [] : missingFrom(folders.environment ?? "", stated);
    return buildFailure(asked, log, context, hook, problem, missing);
  }

  /** Not cargo's folder: who may write there decides what other builds, outside of the sandbox, compile and run. */
  function writable(): string[] {
    ensureDir(folders.cargoHome);
    return [staging, ...(asked.source.kind === "directory" ? [asked.source.path] : [])];
  }

  const session: BuildSession = {
    asked,
    system,
    folder,
    staging,
    ...(fetch === undefined ? {} : { fetch }),
    ...(asked.source.kind === "directory" ? { filesBefore: treeFiles(asked.source.path) } : {}),
    get requires() {
      return requires;
    },
    sandboxed: enclose !== undefined,
    keepLogFor,
    recordedVariables: () =>
      recordedVariables(buildVariables(folders, context.env, requested), folders, context.env),
    async prepare(hook) {
      const extra = asked.request?.build.extraRequires ?? [];
      const stated = [...system.requires, ...extra.map((text) => parseRequirement(text))];
      if (isolated) await makeEnvironment(stated);
      pending = { hook: `get_requires_for_${hook}`, stated };
    },
    async call(hook, ...args) {
      const answer = (await callPending(hook, args)) ?? (await run(hook, args));
      return resultOf(hook, answer);
    },
    failed,
  };
  return session;
}

/** The layout that holds the requirements: in milliseconds when one like it was made before. */
async function buildEnvironment(
  asked: AskedBuild,
  requirements: readonly Requirement[],
  context: RealiseContext,
  realise: Realise,
): Promise<{ prefix: string; requires: PackageReference[] }> {
  const { resolveBuildRequires, makeBuildEnvironment, interpreter } = context;
  if (makeBuildEnvironment === undefined || (resolveBuildRequires === undefined && requirements.length > 0)) {
    throw new Failure(
      "DXPY_CANNOT_BUILD",
      `${asked.name} must be built from source, which this command does not do`,
      {
        context: { package: asked.name },
        hint: "Run `dx-py install` first.",
      },
    );
  }
  const wanted = requirements.length === 0 ? [] : await resolveBuildRequires!([...requirements]);
  const packages = await realise(wanted, { ...context, neededBy: asked.hash });
  const { prefix } = await makeBuildEnvironment(packages, interpreter);
  const requires = packages
    .map(({ name, outputHash, derivation, object }) => ({
      name: normalizeName(name),
      version: object.version,
      output: outputHash,
      derivation,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { prefix, requires };
}

/** PEP 517: what the caller gave, `None` when nothing. */
export function configSettings(asked: AskedBuild): unknown {
  const settings = asked.request?.build.configSettings ?? {};
  return Object.keys(settings).length === 0 ? null : settings;
}

function requirementsIn(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) return undefined;
  return value;
}

function buildFailure(
  asked: AskedBuild,
  log: BuildLog,
  context: RealiseContext,
  hook: string,
  problem: string,
  missing: readonly string[],
): Failure {
  const tail = logTail(log.path);
  const version = asked.version === undefined ? "" : ` ${asked.version}`;
  const hint =
    hintForMissing(asked.name, missing) ??
    hintForLog(`${tail}\n${problem}`, {
      name: asked.name,
      python: context.interpreter.version,
      sandboxed: context.build?.sandbox === true,
    });
  const shown = lastLines(tail);
  return new Failure(
    "DXPY_BUILD_FAILED",
    `Building ${asked.name}${version} failed in ${hook}: ${firstLine(problem)}`,
    {
      context: { package: asked.name, path: `${log.path}.zst`, ...(shown === "" ? {} : { detail: shown }) },
      hint: `${hint === undefined ? "" : `${hint}\n`}\`dx-py drv log ${asked.hash.slice(0, 12)}\` shows the whole log.`,
    },
  );
}

function firstLine(text: string): string {
  const found = text.split("\n").find((one) => one.trim() !== "") ?? text;
  // The whole command of a compiler says less than what the compiler said, which comes below.
  const line = found.replace(/Command '\['([^']+)'.*/, "the command `$1` failed");
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
