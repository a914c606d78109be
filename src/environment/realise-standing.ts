/**
 * A layout that is gone (`cache clean --layouts`, collected while another branch was worked on) is made again as its recipe says, and where that cannot be
 * followed, from its derivation: no lock is read, nothing is selected.
 */
import { buildFromRecipe } from "../layout/build-from-recipe.ts";
import { insertHoldingLock, withIndexLock } from "../layout/dxc-writer.ts";
import type { SettledLayout } from "../layout/settle-layout.ts";
import type { Home } from "../platform/home.ts";
import { whileInstalling } from "../store/store-lock.ts";
import { renewStanding } from "./record-standing.ts";
import type { StandingEnvironment } from "./root-record.ts";

export interface RealisedStanding {
  environment: StandingEnvironment;
  links: number;
  /** From what it was made. */
  via: "recipe" | "derivation";
}

/**
 * `undefined` in every doubt: no derivation, a package that is not in the user's store, another interpreter under the same path, no space. The
 * long way finds what is the matter.
 */
export async function realiseStanding(
  home: Home,
  link: string,
  environment: StandingEnvironment,
): Promise<RealisedStanding | undefined> {
  try {
    return await whileInstalling(home, async () => {
      const followed = followRecipe(home, environment);
      const built = followed ?? (await followDerivation(home, environment));
      if (built === undefined) return undefined;
      await withIndexLock(home, () => insertHoldingLock(home, [built.record]));
      const renewed = renewStanding(home, link, environment, built.record);
      const via = followed === undefined ? "derivation" : "recipe";
      return renewed && { environment: renewed, links: built.links, via };
    });
  } catch {
    return undefined;
  }
}

function followRecipe(home: Home, { projectHash }: StandingEnvironment): SettledLayout | undefined {
  try {
    return buildFromRecipe(projectHash, home);
  } catch {
    // A file that a package should have, or one that should not be where the layout comes: the derivation's way finds it.
    return undefined;
  }
}

async function followDerivation(
  home: Home,
  environment: StandingEnvironment,
): Promise<SettledLayout | undefined> {
  const { buildFromDerivation } = await import("./realise-derivation.ts");
  return buildFromDerivation(home, environment);
}
