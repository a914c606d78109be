/** Installing: a lock, an interpreter and a selection become a layout, found or built, and the project's `.venv` links to it. */
import { statSync } from "node:fs";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { buildLayout } from "../layout/build-layout.ts";
import type { AliasRecord, LayoutRecord, WatchedFile } from "../layout/dxc-format.ts";
import { type LayoutPlan, type LinkMode, layoutDerivation, projectHash } from "../layout/layout-plan.ts";
import type { Collision } from "../layout/prefix-tree.ts";
import type { Dpl } from "../lock/dpl-reader.ts";
import { ensureDir, uniqueName } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { type Home, homeFolders } from "../platform/home.ts";
import { removeTree } from "../platform/staging.ts";
import { writeDerivation } from "../realise/drv-store.ts";
import type { RealisedPackage, WantedPackage } from "../realise/wanted-package.ts";
import { openStore, type Store } from "../store/store.ts";
import { type AliasFacts, aliasKeys } from "./alias-key.ts";
import { attach } from "./attach.ts";
import { absolutePath, directUrl } from "./direct-url.ts";
import { fallbackReason } from "./fallback.ts";
import { discardDamaged, findLayout, healLayout, rememberRecords } from "./heal.ts";
import { layoutPath, looksHealthy } from "./layout-health.ts";
import { installPrivate, privateEnvironment } from "./private-environment.ts";
import { type Selection, type SelectOptions, selectPackages } from "./select.ts";

export interface InstallOptions {
  /** Absolute. */
  projectDir: string;
  /** Absolute path of the environment. Default `<projectDir>/.venv`. */
  link?: string;
  dpl: Dpl;
  interpreter: Interpreter;
  selection: Selection;
  selectOptions?: SelectOptions;
  home: Home;
  /** The home's store, with the system's below it. */
  store: Store;
  /** Realises into the given home and store: the usual ones, or temporary ones when those cannot be written to. */
  realise: (
    wanted: readonly WantedPackage[],
    into: { home: Home; store: Store },
  ) => Promise<readonly RealisedPackage[]>;
  linkMode?: LinkMode;
  /** Normalised names. */
  realPaths?: readonly string[];
  prompt?: string;
  /** What the warm path will know next time. Absent: no alias is written. */
  alias?: Pick<AliasFacts, "python" | "selection" | "settings" | "env">;
  /** Only make the layout; no link, no root. */
  noAttach?: boolean;
  onWarning?: (message: string) => void;
}

export interface InstallOutcome {
  /** The prefix: a layout, or the private environment itself. */
  layoutPath: string;
  projectHash: string;
  /** `alias` comes from the warm path only. `private`: a folder of the project's own. */
  hit: "hit" | "alias" | "miss" | "healed" | "private";
  /** The environment is another than before the command. */
  changed: boolean;
  interpreterPath: string;
  realised: readonly RealisedPackage[];
  stats: {
    packages: number;
    /** Links and files that were placed; 0 on a hit. */
    links: number;
    /** How many packages came from where. */
    from: Record<RealisedPackage["how"], number>;
    /** Milliseconds: choosing and realising packages, finding or building the layout, attaching it. */
    realiseMs: number;
    layoutMs: number;
    attachMs: number;
  };
  collisions: readonly Collision[];
  /** Why the environment is private although nobody asked for that. */
  fallback?: string;
}

/**
 * Failures: those of `selectPackages`, of realising, and `DXPY_NOT_AN_ENVIRONMENT`. Where layouts or the store cannot be
 * used (read-only, full, no links), the environment is installed as an ordinary folder, and the outcome says why.
 */
