/** Fetching packages again outside of any lock, for a store that is being repaired: with the settings of where one is. */
import { findInterpreter } from "../interpreters/find.ts";
import type { PackageIndex } from "../package-index/client.ts";
import { realisePackages } from "../realise/realise-packages.ts";
import type { RealisedPackage, WantedPackage } from "../realise/wanted-package.ts";
import type { ActContext } from "./act-context.ts";
import { openStores, realiseContextFor } from "./build-hooks.ts";
import { discoverProject, lockOnlyProject, nearestUpward } from "./discover.ts";
import { openIndex } from "./index-source.ts";
import { readUserConfig, type SettingFlags } from "./settings.ts";

/** Calls `act` with a function that fetches into the store; indexes are opened when it is first used, and closed after. */
export async function whileFetching<T>(
  start: string,
  flags: SettingFlags,
  context: ActContext,
  act: (realise: (wanted: readonly WantedPackage[]) => Promise<readonly RealisedPackage[]>) => Promise<T>,
): Promise<T> {
  const user = await readUserConfig(context.env);
  const project = nearestUpward(start) === undefined ? lockOnlyProject(start) : await discoverProject(start);
  let index: PackageIndex | undefined;
  try {
    return await act(async (wanted) => {
      const interpreter = await findInterpreter(
        { projectDir: project.root },
        { home: context.home, env: context.env },
      );
      const open = () => {
        index ??= openIndex({ flags, project, user, interpreter, context });
        return index;
      };
      const realising = realiseContextFor({
        project,
        flags,
        user,
        interpreter,
        index: open,
        context,
        request: {
          noBuild: "all",
          noBinary: [],
          prerelease: "if-necessary",
          excludeNewerPackage: {},
          buildConstraints: [],
        },
      });
      return await realisePackages(wanted, { ...realising, store: openStores(context) });
    });
  } finally {
    await index?.close();
  }
}
