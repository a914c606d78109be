/** How commands about derivations find what their words mean: the store, and the environment that they are started beside. */
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import type { NamingContext } from "../environment/derivations-named.ts";
import { openStore, type Store } from "../store/store.ts";
import { systemStoreBelow } from "../store/system-store.ts";
import type { CliContext } from "./context.ts";
import type { Session } from "./perform.ts";

/** The project is not read: a broken `pyproject.toml` hides nothing of what is in the store. */
export function namingContext({ context, start }: Session): NamingContext {
  const projectDir = attachedUpward(start);
  return {
    home: context.home,
    store: storesOf(context),
    cwd: start,
    ...(projectDir === undefined ? {} : { projectDir }),
  };
}

/** The user's store over the system's. */
export function storesOf({ home, env }: CliContext): Store {
  const system = systemStoreBelow(home, env);
  return openStore(home, system === undefined ? {} : { system });
}

/** The nearest folder upward that has a `.venv`. */
export function attachedUpward(start: string): string | undefined {
  for (let dir = start; ; dir = dirname(dir)) {
    if (lstatSync(`${dir === "/" ? "" : dir}/.venv`, { throwIfNoEntry: false }) !== undefined) return dir;
    if (dir === dirname(dir)) return undefined;
  }
}
