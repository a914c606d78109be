/**
 * A layout may use packages where they lie in a store that is not its home's (the system's). A link in its prefix leads to one
 * of them: when that goes, the layout is no longer whole, and one look tells.
 */
import { lstatSync, statSync } from "node:fs";
import type { LayoutPlan } from "./layout-plan.ts";

/** Relative to the prefix; not there where all packages are of the layout's own home. */
export const OTHER_STORE = "dx-py-other-store";

/** The tree that the link leads to. `prefix` is `<home>/layouts/<project-hash>`. */
export function packageOfOtherStore(plan: LayoutPlan, prefix: string): string | undefined {
  const home = prefix.split("/").slice(0, -2).join("/");
  return plan.packages.find(({ treePath }) => !treePath.startsWith(`${home}/`))?.treePath;
}

/** On the warm path: one call to the system for most layouts. */
export function otherStoreIsThere(prefix: string): boolean {
  const link = `${prefix}/${OTHER_STORE}`;
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined) return true;
  return statSync(link, { throwIfNoEntry: false }) !== undefined;
}
