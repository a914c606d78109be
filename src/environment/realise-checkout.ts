/**
 * The environment of a further checkout (a git worktree): the packages are those of the checkout that left word of them, and only the
 * project's own are made here, from what the backend made there. No lock is read, nothing is selected, no interpreter is looked for. What comes out is the
 * layout, by its project hash, that the long way would come to.
 */
import { rememberedInterpreter } from "../interpreters/remembered.ts";
import { buildLayout } from "../layout/build-layout.ts";
import type { LayoutRecord } from "../layout/dxc-format.ts";
import { type EditableInstall, hashedDerivation, type LayoutPlan } from "../layout/layout-plan.ts";
import { lookupLayout } from "../layout/open-dxc.ts";
import { changedInputs, DPL_FILE, textMatches } from "../lock/dpl-freshness.ts";
import { openDpl } from "../lock/dpl-reader.ts";
import type { Home } from "../platform/home.ts";
import { requestedVariables } from "../realise/build/build-variables.ts";
import { editableOfCheckout } from "../realise/build/editable-twin.ts";
import { writeDerivation, writeDerivationText } from "../realise/drv-store.ts";
import { openStore, type Store } from "../store/store.ts";
import { whileInstalling } from "../store/store-lock.ts";
import { type CheckoutRecord, readCheckout } from "./checkout-record.ts";
import { directUrl } from "./direct-url.ts";
import { rememberRecords } from "./heal.ts";
import { aliasParts, layoutPath, looksHealthy } from "./layout-health.ts";
import { placedPackages } from "./placed-packages.ts";
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
  const store = openStore(home);
  const plan = await planOf(record, projectDir, home, store);
  if (plan === undefined) return undefined;
  const { hash, text } = hashedDerivation(plan);
  const made = layoutOf(plan, hash, home);
  if (made === undefined) return undefined;
  writeDerivationText(home.store, hash, text);
  const folders = plan.editables.map((one) => one.path);
  const facts = { ...request, lockDigest: lock.digest };
  const alias = aliasRecord(facts, plan.interpreter, folders, hash);
  await rememberRecords(home, made.links === undefined ? [alias] : [made.record, alias]);
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
    packages: plan.packages.length + plan.editables.length,
    interpreterPath: plan.interpreter.executable,
    sitePackages: made.record.sitePackages,
    scripts: made.record.scripts,
    inputs: lock.inputs,
    watched: aliasParts(alias),
  };
  return made.links === undefined ? { result } : { result, links: made.links };
}

/** `undefined` where one that is there has to be healed. */
function layoutOf(
  plan: LayoutPlan,
  hash: string,
  home: Home,
): { record: LayoutRecord; links?: number } | undefined {
  const known = lookupLayout(home.layoutsIndex, Uint8Array.fromHex(hash));
  if (known !== undefined) return looksHealthy(home, known) ? { record: known } : undefined;
  const { record, links, lost } = buildLayout(plan, home, { hash, recipe: true });
  // What stands there is not known to be whole.
  return lost ? undefined : { record, links };
}

async function planOf(
  record: CheckoutRecord,
  projectDir: string,
  home: Home,
  store: Store,
): Promise<LayoutPlan | undefined> {
  const { linkMode, realPaths, prompt, packages } = record.layout;
  const interpreter = rememberedInterpreter(home, record.interpreter);
  if (interpreter?.fingerprint !== record.layout.interpreter) return undefined;
  const editables: EditableInstall[] = [];
  for (const { name, request } of record.editables) {
    const { source } = request.build;
    if (source.kind !== "directory" || source.path === undefined) return undefined;
    const path = `${projectDir}${source.path.slice(record.project.length)}`;
    const made = await editableOfCheckout(name, request, path, { home, store });
    if (made === undefined) return undefined;
    const { outputHash, object } = made;
    const url = directUrl({ kind: "directory", path, editable: true, virtual: false }, projectDir)!;
    editables.push({ outputHash, object, treePath: store.objectPath(outputHash), directUrl: url, path });
  }
  return {
    interpreter,
    linkMode,
    realPaths: [...realPaths],
    packages: placedPackages(packages, store),
    editables,
    ...(prompt === undefined ? {} : { prompt }),
  };
}