export async function installEnvironment(options: InstallOptions): Promise<InstallOutcome> {
  const wanted = selectPackages(options.dpl, options.interpreter, options.selection, options.selectOptions);
  const link = linkOf(options);
  const detached = options.noAttach ? undefined : privateEnvironment(link);
  if (detached?.private === "detached") {
    return await installAsPrivate(options, wanted, { home: options.home, store: options.store }, "detached");
  }
  try {
    return await installAsLayout(options, wanted);
  } catch (error) {
    const reason = fallbackReason(error);
    if (reason === undefined || options.noAttach) throw error;
    const outcome = await installWithoutHome(options, wanted).catch((cause) => {
      throw unwritable(link, cause);
    });
    options.onWarning?.(`${reason}; ${link} is an ordinary environment instead of a link to a shared one`);
    return { ...outcome, fallback: reason };
  }
}

/** An error of the system in the project's own folder: there is no further way. */
function unwritable(link: string, cause: unknown): unknown {
  if (cause instanceof Failure || (cause as { syscall?: string }).syscall === undefined) return cause;
  return new Failure("DXPY_ENVIRONMENT_UNWRITABLE", `the environment cannot be written to ${link}`, {
    context: { path: link, detail: (cause as Error).message },
    hint: "Check the permissions and the space of the project's folder.",
    cause,
  });
}

function linkOf(options: InstallOptions): string {
  return options.link ?? `${options.projectDir}/.venv`;
}

async function installAsLayout(
  options: InstallOptions,
  wanted: readonly WantedPackage[],
): Promise<InstallOutcome> {
  const { home, store, dpl } = options;
  const start = performance.now();
  let realised = await options.realise(wanted, { home, store });
  const realiseDone = performance.now();
  const plan = planOf(options, wanted, realised, store);
  const hash = projectHash(plan);
  const found = await findLayout(home, Uint8Array.fromHex(hash));
  let record: LayoutRecord;
  let hit: InstallOutcome["hit"] = "hit";
  let links = 0;
  let collisions: readonly Collision[] = [];
  const records: AliasRecord[] = [];
  if (found !== undefined && looksHealthy(home, found)) record = found;
  else if (found === undefined && !exists(`${home.layouts}/${hash}`)) {
    const built = buildLayout(plan, home, { hash });
    ({ record, links, collisions } = built);
    hit = "miss";
    writeDerivation(home.store, layoutDerivation(plan));
    await rememberRecords(home, [record]);
  } else {
    // What was changed through a layout's links was changed in the store.
    const damaged = await discardDamaged(
      home,
      store,
      plan.packages.map((p) => p.outputHash),
    );
    if (damaged.length > 0) {
      options.onWarning?.(`${damaged.length} damaged package(s) were taken out of the store and made again`);
      realised = await options.realise(wanted, { home, store });
    }
    const healed = await healLayout(home, planOf(options, wanted, realised, store), hash);
    record = healed.record;
    links = healed.built?.links ?? 0;
    collisions = healed.built?.collisions ?? [];
    hit = healed.built === undefined && damaged.length === 0 ? "hit" : "healed";
  }
  const alias = aliasOf(options, wanted, plan, hash);
  if (alias !== undefined) records.push(alias);
  if (records.length > 0) await rememberRecords(home, records);
  const layoutDone = performance.now();
  const path = layoutPath(home, record);
  const changed = options.noAttach
    ? false
    : attach({ home, link: linkOf(options), layoutPath: path, lock: dpl.digest.toHex() });
  return {
    layoutPath: path,
    projectHash: hash,
    hit,
    changed: changed || hit === "healed",
    interpreterPath: options.interpreter.executable,
    realised,
    stats: {
      packages: realised.length,
      links,
      from: countOrigins(realised),
      realiseMs: realiseDone - start,
      layoutMs: layoutDone - realiseDone,
      attachMs: performance.now() - layoutDone,
    },
    collisions,
  };
}

/** With a home of its own for as long as it takes, beside the environment; what the real store has is still used. */
async function installWithoutHome(
  options: InstallOptions,
  wanted: readonly WantedPackage[],
): Promise<InstallOutcome> {
  const root = `${linkOf(options)}.${uniqueName("home-")}`;
  const home = homeFolders({ DX_PY_HOME: root });
  // Also the first sign that nothing can be written here.
  ensureDir(root);
  try {
    const store = openStore(home, { system: options.home.store });
    return await installAsPrivate(options, wanted, { home, store }, "fallback");
  } finally {
    removeTree(root);
  }
}

