/**
 * The environment of a further checkout (a git worktree): the packages are those of the checkout that left word of them, and only the
 * project's own are made here, from what the backend made there. No lock is read, nothing is selected, no interpreter is looked for. What comes out is the
 * layout, by its project hash, that the long way would come to.
 */
import { buildLike, type LikeLayout } from "../layout/build-like.ts";
import type { LayoutRecord } from "../layout/dxc-format.ts";
import { insertHoldingLock, withIndexLock } from "../layout/dxc-writer.ts";
import { type EditableInstall, hashedDerivation } from "../layout/layout-plan.ts";
import { lookupLayout } from "../layout/open-dxc.ts";
import { readRecipe } from "../layout/recipe.ts";
import { changedInputs, DPL_FILE, textMatches } from "../lock/dpl-freshness.ts";
import { openDpl } from "../lock/dpl-reader.ts";
import type { Home } from "../platform/home.ts";
import { requestedVariables } from "../realise/build/build-variables.ts";
import { editableOfCheckout } from "../realise/build/editable-twin.ts";
import { writeDerivation, writeDerivationText } from "../realise/drv-store.ts";
import { openStore } from "../store/store.ts";
import { whileInstalling } from "../store/store-lock.ts";
import { type CheckoutRecord, readCheckout } from "./checkout-record.ts";
import { directUrl } from "./direct-url.ts";
import { aliasParts, layoutPath, looksHealthy } from "./layout-health.ts";
import { placed } from "./placed-packages.ts";
import { recordGeneration } from "./roots.ts";
import { linkTarget, swapLink, type WarmRequest, type WarmResult } from "./warm.ts";
import { aliasRecord } from "./write-alias.ts";

export interface RealisedCheckout {
  result: WarmResult;
  /** That were made; absent where the layout was there. */
  links?: number;
}

/**
 * `undefined` in every doubt: the lock is not fresh, a package is gone, the backend would have to be asked, the interpreter is another,
 * something stands in the way. The long way finds what is the matter. `path`: of `findCheckout`.
 */
export async function realiseCheckout(
  request: WarmRequest,
  path: string,
): Promise<RealisedCheckout | undefined> {
  try {
    const { home, projectDir, env } = request;
    const link = request.link ?? `${projectDir}/.venv`;
    const record = readCheckout(path);
    if (record === undefined || linkTarget(link) === null) return undefined;
    if (!Bun.deepEquals(requestedVariables(env), record.variables)) return undefined;
    const lock = freshLock(projectDir);
    return lock && (await whileInstalling(home, () => attachFrom(record, lock, link, request)));
  } catch {
    return undefined;
  }
}

interface FreshLock {
  /** 32 bytes. */
  digest: Uint8Array;
  inputs: string[];
}

function freshLock(projectDir: string): FreshLock | undefined {
  const dpl = openDpl(`${projectDir}/${DPL_FILE}`);
  try {
    if (!textMatches(projectDir, dpl) || changedInputs(projectDir, dpl)?.length !== 0) return undefined;
    return { digest: dpl.digest, inputs: dpl.header.inputs.map((input) => input.path) };
  } finally {
    dpl.close();
  }
}

async function attachFrom(
  record: CheckoutRecord,
  lock: FreshLock,
  link: string,
  request: WarmRequest,
): Promise<RealisedCheckout | undefined> {
  const { home, projectDir } = request;
  const editables = editablesIn(projectDir, record, home);
  if (editables === undefined) return undefined;
  const recipe = readRecipe(home, record.layout);
  if (recipe === undefined) return undefined;
  const bound = recipe.packages.filter((one) => one.bound && one.path === undefined);
  const interpreter = { ...recipe.interpreter, mtimeNs: BigInt(recipe.interpreter.mtimeNs) };
  const packages = recipe.packages.filter((one) => one.path === undefined);
  const plan = { ...recipe, interpreter, packages, editables };
  const { hash, text } = hashedDerivation(plan);
  const like = { recipe, like: record.layout, bound: placed(bound, openStore(home)), editables };
  const made = layoutOf(like, hash, home);
  if (made === undefined) return undefined;
  writeDerivationText(home.store, hash, text);
  const folders = editables.map((one) => one.path);
  const facts = { ...request, lockDigest: lock.digest };
  const alias = aliasRecord(facts, interpreter, folders, hash);
  const records = made.links === undefined ? [alias] : [made.record, alias];
  await withIndexLock(home, () => insertHoldingLock(home, records));
  const prefix = layoutPath(home, made.record);
  const digest = lock.digest.toHex();
  const current = linkTarget(link);
  if (current === null) return undefined;
  // The root first: at no moment is there a link to a layout that nothing keeps.
  recordGeneration(home, link, hash, digest);
  if (current !== prefix) swapLink(prefix, link, current);
  writeDerivation(home.store, {
    format: 1,
    kind: "env",
    layout: hash,
    lock: digest,
    project: projectDir,
    selection: record.selection,
  });
  const result: WarmResult = {
    layoutPath: prefix,
    projectHash: hash,
    changed: current !== prefix,
    packages: packages.length + editables.length,
    interpreterPath: interpreter.executable,
    sitePackages: made.record.sitePackages,
    scripts: made.record.scripts,
    inputs: lock.inputs,
    watched: aliasParts(alias),
  };
  return made.links === undefined ? { result } : { result, links: made.links };
}

/** The project's own packages, with this checkout's folders in them. */
function editablesIn(projectDir: string, record: CheckoutRecord, home: Home): EditableInstall[] | undefined {
  const store = openStore(home);
  const editables: EditableInstall[] = [];
  for (const { name, request } of record.editables) {
    const { source } = request.build;
    if (source.kind !== "directory" || source.path === undefined) return undefined;
    const path = `${projectDir}${source.path.slice(record.project.length)}`;
    const made = editableOfCheckout(name, request, path, { home, store });
    if (made === undefined) return undefined;
    const { outputHash, object } = made;
    const url = directUrl({ kind: "directory", path, editable: true, virtual: false }, projectDir)!;
    editables.push({ outputHash, object, treePath: store.objectPath(outputHash), directUrl: url, path });
  }
  return editables;
}

/** `undefined` where the recipe cannot be followed, or a layout that is there has to be healed. */
function layoutOf(
  like: LikeLayout,
  hash: string,
  home: Home,
): { record: LayoutRecord; links?: number } | undefined {
  const known = lookupLayout(home.layoutsIndex, Uint8Array.fromHex(hash));
  if (known !== undefined) return looksHealthy(home, known) ? { record: known } : undefined;
  const built = buildLike(like, hash, home);
  // What stands there is not known to be whole.
  return built === undefined || built.lost ? undefined : { record: built.record, links: built.links };
}
