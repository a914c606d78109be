/** An environment of the project's own: a private copy of the shared one, which pip and people may change. */
import { existsSync } from "node:fs";
import { detachEnvironment, privateEnvironment } from "../environment/private-environment.ts";
import { inspectInterpreter } from "../interpreters/inspect.ts";
import type { LinkMode } from "../layout/layout-plan.ts";
import { readLink } from "../platform/links.ts";
import type { ActContext } from "./act-context.ts";
import { openStores } from "./build-hooks.ts";

/** What stands at a project's `.venv`. `own`: a folder, made by dx-py or not; `shared`: a link. */
export function environmentAt(link: string): "own" | "shared" | "none" {
  if (privateEnvironment(link) !== undefined) return "own";
  const target = readLink(link);
  if (target === undefined) return "none";
  if (target !== null) return existsSync(link) ? "shared" : "none";
  return existsSync(`${link}/pyvenv.cfg`) ? "own" : "none";
}

/** Makes the shared environment at `link` a private copy. Failure `DXPY_NOT_ATTACHED`. */
export async function detach(
  link: string,
  context: ActContext,
  linkMode?: LinkMode,
): Promise<{ packages: number }> {
  const { home, env } = context;
  return await detachEnvironment({
    home,
    store: openStores(context),
    link,
    inspect: (executable) => inspectInterpreter(executable, { home, env }),
    ...(linkMode === undefined ? {} : { linkMode }),
  });
}
