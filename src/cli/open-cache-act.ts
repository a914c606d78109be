/** What commands about caches begin with, in a project or outside of any. */
import type { CacheActOptions } from "../project/cache-acts.ts";
import { discoverProject, nearestUpward } from "../project/discover.ts";
import { readUserConfig } from "../project/settings.ts";
import { actContext } from "./act-reporting.ts";
import type { Session } from "./perform.ts";

export async function openCacheAct(session: Session): Promise<CacheActOptions> {
  const [context, user] = await Promise.all([actContext(session), readUserConfig(session.context.env)]);
  const project =
    nearestUpward(session.start) === undefined ? undefined : await discoverProject(session.start);
  return { context, user, tool: project?.main.settings ?? {}, folder: session.context.cwd };
}
