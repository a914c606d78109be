/** Installing: a lock, an interpreter and a selection become a layout, found or built, and the project's `.venv` links to it. */
import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { projectHash } from "../layout/layout-plan.ts";
import { ensureDir, uniqueName } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { type Home, homeFolders } from "../platform/home.ts";
import { sweepLeftovers } from "../platform/leftovers.ts";
import { removeTree } from "../platform/staging.ts";
import { writeDerivation } from "../realise/drv-store.ts";
import type { RealisedPackage, WantedPackage } from "../realise/wanted-package.ts";
import { openStore, type Store } from "../store/store.ts";
import { whileInstalling } from "../store/store-lock.ts";
import { attach, foreignEnvironment } from "./attach.ts";
import { fallbackReason } from "./fallback.ts";
import { rememberRecords } from "./heal.ts";
import { type InstallOptions, type InstallOutcome, linkOf } from "./install-options.ts";
import { layoutPath } from "./layout-health.ts";
import { makeLayout, planOf } from "./make-layout.ts";
import { installPrivate, OWN_FILES, type PrivateReason, privateEnvironment } from "./private-environment.ts";
import { rememberCheckout } from "./remember-checkout.ts";
import { selectPackages } from "./select.ts";
import { aliasOf } from "./write-alias.ts";

export type { InstallOptions, InstallOutcome } from "./install-options.ts";

/**
 * Failures: those of `selectPackages`, of realising, and `DXPY_NOT_AN_ENVIRONMENT`. Where layouts or the store cannot be
 * used (read-only, full, no links), the environment is installed as an ordinary folder, and the outcome says why.
 */
export async function installEnvironment(options: InstallOptions): Promise<InstallOutcome> {
  const foreign = options.noAttach !== true && foreignEnvironment(linkOf(options));
  const outcome = await installInPlace(options);
  if (foreign) {
    options.onWarning?.(
      `${linkOf(options)} was an environment that dx-py had not made: it is replaced, with all that was installed in it`,
    );
  }
  return outcome;
}

async function installInPlace(options: InstallOptions): Promise<InstallOutcome> {
  const wanted = selectPackages(options.dpl, options.interpreter, options.selection, options.selectOptions);
  const link = linkOf(options);
  sweepLeftovers(dirname(link), { prefix: `${basename(link)}.` });
  sweepLeftovers(options.home.roots, { prefix: ".tmp-" });
  const detached = options.noAttach ? undefined : privateEnvironment(link);
  const into = { home: options.home, store: options.store };
  if (detached?.private === "detached")
    return await whileInstalling(into.home, () => installAsPrivate(options, wanted, into, "detached"));
  try {
    if (options.own !== undefined && !options.noAttach)
      return await whileInstalling(into.home, () => installAsPrivate(options, wanted, into, "wanted"));
    // From the first package that is relied on until the root keeps the layout, nobody may collect.
    return await whileInstalling(options.home, () => installAsLayout(options, wanted));
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
    context: { path: link },
    hint: "Check the permissions and the space of the project's folder.",
    cause,
  });
}

async function installAsLayout(
  options: InstallOptions,
  wanted: readonly WantedPackage[],
): Promise<InstallOutcome> {
  const { home, store, dpl } = options;
  const start = performance.now();
  const realised = await options.realise(wanted, { home, store });
  const realiseDone = performance.now();
  const made = await makeLayout(options, wanted, realised);
  const { hash, record, hit } = made;
  const alias = aliasOf(options, wanted, hash);
  if (alias !== undefined) {
    await rememberRecords(home, [alias]);
    rememberCheckout(options, wanted, made.realised, made.plan, hash);
  }
  const layoutDone = performance.now();
  const path = layoutPath(home, record);
  const changed = options.noAttach
    ? false
    : attach({ home, link: linkOf(options), layoutPath: path, lock: dpl.digest.toHex() });
  if (changed) {
    writeDerivation(home.store, {
      format: 1,
      kind: "env",
      layout: hash,
      lock: dpl.digest.toHex(),
      project: options.projectDir,
      selection: {
        extras: [...options.selection.extras].sort(),
        groups: [...options.selection.groups].sort(),
      },
    });
  }
  return {
    layoutPath: path,
    projectHash: hash,
    hit,
    changed: changed || hit === "healed",
    interpreterPath: options.interpreter.executable,
    realised: made.realised,
    stats: {
      packages: made.realised.length,
      links: made.links,
      from: countOrigins(made.realised),
      realiseMs: realiseDone - start,
      layoutMs: layoutDone - realiseDone,
      attachMs: performance.now() - layoutDone,
    },
    collisions: made.collisions,
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
  reason: PrivateReason,
): Promise<InstallOutcome> {
  const start = performance.now();
  const link = linkOf(options);
  const realised = await options.realise(wanted, into);
  const realiseDone = performance.now();
  const plan = planOf(options, wanted, realised, into.store);
  const hash = projectHash(plan);
  const before = privateEnvironment(link);
  const linkMode = options.own ?? (reason === "detached" ? before?.linkMode : undefined) ?? OWN_FILES;
  const same = before?.projectHash === hash && before.linkMode === linkMode && exists(`${link}/pyvenv.cfg`);
  const links = same ? 0 : installPrivate(plan, link, reason, linkMode);
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

function countOrigins(realised: readonly RealisedPackage[]): Record<RealisedPackage["how"], number> {
  const counts = { store: 0, system: 0, cache: 0, downloaded: 0, built: 0 };
  for (const { how } of realised) counts[how]++;
  return counts;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
