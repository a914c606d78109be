/** Opens the indexes that the settings of a command name. */
import type { Interpreter } from "../interpreters/interpreter.ts";
import { createPackageIndex, type PackageIndex } from "../package-index/client.ts";
import { resolveIndexSettings } from "../package-index/index-settings.ts";
import type { ActContext } from "./act-context.ts";
import type { Project } from "./discover.ts";
import { isOffline, type SettingFlags, type UserConfig } from "./settings.ts";

export interface IndexRequest {
  flags: SettingFlags;
  project: Project | undefined;
  user: UserConfig | undefined;
  interpreter: Interpreter | undefined;
  context: ActContext;
}
