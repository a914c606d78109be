/** What the settings want done with packages that have just come into the store: linked to equal files, pushed to a cache. */
import type { RealiseContext } from "../realise/realise-context.ts";
import type { RealisedPackage } from "../realise/wanted-package.ts";
import type { ActContext } from "./act-context.ts";
import { cacheChoices, readKeyFile, sharedText, storeSettings } from "./cache-settings.ts";
import type { Project } from "./discover.ts";
import type { UserConfig } from "./settings.ts";

export interface AfterOptions {
  project: Project;
  user: UserConfig | undefined;
  context: ActContext;
}

/** The environment stands already: what fails here is a warning. */
export async function afterRealising(
  realised: readonly RealisedPackage[],
  realising: RealiseContext,
  options: AfterOptions,
): Promise<void> {
  const { project, user, context } = options;
  const shared = sharedText(context);
  if (shared !== undefined) context.detail(shared);
  const tool = project.main.settings;
  const fresh = realised.filter(({ how }) => how === "downloaded" || how === "built" || how === "cache");
  if (fresh.length === 0) return;
  try {
    if (storeSettings(tool, user, context.env).optimise) {
      const { optimiseStore } = await import("../store/optimise.ts");
      const hashes = fresh.map(({ outputHash }) => outputHash);
      const { linked, saved } = await optimiseStore(realising.home, { hashes });
      context.detail(`store: ${linked} files linked to equal ones, ${saved} bytes saved`);
    }
    await pushBuilt(fresh, realising, options);
  } catch (error) {
    context.warn(`Installed, but not everything after it was done: ${(error as Error).message}`);
  }
}

async function pushBuilt(
  fresh: readonly RealisedPackage[],
  { store, projectDir, offline }: RealiseContext,
  { project, user, context }: AfterOptions,
): Promise<void> {
  const built = fresh.filter(({ how }) => how === "built");
  const caches = cacheChoices(project.main.settings, user, context.env).filter(({ push }) => push);
  if (built.length === 0 || caches.length === 0 || offline === true) return;
  const [{ openBackend }, { pushPackages }, { readSecretKey }, { shareablePackages }] = await Promise.all([
    import("../binary-cache/open-backend.ts"),
    import("../binary-cache/push.ts"),
    import("../binary-cache/signature.ts"),
    import("../binary-cache/shareable.ts"),
  ]);
  const wanted = new Set(built.map(({ derivation }) => derivation));
  const packages = await shareablePackages(store, wanted);
  for (const { url, token, secretKeyFile } of caches) {
    const { env } = context;
    const backend = openBackend(url, { env, folder: projectDir, ...(token === undefined ? {} : { token }) });
    const key =
      secretKeyFile === undefined
        ? undefined
        : await readSecretKey(await readKeyFile(secretKeyFile, env), secretKeyFile);
    const pushed = await pushPackages({
      store,
      backend,
      packages,
      ...(key === undefined ? {} : { key }),
      warn: (message) => context.warn(message),
    });
    context.detail(`pushed ${pushed.pushed} built packages to ${backend.name}`);
  }
}
