/** Builds a layout: plans the prefix in memory, writes it in staging, and renames it to its name. */
import { accessSync } from "node:fs";
import type { Home } from "../platform/home.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { hasSharedDistInfo, makeSharedDistInfo, sharedDistInfoFaults } from "../store/shared-dist-info.ts";
import { type LayoutPackage, type LayoutPlan, projectHash } from "./layout-plan.ts";
import { prefixTree } from "./plan-prefix.ts";
import type { Collision, Folder } from "./prefix-tree.ts";
import { recipeContent, recipeOf, writeRecipe } from "./recipe.ts";
import { type SettledLayout, settleLayout } from "./settle-layout.ts";

export interface BuiltLayout extends SettledLayout {
  /** What the building took. */
  ms: number;
  /** Paths that two packages want differently. */
  collisions: Collision[];
}

export interface BuildOptions {
  /** Put the layout in place of a damaged one. The caller holds the index lock. */
  replace?: boolean;
  /** The plan's project hash where the caller has it already. */
  hash?: string;
  /** What it consists of is written down, so that it can be made again without a plan. */
  recipe?: boolean;
}

/** Builds the layout of a plan at `layouts/<project-hash>`. System errors (no space, no permission) come out as they are. */
export function buildLayout(plan: LayoutPlan, home: Home, options: BuildOptions = {}): BuiltLayout {
  const start = performance.now();
  const { replace = false, hash = projectHash(plan) } = options;
  const collisions: Collision[] = [];
  const staging = createStaging(home);
  try {
    const shares = (p: LayoutPackage) => sharedDistInfo(p, staging, replace);
    let content: ReturnType<typeof recipeContent>;
    const onPackages = (root: Folder) => {
      if (options.recipe) content = recipeContent(root, plan, home);
    };
    const tree = prefixTree(plan, `${home.layouts}/${hash}`, { collisions, shares, onPackages });
    const linkFolders = new Map<string, boolean>();
    const settled = settleLayout(tree, plan, { home, staging, hash, linkFolders, replace });
    if (content !== undefined && !settled.lost)
      writeRecipe(home, hash, recipeOf(content, plan, home, linkFolders, collisions.length > 0));
    return { ...settled, ms: performance.now() - start, collisions };
  } finally {
    removeTree(staging);
  }
}

/** Whether the shared `.dist-info` of a package is there, or could be made. A layout that is damaged may have it from there. */
function sharedDistInfo({ object, treePath }: LayoutPackage, staging: string, damaged: boolean): boolean {
  // A package that lost files is noticed here, before anything is built on it.
  accessSync(`${treePath}/lib/${object.distInfo}/METADATA`);
  const whole = damaged ? sharedDistInfoFaults(object, treePath).length === 0 : hasSharedDistInfo(treePath);
  return whole || makeSharedDistInfo(object, treePath, staging);
}
