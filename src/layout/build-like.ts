/** Makes the layout of another checkout: like one that has a recipe, but with other editables. */
import type { Home } from "../platform/home.ts";
import { hasSharedDistInfo } from "../store/shared-dist-info.ts";
import { followRecipe, settleFollowed } from "./build-from-recipe.ts";
import type { EditableInstall, LayoutPackage } from "./layout-plan.ts";
import { placePackages } from "./plan-prefix.ts";
import type { Recipe } from "./recipe.ts";
import type { SettledLayout } from "./settle-layout.ts";

export interface LikeLayout {
  /** Of the layout `like`. */
  recipe: Recipe;
  like: string;
  /** The packages of the recipe that are bound to its prefix, opened. */
  bound: readonly LayoutPackage[];
  /** In place of the recipe's. They have files of the same names. */
  editables: readonly EditableInstall[];
}

/**
 * The layout `layouts/<hash>`. `undefined` where the recipe cannot be followed for another prefix: as of `buildFromRecipe`, and where two packages
 * want one path. System errors come out as they are.
 */
export function buildLike(layout: LikeLayout, hash: string, home: Home): SettledLayout | undefined {
  const { recipe, like, bound, editables } = layout;
  const prefix = `${home.layouts}/${hash}`;
  const followed = recipe.contested
    ? undefined
    : followRecipe(recipe, prefix, home, `${home.layouts}/${like}`);
  if (followed === undefined) return undefined;
  const { tree } = followed;
  const shares = ({ treePath }: LayoutPackage) => hasSharedDistInfo(treePath);
  placePackages(tree, followed.plan, [...bound, ...editables], prefix, { shares });
  const plan = { ...followed.plan, packages: [...followed.plan.packages, ...bound], editables };
  return settleFollowed({ ...followed, plan }, hash, home);
}
