/** `dx-py cache push` */
import { existsSync, statSync } from "node:fs";
import { Failure } from "../../platform/errors.ts";
import { push } from "../../project/cache-acts.ts";
import { cacheChoices } from "../../project/cache-settings.ts";
import { nearestUpward } from "../../project/discover.ts";
import type { CliContext } from "../context.ts";
import type { PushFlags } from "../flags/cache-flags.ts";
import { openCacheAct } from "../open-cache-act.ts";
import { openProject } from "../open-project.ts";
import { perform, type Session } from "../perform.ts";
import { count, formatBytes, formatDuration } from "../reporter/amounts.ts";
import { selectionOf } from "../selection-flags.ts";

export async function cachePush(this: CliContext, flags: PushFlags, ...what: string[]): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const folders = what.filter(isFolder(this.cwd));
    const packages = what.filter((text) => !folders.includes(text));
    if (folders.length > 1) throw new Failure("DXPY_USAGE", "Push one project at a time", { exitCode: 2 });
    const start = folders[0] === undefined ? session.start : absolute(folders[0], this.cwd);
    const asked: Session = { ...session, start };
    const wantsProject = folders.length === 1 || (packages.length === 0 && flags.all !== true);
    const act = await openCacheAct(asked);
    const opened = wantsProject ? await openProject(asked, flags) : undefined;
    const targets = flags.to === undefined ? settingsTargets(act) : [flags.to];
    const outcomes = [];
    for (const to of targets) {
      const started = performance.now();
      const outcome = await push({
        ...act,
        to,
        packages,
        all: flags.all ?? false,
        ...(flags.keyFile === undefined ? {} : { keyFile: absolute(flags.keyFile, this.cwd) }),
        ...(opened === undefined ? {} : { project: { ...opened, selection: selectionOf(flags) } }),
        onPushed: ({ name, bytes, done, total }) => {
          reporter.detail(`${done}/${total} ${name}${bytes === 0 ? "" : ` ${formatBytes(bytes)}`}`);
        },
      });
      reporter.settle();
      reporter.note(
        `Pushed ${count(outcome.pushed, "package")} (${formatBytes(outcome.bytes)}), ${outcome.present} were there, ` +
          `in ${formatDuration(performance.now() - started)} and ${count(outcome.requests, "request")}`,
      );
      if (outcome.signedBy === undefined && outcome.pushed > 0) {
        reporter.warn(
          "What was pushed is not signed: nobody will take it who does not know the outputs already (give --key-file)",
        );
      }
      outcomes.push({ to, ...outcome });
    }
    reporter.json(outcomes);
  });
}

function settingsTargets({ tool, user, context }: Awaited<ReturnType<typeof openCacheAct>>): string[] {
  const targets = cacheChoices(tool, user, context.env)
    .filter((one) => one.push)
    .map((one) => one.url);
  if (targets.length > 0) return targets;
  throw new Failure("DXPY_USAGE", "Where to? No cache of the settings has `push = true`", {
    hint: "Give one with `--to URL`.",
    exitCode: 2,
  });
}

/** A folder with a project in it; anything else is the name of a package. */
function isFolder(cwd: string): (text: string) => boolean {
  return (text) => {
    const path = absolute(text, cwd);
    return (
      (text.includes("/") || text === "." || text === ".." || existsSync(`${path}/pyproject.toml`)) &&
      statSync(path, { throwIfNoEntry: false })?.isDirectory() === true &&
      nearestUpward(path) !== undefined
    );
  };
}

export function absolute(path: string, cwd: string): string {
  const full = path.startsWith("/") || path.startsWith("~/") ? path : `${cwd}/${path}`;
  return full.replace(/(\/\.)+(?=\/|$)/g, "").replace(/\/+$/, "") || "/";
}
