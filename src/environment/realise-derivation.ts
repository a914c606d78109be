/** Makes a layout again from its derivation, which says all that it is made from: no package is looked for but by its output hash. */
import { rememberedInterpreter } from "../interpreters/remembered.ts";
import { buildLayout } from "../layout/build-layout.ts";
import type { LayoutPlan } from "../layout/layout-plan.ts";
import type { SettledLayout } from "../layout/settle-layout.ts";
import type { Home } from "../platform/home.ts";
import { readDerivation } from "../realise/drv-store.ts";
import { openStore } from "../store/store.ts";
import { placedEditables, placedPackages } from "./placed-packages.ts";
import type { StandingEnvironment } from "./root-record.ts";

/** `undefined` where there is no derivation, or its interpreter is another now. Failures are those of opening packages and of building. */
export function buildFromDerivation(
  home: Home,
  { projectHash, interpreterPath }: StandingEnvironment,
): SettledLayout | undefined {
  const derivation = readDerivation([home.store], projectHash);
  const interpreter = rememberedInterpreter(home, interpreterPath);
  if (derivation?.kind !== "layout" || interpreter?.fingerprint !== derivation.interpreter) return undefined;
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
  return buildLayout(plan, home, { hash: projectHash, recipe: true });
}
