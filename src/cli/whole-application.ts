/** Every command with its options: for help, completion, and words that are no command. */
import { applicationOf } from "./application.ts";
import { addCommand, removeCommand } from "./routes/edit-routes.ts";
import { layoutRoutes, lockShowCommand, storeRoutes } from "./routes/inspect-routes.ts";
import { installCommand, pipRoute, runRoute } from "./routes/install-routes.ts";
import { initCommand, lockCommand, treeCommand } from "./routes/lock-routes.ts";
import { cacheRoutes, completionsCommand, pythonRoutes } from "./routes/machine-routes.ts";
import { buildRoute, drvRoutes, envRoutes } from "./routes/provenance-routes.ts";

export const APPLICATION = applicationOf({
  init: initCommand,
  add: addCommand,
  remove: removeCommand,
  lock: lockCommand,
  install: installCommand,
  run: runRoute,
  pip: pipRoute,
  tree: treeCommand,
  // Typed as `lock show` (see arguments.ts): `lock` itself is a command and no group of commands.
  "lock-show": lockShowCommand,
  build: buildRoute,
  env: envRoutes,
  drv: drvRoutes,
  store: storeRoutes,
  layout: layoutRoutes,
  cache: cacheRoutes,
  python: pythonRoutes,
  completions: completionsCommand,
});
