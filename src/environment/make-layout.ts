/** From realised packages to a layout: the plan, and the layout of that plan, found, built or healed. */
import { statSync } from "node:fs";
import { buildLayout } from "../layout/build-layout.ts";
import { type LayoutRecord, UNKNOWN_STAMPS } from "../layout/dxc-format.ts";
import { hashedDerivation, type LayoutPlan, projectHash } from "../layout/layout-plan.ts";
import type { Collision } from "../layout/prefix-tree.ts";
import { writeDerivationText } from "../realise/drv-store.ts";
import type { RealisedPackage, WantedPackage } from "../realise/wanted-package.ts";
import type { Store } from "../store/store.ts";
import { absolutePath, directUrl } from "./direct-url.ts";
import { discardDamaged, findLayout, healLayout, rememberRecords } from "./heal.ts";
import type { InstallOptions } from "./install-options.ts";
import { looksHealthy } from "./layout-health.ts";

/** `wanted` and `realised` are in the same order. */
export function planOf(
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

export interface MadeLayout {
  plan: LayoutPlan;
  hash: string;
  record: LayoutRecord;
  hit: "hit" | "miss" | "healed";
  links: number;
  collisions: readonly Collision[];
  realised: readonly RealisedPackage[];
}

/** Finds the layout of these packages, or builds it, or heals it. */
export async function makeLayout(
  options: InstallOptions,
  wanted: readonly WantedPackage[],
  realised: readonly RealisedPackage[],
): Promise<MadeLayout> {
  const { home, store } = options;
  const plan = planOf(options, wanted, realised, store);
  const { hash, text } = hashedDerivation(plan);
  const found = await findLayout(home, Uint8Array.fromHex(hash));
  const made = { plan, hash, realised };
  if (found !== undefined && looksHealthy(home, found))
    return { ...made, record: found, hit: "hit", links: 0, collisions: [] };
  // What was changed through the links of a layout was changed in the store.
  const suspicious = found !== undefined && found.stamps.siteMtime !== UNKNOWN_STAMPS.siteMtime;
  if (suspicious && (await discardDamagedOf(options, plan))) {
    return await makeAgain(options, wanted);
  }
  try {
    if (found === undefined && !exists(`${home.layouts}/${hash}`)) {
      const built = buildLayout(plan, home, { hash, recipe: true });
      writeDerivationText(home.store, hash, text);
      await rememberRecords(home, [built.record]);
      return { ...made, ...built, hit: "miss" };
    }
    const { record, built } = await healLayout(home, plan, hash);
    const { links, collisions } = built ?? { links: 0, collisions: [] };
    return { ...made, record, hit: built === undefined ? "hit" : "healed", links, collisions };
  } catch (error) {
    // A file that a package of the store should have is not there.
    const missing = (error as { code?: string }).code === "ENOENT";
    if (!missing || suspicious || !(await discardDamagedOf(options, plan))) throw error;
    return await makeAgain(options, wanted);
  }
}

/** True when there was something to discard. */
async function discardDamagedOf(options: InstallOptions, plan: LayoutPlan): Promise<boolean> {
  const hashes = [...plan.packages, ...plan.editables].map((p) => p.outputHash);
  const damaged = await discardDamaged(options.home, options.store, hashes);
  if (damaged.length === 0) return false;
  options.onWarning?.(`${damaged.length} damaged package(s) of the store are made again`);
  return true;
}

/** After damaged packages left the store: realised again, under a layout built again. */
async function makeAgain(options: InstallOptions, wanted: readonly WantedPackage[]): Promise<MadeLayout> {
  const { home, store } = options;
  const realised = await options.realise(wanted, { home, store });
  const plan = planOf(options, wanted, realised, store);
  const hash = projectHash(plan);
  const { record, built } = await healLayout(home, plan, hash);
  const { links, collisions } = built ?? { links: 0, collisions: [] };
  return { plan, hash, realised, record, hit: "healed", links, collisions };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
