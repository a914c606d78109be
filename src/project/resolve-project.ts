/** Resolves a project for good: with an interpreter, the indexes, and builds where metadata needs them. */
import type { AskedInterpreter, FirstWords } from "../interpreters/inspect.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { type CompiledLock, compileLock } from "../lock/lock-files.ts";
import { lockFromResolution } from "../lock/lock-from-resolution.ts";
import type { Lock, LockedPackage } from "../lock/lock-model.ts";
import { expectLongRun } from "../platform/just-in-time.ts";
import type { BuildInterface } from "../resolver/build-interface.ts";
import type { ResolveRequest } from "../resolver/request.ts";
import type { ResolutionStats, UnknownExtra } from "../resolver/resolution.ts";
import { parseRequirement, type Requirement } from "../standards/requirements.ts";
import type { ActContext } from "./act-context.ts";
import { buildInterfaceFor } from "./build-hooks.ts";
import { withStatedMetadata } from "./dependency-metadata.ts";
import type { Project } from "./discover.ts";
import { openIndex } from "./index-source.ts";
import { isDynamic, type ProjectFile } from "./project-file.ts";
import { askProjectsInterpreter } from "./project-interpreter.ts";
import { recordBuilds } from "./recorded-builds.ts";
import { openMemo, type RememberedResolution } from "./resolution-memo.ts";
import { settingsToCompare } from "./resolve-request.ts";
import { defaultGroups } from "./root-requirements.ts";
import { pointingAt } from "./setting-checks.ts";
import { optionsToKeep, type ResolutionSettings, type SettingFlags, type UserConfig } from "./settings.ts";

export interface ResolveProjectOptions {
  project: Project;
  flags: SettingFlags;
  user: UserConfig | undefined;
  context: ActContext;
  settings: ResolutionSettings;
  /** The request of a project whose dynamic fields are filled in. */
  requestOf: (project: Project) => ResolveRequest;
  fingerprint: string;
  /** The answer depends on the clock: it is not worth keeping. */
  passing: boolean;
  /** The project's interpreter, where somebody asks it already. */
  asked?: AskedInterpreter;
}

export interface ResolvedProject {
  /** Decoded when it is first asked for, where it was remembered. */
  readonly lock: Lock;
  packages: number;
  /** The lock as its files have it. Keeps it for the next time, where it was resolved. */
  compile(): Promise<CompiledLock>;
  /** The same as the answer to another request that it satisfies. Not kept: resolving that one might find something else. */
  narrowedTo(fingerprint: string): ResolvedProject;
  /** Absent where it was remembered. */
  stats?: ResolutionStats;
  /** How many pages were found to be as they were. */
  remembered?: { pages: number };
  interpreter: Interpreter;
}

/** So many decisions take longer than the compiler does. */
const LONG = 4000;

/** Errors: DXPY_UNSATISFIABLE, DXPY_NO_PYTHON, those of the indexes and of builds. */
export async function resolveProject(options: ResolveProjectOptions): Promise<ResolvedProject> {
  const { project, flags, context } = options;
  context.progress({ kind: "phase", phase: "resolving" });
  const asked = options.asked ?? askProjectsInterpreter(project, flags, context);
  const first = await asked.first;
  if (first === undefined) return await resolveWith(await asked.interpreter, asked.interpreter, options);
  // It takes its time to say the rest, which only builds need.
  const early = resolveWith(first, asked.interpreter, options);
  early.catch(() => {});
  const interpreter = await asked.interpreter;
  if (agree(first, interpreter)) return await early;
  await early.catch(() => {});
  return await resolveWith(interpreter, asked.interpreter, options);
}

/** Not so where a wrapper says something of its own. */
function agree(first: FirstWords, { version, defaultIndex, basePrefix }: Interpreter): boolean {
  return first.version === version && first.defaultIndex === defaultIndex && first.basePrefix === basePrefix;
}

