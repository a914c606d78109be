/** `dx-py install` (`dx-py sync`) */
import { existsSync } from "node:fs";
import { Failure } from "../../platform/errors.ts";
import { lockOnlyProject } from "../../project/discover.ts";
import { type InstalledProject, installProject } from "../../project/install-project.ts";
import { detach } from "../../project/own-environment.ts";
import { readUserConfig } from "../../project/settings.ts";
import { actContext } from "../act-reporting.ts";
import { settingFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import type { InstallFlags } from "../flags/install-flags.ts";
import { installJson, sayInstalled } from "../install-words.ts";
import { type OpenedProject, openProject } from "../open-project.ts";
import { perform, type Session } from "../perform.ts";
import { selectionOf } from "../selection-flags.ts";

export async function install(this: CliContext, flags: InstallFlags): Promise<void> {
  await perform(this, flags, async (session) => {
    if (flags.frozen === true && flags.locked === true) {
      throw new Failure("DXPY_USAGE", "`--frozen` and `--locked` exclude each other", { exitCode: 2 });
    }
    const opened = await openToInstall(session, flags);
    const installed = await installProject({
      ...opened,
      selection: selectionOf(flags),
      lockMode: flags.frozen === true ? "frozen" : flags.locked === true ? "locked" : "write",
      upgrade: flags.upgrade === true ? true : flags.upgradePackage,
      ...(flags.compileBytecode === undefined ? {} : { compileBytecode: flags.compileBytecode }),
    });
    session.reporter.settle();
    sayInstalled(session.reporter, installed);
    const detached = flags.detach === true && (await detachAfter(session, opened, flags, installed));
    session.reporter.json({
      ...installJson(installed),
      ...(detached ? { detached, layout: "private" } : {}),
    });
  });
}

/** True when there was something shared to take a copy of. */
async function detachAfter(
  { reporter }: Session,
  { project, context }: OpenedProject,
  { linkMode }: InstallFlags,
  { environment }: InstalledProject,
): Promise<boolean> {
  const link = `${project.root}/.venv`;
  if (environment.hit === "private") {
    reporter.note(`${link} is a folder of this project's own already`);
    return false;
  }
  await detach(link, context, linkMode === "layout" ? undefined : linkMode);
  reporter.note(
    `${reporter.paintNote.green("Detached")} ${link}: it is this project's own, until it is removed and installed again`,
  );
  return true;
}

/** With `--frozen` a folder with a lock is enough: a server that installs what was locked elsewhere. */
async function openToInstall(session: Session, flags: InstallFlags): Promise<OpenedProject> {
  const { start, context } = session;
  const has = (name: string) => existsSync(`${start}/${name}`);
  if (flags.frozen !== true || has("pyproject.toml") || !(has("pylock.toml") || has("dx-py.dpl"))) {
    return await openProject(session, flags);
  }
  const [user, acting] = await Promise.all([readUserConfig(context.env), actContext(session)]);
  return { project: lockOnlyProject(start), user, flags: settingFlags(flags), context: acting };
}
