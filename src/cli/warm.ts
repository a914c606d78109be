/** Answers a warm command: an environment that was made before is attached, or run in; a lock that is fresh is so called. */
import { existsSync } from "node:fs";
import { type WarmResult, warmInstall } from "../environment/warm.ts";
import { DPL_FILE, openFreshDpl } from "../lock/dpl-freshness.ts";
import { type Dpl, openDpl } from "../lock/dpl-reader.ts";
import { homeFolders } from "../platform/home.ts";
import { hasResolutionVariables, selectionText, settingsText } from "../project/environment-question.ts";
import { writeLine } from "./reporter/write-line.ts";
import { runEnvironment } from "./run-environment.ts";
import type { WarmCommand } from "./warm-arguments.ts";

/** The exit code, or `undefined` where the full command line has to find out what is the matter. */
export async function answerWarm(command: WarmCommand): Promise<number | undefined> {
  const env = process.env;
  const started = performance.now();
  const found = findLocked(command.projectDir);
  if (found === undefined) return undefined;
  if (hasResolutionVariables(env) && !command.frozen) return undefined;
  const isLock = command.command === "lock";
  if (isLock && command.python === undefined) return answerLock(command, found.root, started, openFreshDpl);
  const result = warmInstall({
    home: homeFolders(env),
    projectDir: found.root,
    env,
    frozen: command.frozen,
    python: command.python,
    selection: selectionText(command.selection, found.member),
    settings: settingsText({ linkMode: command.linkMode, folders: foldersOf(found), env }),
    dryRun: isLock,
  });
  // An environment was made with this very Python: it is there, and the project admits it.
  // Its lock was found fresh on the way, and is opened without being hashed again.
  if (isLock)
    return result === undefined ? undefined : answerLock(command, found.root, started, openKnownDpl);
  if (result === undefined) return undefined;
  if (command.command === "run") return await becomeCommand(command, result, found.root);
  sayInstalled(command, result, performance.now() - started);
  return 0;
}

function openKnownDpl(root: string): Dpl {
  return openDpl(`${root}/${DPL_FILE}`);
}

function answerLock(
  command: WarmCommand,
  root: string,
  started: number,
  open: (root: string) => Dpl | undefined,
): number | undefined {
  const dpl = open(root);
  if (dpl === undefined) return undefined;
  const { packages } = dpl.header;
  // A plain `lock` undoes the options of the one before.
  const plain = command.check || Object.keys(dpl.lock.options).length === 0;
  dpl.close();
  if (!plain) return undefined;
  const milliseconds = performance.now() - started;
  if (command.json) writeLine(1, JSON.stringify({ status: "fresh", packages, milliseconds }));
  else if (!command.quiet)
    writeLine(2, `The lock is up to date: ${counted(packages)} in ${milliseconds.toFixed(1)} ms`);
  return 0;
}

function sayInstalled(command: WarmCommand, result: WarmResult, milliseconds: number): void {
  const { packages, layoutPath, projectHash, changed, interpreterPath } = result;
  if (command.json) {
    const how = { layout: "hit", via: "alias" };
    writeLine(
      1,
      JSON.stringify({
        status: "installed",
        packages,
        changed,
        layoutPath,
        projectHash,
        interpreter: interpreterPath,
        ...how,
        milliseconds,
      }),
    );
    return;
  }
  if (command.quiet) return;
  const what = changed ? "Installed" : "Already installed:";
  writeLine(2, `${what} ${counted(packages)} in ${milliseconds.toFixed(1)} ms`);
  if (command.verbose) {
    writeLine(2, `layout: hit (alias) ${layoutPath}`);
    writeLine(2, `python: ${interpreterPath}`);
    writeLine(2, `packages: ${packages} in the layout, 0 linked, 0 downloaded, 0 built`);
  }
}

function counted(packages: number): string {
  return packages === 1 ? "1 package" : `${packages} packages`;
}

async function becomeCommand(command: WarmCommand, result: WarmResult, root: string): Promise<never> {
  const { replaceProcess } = await import("../platform/process.ts");
  const bin = `${result.layoutPath}/${result.scripts}`;
  try {
    return replaceProcess(...runEnvironment(command.argv, bin, `${root}/.venv`, process.env));
  } catch (error) {
    throw (await import("./missing-command.ts")).missingCommand(error, command.argv[0] ?? "", bin);
  }
}

function foldersOf({ root, member }: { root: string; member: string }): string[] {
  return member === "" ? [root] : [root, `${root}/${member}`];
}

/** The folder of the lock that holds for a folder: the nearest project's own, or that of a workspace above it. */
function findLocked(given: string | undefined): { root: string; member: string } | undefined {
  let dir = process.cwd();
  if (given !== undefined) dir = given.startsWith("/") ? given : `${dir}/${given}`;
  if (dir.includes("/.") || dir.endsWith("/")) return undefined;
  let project: string | undefined;
  for (; ; dir = dir.slice(0, dir.lastIndexOf("/"))) {
    if (project === undefined && existsSync(`${dir}/pyproject.toml`)) project = dir;
    if (project !== undefined && existsSync(`${dir}/dx-py.dpl`)) {
      return { root: dir, member: project === dir ? "" : project.slice(dir.length + 1) };
    }
    if (dir === "") return undefined;
  }
}