async function installAsPrivate(
  options: InstallOptions,
  wanted: readonly WantedPackage[],
  into: { home: Home; store: Store },
  reason: "detached" | "fallback",
): Promise<InstallOutcome> {
  const start = performance.now();
  const link = linkOf(options);
  const realised = await options.realise(wanted, into);
  const realiseDone = performance.now();
  const plan = planOf(options, wanted, realised, into.store);
  const hash = projectHash(plan);
  const same =
    privateEnvironment(link)?.projectHash === hash &&
    exists(`${link}/${plan.interpreter.paths.scripts}/python`);
  const links = same ? 0 : installPrivate(plan, link, reason);
  return {
    layoutPath: link,
    projectHash: hash,
    hit: "private",
    changed: !same,
    interpreterPath: options.interpreter.executable,
    realised,
    stats: {
      packages: realised.length,
      links,
      from: countOrigins(realised),
      realiseMs: realiseDone - start,
      layoutMs: performance.now() - realiseDone,
      attachMs: 0,
    },
    collisions: [],
  };
}

/** `wanted` and `realised` are in the same order. */
function planOf(
  options: InstallOptions,
  wanted: readonly WantedPackage[],
  realised: readonly RealisedPackage[],
  store: Store,
): LayoutPlan {
  const plan: LayoutPlan = {
    interpreter: options.interpreter,
    packages: [],
    editables: [],
    linkMode: options.linkMode ?? "symlink",
    realPaths: [...(options.realPaths ?? [])],
    ...(options.prompt === undefined ? {} : { prompt: options.prompt }),
  };
  for (const [i, { outputHash, object }] of realised.entries()) {
    const { source } = wanted[i]!;
    const direct = directUrl(source, options.projectDir);
    const placed = {
      outputHash,
      object,
      treePath: store.objectPath(outputHash),
      ...(direct === undefined ? {} : { directUrl: direct }),
    };
    if (source.kind === "directory" && source.editable)
      plan.editables.push({ ...placed, path: absolutePath(options.projectDir, source.path) });
    else plan.packages.push(placed);
  }
  return plan;
}

/**
 * What the warm path finds next time. Nothing where a folder is installed by copy: whether it changed is known only by
 * reading it. Editables change by what their build is made from.
 */
function aliasOf(
  options: InstallOptions,
  wanted: readonly WantedPackage[],
  plan: LayoutPlan,
  hash: string,
): AliasRecord | undefined {
  if (options.alias === undefined) return undefined;
  const folders = wanted.flatMap(({ source }) => (source.kind === "directory" ? [source] : []));
  if (folders.some((source) => !source.editable)) return undefined;
  const local = wanted.some(({ source }) => source.kind === "archive" && source.path !== undefined);
  const watched = folders.flatMap((source) => {
    const folder = absolutePath(options.projectDir, source.path);
    return ["pyproject.toml", "setup.py", "setup.cfg"].map((name) => watch(`${folder}/${name}`));
  });
  const { own, shared } = aliasKeys({
    ...options.alias,
    projectDir: options.projectDir,
    lockDigest: options.dpl.digest,
  });
  const { executable, size, mtimeNs } = plan.interpreter;
  return {
    kind: "alias",
    key: folders.length > 0 || local ? own : shared,
    projectHash: Uint8Array.fromHex(hash),
    interpreterSize: BigInt(size),
    interpreterMtimeNs: mtimeNs,
    interpreterPath: executable,
    watched,
  };
}

function watch(path: string): WatchedFile {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return { path, size: stats?.size ?? 0n, mtimeNs: stats?.mtimeNs ?? 0n };
}

function countOrigins(realised: readonly RealisedPackage[]): Record<RealisedPackage["how"], number> {
  const counts = { store: 0, system: 0, cache: 0, downloaded: 0, built: 0 };
  for (const { how } of realised) counts[how]++;
  return counts;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
