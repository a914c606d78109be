/**
 * A layout that is gone (`cache clean --layouts`, collected while another branch was worked on) is made again from its derivation, which says all that
 * it is made from: no lock is read, nothing is selected, and no package is looked for but by its output hash.
 */
import { rememberedInterpreter } from "../interpreters/remembered.ts";
import { buildLayout } from "../layout/build-layout.ts";
import type { LayoutPlan } from "../layout/layout-plan.ts";
import type { Home } from "../platform/home.ts";
import { readDerivation } from "../realise/drv-store.ts";
import { openStore } from "../store/store.ts";
import { whileInstalling } from "../store/store-lock.ts";
import { rememberRecords } from "./heal.ts";
import { placedEditables, placedPackages } from "./placed-packages.ts";
import { renewStanding } from "./record-standing.ts";
import type { StandingEnvironment } from "./root-record.ts";

export interface RealisedStanding {
  environment: StandingEnvironment;
  links: number;
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
    const { projectHash, interpreterPath } = environment;
    const derivation = readDerivation([home.store], projectHash);
    const interpreter = rememberedInterpreter(home, interpreterPath);
    if (derivation?.kind !== "layout" || interpreter?.fingerprint !== derivation.interpreter)
      return undefined;
    return await whileInstalling(home, async () => {
      const { linkMode, realPaths, prompt } = derivation;
      const store = openStore(home);
      const plan: LayoutPlan = {
        interpreter,
        linkMode,
        realPaths: [...realPaths],
        packages: placedPackages(derivation.packages, store),
        editables: placedEditables(derivation.editables, store),
        ...(prompt === undefined ? {} : { prompt }),
      };
      const built = buildLayout(plan, home, { hash: projectHash });
      await rememberRecords(home, [built.record]);
      const renewed = renewStanding(home, link, environment, built.record);
      return renewed && { environment: renewed, links: built.links };
    });
  } catch {
    return undefined;
  }
}
