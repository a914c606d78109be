/**
 * Answers a warm command by looking closely: an environment that was made before is attached, or run in; a lock that is fresh
 * is so called. What stands unchanged is remembered for `answer-standing.ts`.
 */
import { versionFilePlaces } from "../environment/alias-key.ts";
import { findCheckout } from "../environment/find-checkout.ts";
import { recordStanding, SETTLED } from "../environment/record-standing.ts";
import { type WarmRequest, type WarmResult, warmInstall } from "../environment/warm.ts";
import { DPL_FILE, openFreshDpl, PYLOCK_FILE } from "../lock/dpl-freshness.ts";
import { type Dpl, openDpl } from "../lock/dpl-reader.ts";
import { glance, isThere, NOWHERE } from "../platform/glance.ts";
import { homeFolders } from "../platform/home.ts";
import {
  hasResolutionVariables,
  selectionText,
  settingsText,
  userConfigPath,
} from "../project/environment-question.ts";
import { questionOf } from "./answer-standing.ts";
import { findLocked, foldersOf, type LockedProject } from "./find-locked.ts";
import type { WarmCommand } from "./warm-arguments.ts";
import { becomeCommand, sayAttached, sayFresh } from "./warm-words.ts";

/** The exit code, or `undefined` where the full command line has to find out what is the matter. */
export async function answerWarm(command: WarmCommand): Promise<number | undefined> {
  const env = process.env;
  const started = performance.now();
  const found = findLocked(command.projectDir);
  if (found === undefined) return undefined;
  if (hasResolutionVariables(env) && !command.frozen) return undefined;
  const isLock = command.command === "lock";
  if (isLock && command.python === undefined)
    return await answerLock(command, found, started, openFreshDpl(found.root));
  const result = lookFor(command, found);
  if (result === undefined) return isLock ? undefined : await answerFromCheckout(command, found, started);
  // An environment was made with this very Python: it is there, and the project admits it.
  // Its lock was found fresh on the way, and is opened without being hashed again.
  if (isLock) return await answerLock(command, found, started, openDpl(`${found.root}/${DPL_FILE}`), result);
  remember(command, found, result.packages, result.inputs, result);
  if (command.command === "run")
    return await becomeCommand(command.argv, `${result.layoutPath}/${result.scripts}`, found.root);
  return await sayAttached(command, result, performance.now() - started);
}

/** Another checkout of the project has the same but for its own code: this one's environment is made from that. */
async function answerFromCheckout(
  command: WarmCommand,
  found: LockedProject,
  started: number,
): Promise<number | undefined> {
  const request = requestOf(command, found);
  const path = findCheckout(request);
  if (path === undefined) return undefined;
  const { realiseCheckout } = await import("../environment/realise-checkout.ts");
  const made = await realiseCheckout(request, path);
  if (made === undefined) return undefined;
  const { result, ...links } = made;
  if (!wasJustWritten(found)) remember(command, found, result.packages, result.inputs, result);
  if (command.command === "run")
    return await becomeCommand(command.argv, `${result.layoutPath}/${result.scripts}`, found.root);
  return await sayAttached(command, { ...result, ...links, via: "checkout" }, performance.now() - started);
}

function lookFor(command: WarmCommand, found: LockedProject): WarmResult | undefined {
  return warmInstall(requestOf(command, found));
}

function requestOf(command: WarmCommand, found: LockedProject): WarmRequest {
  const env = process.env;
  return {
    home: homeFolders(env),
    projectDir: found.root,
    env,
    frozen: command.frozen,
    python: command.python,
    selection: selectionText(command.selection, found.member),
    settings: settingsText({ linkMode: command.linkMode, folders: foldersOf(found), env }),
    dryRun: command.command === "lock",
  };
}

/** After the long way: what it came to is remembered as if it had been found here. */
export function rememberOutcome(command: WarmCommand): void {
  const found = findLocked(command.projectDir);
  if (found === undefined || (hasResolutionVariables(process.env) && !command.frozen)) return;
  if (command.command === "lock") {
    rememberLock(command, found);
    return;
  }
  if (wasJustWritten(found)) return;
  const result = lookFor(command, found);
  if (result !== undefined) remember(command, found, result.packages, result.inputs, result);
}

/** A lock that was made a moment ago, a fresh checkout: nothing could be remembered of them yet, so nothing is looked for. */
function wasJustWritten({ root }: LockedProject): boolean {
  const newest = Date.now() - SETTLED;
  return [DPL_FILE, PYLOCK_FILE].some((name) => {
    const { mtime } = glance(`${root}/${name}`);
    return mtime > newest && mtime !== NOWHERE;
  });
}

/** With a Python that is named by its path: another name may lead elsewhere tomorrow. */
function rememberLock(command: WarmCommand, found: LockedProject): void {
  if (!command.check || !command.python?.startsWith("/")) return;
  const dpl = openFreshDpl(found.root);
  if (dpl === undefined) return;
  const { packages, inputs } = dpl.header;
  dpl.close();
  const paths = inputs.map(({ path }) => path);
  remember(command, found, packages, paths, undefined);
}

async function answerLock(
  command: WarmCommand,
  found: LockedProject,
  started: number,
  dpl: Dpl | undefined,
  result?: WarmResult,
): Promise<number | undefined> {
  if (dpl === undefined) return undefined;
  const { packages, inputs } = dpl.header;
  // A plain `lock` undoes the options of the one before, and writes the text where it is missing.
  const plain =
    command.check || (Object.keys(dpl.lock.options).length === 0 && isThere(`${found.root}/${PYLOCK_FILE}`));
  dpl.close();
  if (!plain) return undefined;
  remember(
    command,
    found,
    packages,
    inputs.map(({ path }) => path),
    result,
  );
  return await sayFresh(command, packages, performance.now() - started);
}

/** `inputs`: of the lock, relative to it. */
function remember(
  command: WarmCommand,
  found: LockedProject,
  packages: number,
  inputs: readonly string[],
  result: WarmResult | undefined,
): void {
  const env = process.env;
  const config = userConfigPath(env);
  const python = command.python || env["DX_PY_PYTHON"] || env["UV_PYTHON"];
  const searched = python ? undefined : versionFilePlaces(found.root, env["HOME"]);
  recordStanding({
    home: homeFolders(env),
    link: `${found.root}/.venv`,
    question: questionOf(command),
    packages,
    written: [
      ...[DPL_FILE, PYLOCK_FILE, ...inputs].map((path) => `${found.root}/${path}`),
      ...foldersOf(found).map((folder) => `${folder}/pyproject.toml`),
      ...(config === undefined ? [] : [config]),
      ...(searched?.files ?? []),
    ],
    present: searched?.ends ?? [],
    watched: [...(python?.includes("/") ? [python] : []), ...(result?.watched ?? [])],
    ...(result === undefined || command.command === "lock" ? {} : { environment: result }),
  });
}
