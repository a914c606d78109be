/** What commands about a project begin with: the project, the user's own settings, the context of its acts. */
import type { ActContext } from "../project/act-context.ts";
import { discoverProject, type Project } from "../project/discover.ts";
import { readUserConfig, type SettingFlags, type UserConfig } from "../project/settings.ts";
import { actContext } from "./act-reporting.ts";
import { type CommonFlags, settingFlags } from "./common-flags.ts";
import type { Session } from "./perform.ts";

export interface OpenedProject {
  project: Project;
  user: UserConfig | undefined;
  flags: SettingFlags;
  context: ActContext;
}

export async function openProject(session: Session, flags: CommonFlags): Promise<OpenedProject> {
  const [project, user, context] = await Promise.all([
    discoverProject(session.start),
    readUserConfig(session.context.env),
    actContext(session),
  ]);
  for (const file of new Set([project.main, project.current]))
    for (const warning of file.warnings) session.reporter.warn(warning);
  return { project, user, flags: settingFlags(flags), context };
}
