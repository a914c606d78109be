/**
 * Ties builds together: a build needs an environment, an environment needs a resolution and packages, and those may need builds.
 * realise/ asks for both through its context; here is the answer.
 */

import { mkdtempSync } from "node:fs";
import { findLayout, healLayout } from "../environment/heal.ts";
import { looksHealthy } from "../environment/layout-health.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { type LayoutPlan, projectHash } from "../layout/layout-plan.ts";
import type { PackageIndex } from "../package-index/client.ts";
import type { FileLock } from "../platform/file-lock.ts";
import { type Home, homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import type { RealiseContext } from "../realise/realise-context.ts";
import type { WantedPackage } from "../realise/wanted-package.ts";
import type { BuildInterface } from "../resolver/build-interface.ts";
import type { ResolveRequest } from "../resolver/request.ts";
import { formatRequirement, type Requirement } from "../standards/requirements.ts";
import { openStore, type Store } from "../store/store.ts";
import { tryHoldStore } from "../store/store-lock.ts";
import { isSystemHome, systemStoreBelow } from "../store/system-store.ts";
import type { ActContext } from "./act-context.ts";
import { buildSettings } from "./build-settings.ts";
import { cacheChoices, sharerFor, storeSettings, substituterChain } from "./cache-settings.ts";
import type { Project } from "./discover.ts";
import { gitLogins } from "./git-logins.ts";
import { rememberRequires } from "./remembered-requires.ts";
import { resolveHere } from "./resolve-here.ts";
import type { BuildPolicy } from "./resolve-request.ts";
import { defaultGroups } from "./root-requirements.ts";
import { isOffline, type SettingFlags, type UserConfig } from "./settings.ts";
import { describeSource } from "./static-source.ts";

export interface BuildRequestContext {
  project: Project;
  flags: SettingFlags;
  user: UserConfig | undefined;
  interpreter: Interpreter;
  index: () => PackageIndex | Promise<PackageIndex>;
  context: ActContext;
  /** Builds obey the policy of the resolution they serve. */
  request: BuildPolicy;
  /** The resolution itself, for what is built in the environment that it is to give. */
  resolving?: ResolveRequest;
}

export function openStores(context: ActContext, share?: string): Store {
  const system = share === "off" ? undefined : systemStoreBelow(context.home, context.env);
  return openStore(context.home, system === undefined ? {} : { system });
}

export function realiseContextFor(of: BuildRequestContext): RealiseContext {
  const { project, flags, user, interpreter, context } = of;
  const tool = project.main.settings;
  const { share } = storeSettings(tool, user, context.env);
  const store = openStores(context, share);
  const offline = isOffline(flags, tool, user, context.env);
  const system = isSystemHome(context.home, context.env);
  const caches = cacheChoices(tool, user, context.env, { system });
  const sharer = sharerFor(context, store, share);
  return {
    home: context.home,
    store,
    projectDir: project.root,
    interpreter,
    env: context.env,
    index: of.index,
    offline,
    gitLogins: () => gitLogins(project),
    substituters: substituterChain(caches, project.root, offline, context),
    ...(sharer === undefined
      ? {}
      : { shareFromSystem: (hash, buildHash) => void sharer.share(hash, buildHash) }),
    onProgress: (event) => context.progress(event),
    resolveBuildRequires: (requirements) => resolveBuildRequires(requirements, of),
    makeBuildEnvironment: buildEnvironmentMaker(context.home, store),
    build: buildSettings(flags, tool, user, context.env, of.request),
  };
}

/** The interpreter may still be being asked: builds wait for it. */
export interface LaterBuilds extends Omit<BuildRequestContext, "interpreter"> {
  interpreter: Interpreter | Promise<Interpreter>;
}

/** What the resolver asks of builds; folders whose metadata is static are read without one. */
export function buildInterfaceFor(of: LaterBuilds): BuildInterface {
  let made: Promise<BuildInterface> | undefined;
  const prepare = async () => await prepareBuilds({ ...of, interpreter: await of.interpreter });
  const builds = () => {
    made ??= prepare();
    return made;
  };
  return {
    async metadataOfSdist(file) {
      return await (await builds()).metadataOfSdist(file);
    },
    async metadataOfSource(source, name) {
      const described = await describeSource(source, name, of.project);
      if (described?.metadata !== undefined) return { ...described, metadata: described.metadata };
      const found = await (await builds()).metadataOfSource(source, name);
      return {
        ...found,
        ...(described === undefined ? {} : { locked: described.locked, sources: described.sources }),
      };
    },
  };
}

/** The newest packages that fit, for this interpreter only. */
async function resolveBuildRequires(
  requirements: Requirement[],
  of: BuildRequestContext,
): Promise<WantedPackage[]> {
  const { interpreter, request, context } = of;
  const index = await of.index();
  const facts = [
    requirements.map(formatRequirement).sort(),
    (request.buildConstraints ?? []).map(formatRequirement),
    { ...request, buildConstraints: undefined },
    interpreter.fingerprint,
  ];
  return await rememberRequires(context.home, index.settings, facts, () =>
    resolveForBuild(requirements, of, index),
  );
}

async function resolveForBuild(
  requirements: Requirement[],
  of: BuildRequestContext,
  index: PackageIndex,
): Promise<WantedPackage[]> {
  const { interpreter, request } = of;
  return await resolveHere(
    {
      root: { name: "build-environment" },
      requirements: requirements.map((requirement) => ({
        requirement,
        scope: {},
        declaredAt: "build-system.requires",
      })),
      requiresPython: undefined,
      extras: [],
      groups: [],
      constraints: request.buildConstraints ?? [],
      overrides: [],
      excludes: [],
      sources: {},
      indexPins: {},
      environments: [],
      requiredEnvironments: [],
      conflicts: [],
      prerelease: request.prerelease,
      resolution: "highest",
      forkStrategy: "fewest",
      ...(request.excludeNewer === undefined ? {} : { excludeNewer: request.excludeNewer }),
      excludeNewerPackage: request.excludeNewerPackage,
      noBinary: request.noBinary,
      noBuild: request.noBuild,
      preferences: [],
      upgrade: [],
    },
    { extras: [], groups: [] },
    { index, interpreter, build: buildInterfaceFor(of) },
  );
}

/** For what is built without isolation while a lock is being made. One for each set of requirements. */
function environmentOfOthers(of: BuildRequestContext, resolving: ResolveRequest, realising: RealiseContext) {
  const made = new Map<string, Promise<string | undefined>>();
  return (requires: readonly Requirement[]) => {
    const key = requires.map(({ normalized }) => normalized).join(" ");
    const known = made.get(key);
    if (known !== undefined) return known;
    const { resolving: _, ...plain } = of;
    const make = async () => {
      const { pythonOfOthers } = await import("./environment-of-others.ts");
      const here = { index: await of.index(), interpreter: of.interpreter, build: buildInterfaceFor(plain) };
      return await pythonOfOthers(resolving, requires, defaultGroups(of.project), here, realising);
    };
    const making = make();
    made.set(key, making);
    return making;
  };
}

async function prepareBuilds(of: BuildRequestContext): Promise<BuildInterface> {
  const { createBuildInterface } = await import("../realise/build/create-build-interface.ts");
  const realising = realiseContextFor(of);
  const withOthers = (context: RealiseContext): RealiseContext =>
    of.resolving === undefined
      ? context
      : { ...context, environmentOfOthers: environmentOfOthers(of, of.resolving, context) };
  if (await holdStore(of.context)) return createBuildInterface(withOthers(realising));
  const { tmpdir } = await import("node:os");
  // Builds need a place to write: for as long as this process takes, with what the real store has below it.
  const home = homeFolders({ DX_PY_HOME: mkdtempSync(`${tmpdir()}/dx-py-home-`) });
  process.on("exit", () => removeTree(home.root));
  return createBuildInterface(
    withOthers(realiseInto(realising, { home, store: openStore(home, { system: of.context.home.store }) })),
  );
}

/** Where the usual home cannot be written to, its store is only read, and nothing is taken into it. */
export function realiseInto(realising: RealiseContext, into: { home: Home; store: Store }): RealiseContext {
  if (into.home.store === realising.home.store) return { ...realising, ...into };
  const { shareFromSystem: _, ...rest } = realising;
  return { ...rest, ...into, makeBuildEnvironment: buildEnvironmentMaker(into.home, into.store) };
}

let held: FileLock | undefined;

/**
 * Build environments have no root: until this process ends, nobody collects what they stand on. False where the home cannot be
 * written to.
 */
async function holdStore({ home }: ActContext): Promise<boolean> {
  try {
    while (held === undefined) {
      held = tryHoldStore(home);
      if (held === undefined) await Bun.sleep(20);
    }
    return true;
  } catch {
    return false;
  }
}

/** A build environment is a layout as any other: the next build with the same requirements finds it. */
function buildEnvironmentMaker(
  home: Home,
  store: Store,
): NonNullable<RealiseContext["makeBuildEnvironment"]> {
  return async (packages, interpreter) => {
    const plan: LayoutPlan = {
      interpreter,
      packages: packages.map(({ outputHash, object }) => ({
        outputHash,
        object,
        treePath: store.objectPath(outputHash),
      })),
      editables: [],
      linkMode: "symlink",
      realPaths: [],
    };
    const hash = projectHash(plan);
    const known = await findLayout(home, Uint8Array.fromHex(hash));
    if (known === undefined || !looksHealthy(home, known)) await healLayout(home, plan, hash);
    return { prefix: `${home.layouts}/${hash}` };
  };
}