async function resolveWith(
  first: FirstWords,
  interpreter: Promise<Interpreter>,
  options: ResolveProjectOptions,
): Promise<ResolvedProject> {
  const { flags, user, context, settings } = options;
  const index = await pointingAt(options.project.main.document, () =>
    openIndex({ flags, project: options.project, user, interpreter: first, context }),
  );
  try {
    const buildsOf = (project: Project) =>
      buildInterfaceFor({
        project,
        flags,
        user,
        interpreter,
        index: () => index,
        context,
        request: options.requestOf(project),
        resolving: options.requestOf(project),
      });
    const project = await withBuiltMetadata(options.project, buildsOf(options.project));
    const plain = options.requestOf(project);
    const requiresPython = plain.requiresPython ?? minorAndLater(first);
    const request = { ...plain, requiresPython };
    const frame = {
      requiresPython,
      extras: request.extras,
      dependencyGroups: request.groups,
      defaultGroups: defaultGroups(project),
      fingerprint: options.fingerprint,
      options: optionsToKeep(settings, project.main.settings),
      settings: settingsToCompare(request, settings, project),
    };
    const build = recordBuilds(buildsOf(project), project.root);
    const { fingerprint } = options;
    const memo = options.passing ? undefined : openMemo(context.home, index, { request, fingerprint, frame });
    const known = await memo?.find(build);
    if (known !== undefined) {
      tellUnknownExtras(known.unknownExtras, context);
      return rememberedProject(known, await interpreter);
    }
    const { resolve } = await import("../resolver/resolve.ts");
    let long = false;
    const resolution = await resolve(request, {
      index: withStatedMetadata(index, project.main.settings["dependency-metadata"] ?? []),
      interpreter: first,
      build,
      onProgress({ decisions, name }: { decisions: number; name?: string }) {
        if (decisions > LONG && !long) expectLongRun();
        long = decisions > LONG;
        context.progress(
          name === undefined ? { kind: "resolving", decisions } : { kind: "resolving", decisions, name },
        );
      },
    });
    const unknownExtras = resolution.unknownExtras ?? [];
    tellUnknownExtras(unknownExtras, context);
    const lock = withRoot(lockFromResolution(resolution, frame), project);
    const keep = await memo?.record(build, { lock, unknownExtras });
    return resolvedProject(lock, { stats: resolution.stats, interpreter: await interpreter }, keep);
  } finally {
    await index.close();
  }
}

function tellUnknownExtras(extras: readonly UnknownExtra[], context: ActContext): void {
  for (const { name, version, extra, known } of extras) {
    const has = known.length === 0 ? "it has none" : `it has: ${known.slice(0, 20).join(", ")}`;
    context.warn(`${name} ${version} has no extra \`${extra}\` (${has})`);
  }
}

function resolvedProject(
  lock: Lock,
  facts: Pick<ResolvedProject, "stats" | "remembered" | "interpreter">,
  keep: ((compiled: CompiledLock) => void) | undefined,
): ResolvedProject {
  return {
    ...facts,
    lock,
    packages: lock.packages.length,
    async compile() {
      const compiled = await compileLock(lock);
      keep?.(compiled);
      return compiled;
    },
    narrowedTo: (fingerprint) => resolvedProject({ ...lock, fingerprint }, facts, undefined),
  };
}

function rememberedProject(
  { lock: compiled, dpl, pages }: RememberedResolution,
  interpreter: Interpreter,
): ResolvedProject {
  let lock: Lock | undefined;
  const decoded = () => {
    lock ??= { ...dpl.lock, packages: dpl.entries().map((entry) => entry.toLocked()) };
    return lock;
  };
  const facts = { remembered: { pages }, interpreter };
  return {
    ...facts,
    get lock() {
      return decoded();
    },
    packages: dpl.header.packages,
    compile: async () => compiled,
    narrowedTo: (fingerprint) => resolvedProject({ ...decoded(), fingerprint }, facts, undefined),
  };
}

/** The project with the dependencies that its build backend computes. */
async function withBuiltMetadata(project: Project, builds: BuildInterface): Promise<Project> {
  const { main } = project;
  if (!isDynamic(main) || main.metadata === undefined) return project;
  const { metadata } = await builds.metadataOfSource(
    { kind: "path", path: main.dir, editable: true },
    main.metadata.name,
  );
  const requirements = metadata.requiresDist.map((text) => parseRequirement(text));
  const optionalDependencies = new Map<string, Requirement[]>(
    metadata.providesExtra.map((extra) => [extra, []]),
  );
  const dependencies: Requirement[] = [];
  for (const requirement of requirements) {
    const { extra, rest } = splitExtra(requirement);
    if (extra === undefined) dependencies.push(requirement);
    else optionalDependencies.set(extra, [...(optionalDependencies.get(extra) ?? []), rest]);
  }
  const file: ProjectFile = { ...main, metadata: { ...main.metadata, dependencies, optionalDependencies } };
  return { ...project, main: file, current: project.current === main ? file : project.current };
}

/** `a; python_version < "3.9" and extra == "x"` as backends write it: the extra, and the requirement without it. */
function splitExtra(requirement: Requirement): { extra?: string; rest: Requirement } {
  const { marker, ...plain } = requirement;
  if (marker === undefined || marker.kind === "or") return { rest: requirement };
  const operands = marker.kind === "and" ? marker.operands : [marker];
  for (const [i, operand] of operands.entries()) {
    if (operand.kind !== "compare" || operand.op !== "==") continue;
    if (operand.left.kind !== "variable" || operand.left.name !== "extra" || operand.right.kind !== "value")
      continue;
    const others = operands.toSpliced(i, 1);
    const [only] = others;
    const extra = operand.right.value;
    if (only === undefined) return { extra, rest: plain };
    return {
      extra,
      rest: { ...plain, marker: others.length === 1 ? only : { kind: "and", operands: others } },
    };
  }
  return { rest: requirement };
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

function minorAndLater({ version }: FirstWords): string {
  const [major, minor] = version.split(".");
  return `>=${major}.${minor}`;
}
