/**
 * Repairing the store: a damaged package object is fetched again, by the wheel that it was made from, and the layouts
 * that had its files as their own are built again. What was built here is taken away, for the next install to build.
 */
import { existsSync, renameSync } from "node:fs";
import { removeRecords } from "../layout/dxc-writer.ts";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import type { PackageDerivation } from "../realise/derivation.ts";
import { producersByOutput, whoHolds } from "../realise/drv-queries.ts";
import { readDerivation } from "../realise/drv-store.ts";
import type { RealisedPackage, WantedPackage } from "../realise/wanted-package.ts";
import { parseWheelFilename } from "../standards/filenames.ts";
import { makeSharedDistInfo, sharedDistInfoFaults, sharedDistInfoPath } from "../store/shared-dist-info.ts";
import type { Store } from "../store/store.ts";
import { indexPath, treePath } from "../store/store-level.ts";
import { whileCollecting } from "../store/store-lock.ts";
import { checkLayout, describedLayouts, rebuildLayout } from "./described-layouts.ts";

/**
 * Everything that is wrong with an object, in words: its own files, and the `.dist-info` that layouts share of it. Failure
 * `DXPY_NOT_IN_STORE`.
 */
export async function objectFaults(outputHash: string, store: Store): Promise<string[]> {
  const { faults } = await store.verify(outputHash);
  return faults.length > 0 ? faults : distInfoFaults(outputHash, store);
}

function distInfoFaults(outputHash: string, store: Store): string[] {
  const tree = store.objectPath(outputHash);
  if (!existsSync(sharedDistInfoPath(tree))) return [];
  const object = store.readPackageObject(outputHash);
  return sharedDistInfoFaults(object, tree).map(
    ({ name, fault }) => `${object.distInfo}/${name} of the layouts is ${fault}`,
  );
}

export interface Repaired {
  outputHash: string;
  /** `remade`: what layouts share of it was made again from its files; `refetched`: whole again; `removed`: to be built by the next install of `projects`; `left`: as it was, because of `why`. */
  how: "remade" | "refetched" | "removed" | "left";
  why?: string;
  /** Layouts that were built again. */
  layouts: number;
  /** Absolute folders of projects that had it. */
  projects: string[];
}

export interface RepairOptions {
  home: Home;
  store: Store;
  realise: (wanted: readonly WantedPackage[]) => Promise<readonly RealisedPackage[]>;
}

/** Failures are told in the result: one package that cannot be had does not keep the others from being repaired. */
export async function repairObject(outputHash: string, options: RepairOptions): Promise<Repaired> {
  const { home, store } = options;
  const projects = whoHolds(outputHash, store, home).flatMap(({ kind, what }) =>
    kind === "env" && what !== undefined ? [what] : [],
  );
  const result = { outputHash, layouts: 0, projects };
  const own = existsSync(indexPath(store.root, outputHash)) || existsSync(treePath(store.root, outputHash));
  if (!own && store.has(outputHash))
    return { ...result, how: "left", why: "it belongs to another level of the store" };
  const verified = await store.verify(outputHash).catch(() => undefined);
  if (verified?.ok === true)
    return { ...result, how: "remade", layouts: await remakeDistInfo(outputHash, options) };
  const wheel = wheelOf(outputHash, store);
  if (wheel === undefined) {
    const layouts = describedLayouts(home).filter((layout) => uses(layout.description, outputHash));
    await whileCollecting(home, () => removeTree(setAside(outputHash, options)));
    // Its layouts are not found any more: the next install builds package and layout.
    await removeRecords(
      home,
      layouts.map(({ projectHash }) => Uint8Array.fromHex(projectHash)),
    );
    return { ...result, how: "removed" };
  }
  const aside = await whileCollecting(home, () => setAside(outputHash, options));
  try {
    const [made] = await options.realise([wheel]);
    if (made?.outputHash !== outputHash)
      throw new Failure("DXPY_OTHER_PACKAGE", `${wheel.wheel?.name} became another package object`);
  } catch (error) {
    putBack(outputHash, aside, options);
    if (!(error instanceof Failure)) throw error;
    return { ...result, how: "left", why: error.message };
  } finally {
    removeTree(aside);
  }
  return { ...result, how: "refetched", layouts: await rebuildDamaged(outputHash, options) };
}

async function remakeDistInfo(outputHash: string, options: RepairOptions): Promise<number> {
  const { home, store } = options;
  const staging = createStaging(home);
  try {
    makeSharedDistInfo(store.readPackageObject(outputHash), store.objectPath(outputHash), staging);
  } finally {
    removeTree(staging);
  }
  return await rebuildDamaged(outputHash, options);
}

/** Links lead to the new files by themselves; hardlinks and copies are those of the damaged object. */
async function rebuildDamaged(outputHash: string, { home, store }: RepairOptions): Promise<number> {
  let rebuilt = 0;
  for (const layout of describedLayouts(home)) {
    if (!uses(layout.description, outputHash)) continue;
    const { faults, plan } = checkLayout(layout, home, store);
    if (faults.length === 0 || plan === undefined) continue;
    await rebuildLayout(plan, layout.projectHash, home);
    rebuilt += 1;
  }
  return rebuilt;
}

function uses(
  description: { packages: readonly { outputHash: string }[] } | undefined,
  hash: string,
): boolean {
  return description?.packages.some((one) => one.outputHash === hash) === true;
}

/** The index first: without it the object does not count. Returns the folder that holds both. */
function setAside(hash: string, { home, store }: RepairOptions): string {
  const aside = createStaging(home);
  move(indexPath(store.root, hash), `${aside}/index`);
  move(treePath(store.root, hash), `${aside}/tree`);
  return aside;
}

function putBack(hash: string, aside: string, { store }: RepairOptions): void {
  if (existsSync(indexPath(store.root, hash))) return;
  if (!existsSync(treePath(store.root, hash))) move(`${aside}/tree`, treePath(store.root, hash));
  move(`${aside}/index`, indexPath(store.root, hash));
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
}

/** The wheel that an object was unpacked from; `undefined` when it was built, or nothing says. */
function wheelOf(outputHash: string, store: Store): WantedPackage | undefined {
  for (const buildHash of producersByOutput(store).get(outputHash) ?? []) {
    const derivation = readDerivation(store.levels, buildHash) as PackageDerivation | undefined;
    if (derivation === undefined || !("fetch" in derivation)) continue;
    const { filename, sha256 } = derivation.fetch;
    const { name, version } = parseWheelFilename(filename);
    return {
      name,
      version: version.text,
      wheel: { name: filename, hashes: { sha256 }, buildHash },
      source: { kind: "index" },
    };
  }
  return undefined;
}
