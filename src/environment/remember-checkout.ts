/** Leaves for other checkouts of a project what this one came to. */
import { rmSync, statSync } from "node:fs";
import type { LayoutPlan } from "../layout/layout-plan.ts";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import type { Home } from "../platform/home.ts";
import { namesIn } from "../platform/names-in.ts";
import { sealedJson } from "../platform/sealed-json.ts";
import { requestedVariables } from "../realise/build/build-variables.ts";
import { readDerivation } from "../realise/drv-store.ts";
import type { RealisedPackage, WantedPackage } from "../realise/wanted-package.ts";
import { checkoutKey } from "./alias-key.ts";
import type { CheckoutRecord } from "./checkout-record.ts";
import { checkoutPath, checkouts } from "./find-checkout.ts";
import type { InstallOptions } from "./install-options.ts";

/**
 * Only where the project's own packages are all editables in its folder: a folder that is installed by copy, or a file of the checkout, may
 * differ. `wanted` and `realised` are in the same order. Failing to is no failure.
 */
export function rememberCheckout(
  options: InstallOptions,
  wanted: readonly WantedPackage[],
  realised: readonly RealisedPackage[],
  plan: LayoutPlan,
  hash: string,
): void {
  const { alias, projectDir, home, store } = options;
  if (alias?.forCheckouts !== true || plan.editables.length === 0 || plan.systemSitePackages) return;
  const editables: CheckoutRecord["editables"] = [];
  for (const [i, { source, name }] of wanted.entries()) {
    if (source.kind === "archive" && source.path !== undefined) return;
    if (source.kind !== "directory") continue;
    const request = readDerivation([store.root], realised[i]!.derivation);
    if (!source.editable || request?.kind !== "package" || !("build" in request)) return;
    const built = request.build.source;
    const path = built.kind === "directory" ? built.path : undefined;
    if (path !== projectDir && !path?.startsWith(`${projectDir}/`)) return;
    editables.push({ name, request });
  }
  const record: CheckoutRecord = {
    format: 1,
    project: projectDir,
    layout: hash,
    editables,
    selection: {
      extras: [...options.selection.extras].sort(),
      groups: [...options.selection.groups].sort(),
    },
    variables: requestedVariables(alias.env),
  };
  const key = checkoutKey({ ...alias, projectDir, lockDigest: options.dpl.digest });
  try {
    ensureDir(checkouts(home));
    writeFileAtomic(checkoutPath(home, key), sealedJson(record));
  } catch {
    // A home that cannot be written to: another checkout goes the long way.
  }
}

/** Forgets what was left before `since` (milliseconds since the epoch): a checkout that is made later leaves it again. */
export function forgetCheckouts(home: Home, since: number): void {
  for (const name of namesIn(checkouts(home))) {
    const path = `${checkouts(home)}/${name}`;
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? since;
    if (made <= since) rmSync(path, { force: true });
  }
}
