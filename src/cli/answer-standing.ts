/** Answers a command that was answered before and still holds, from what this one chunk of the executable has. */
import type { StandingEnvironment } from "../environment/root-record.ts";
import {
  attachStanding,
  type FoundStanding,
  findStanding,
  lookAtLayout,
  standingQuestion,
} from "../environment/standing.ts";
import { BUILD_IDENTITY } from "../platform/build-identity.ts";
import { type Home, homeFolders } from "../platform/home.ts";
import { findLocked } from "./find-locked.ts";
import type { WarmCommand } from "./warm-arguments.ts";
import { becomeCommand, sayAttached, sayFresh } from "./warm-words.ts";

/** The exit code, or `undefined` where somebody has to look closer. */
export async function answerStanding(command: WarmCommand): Promise<number | undefined> {
  const started = performance.now();
  if (process.platform === "win32") return undefined;
  const project = findLocked(command.projectDir);
  if (project === undefined) return undefined;
  const home = homeFolders(process.env);
  const found = findStanding(home, `${project.root}/.venv`, questionOf(command));
  if (found === undefined) return undefined;
  const { packages, environment } = found.standing;
  if (environment === undefined) {
    await sayFresh(command, packages, performance.now() - started);
    return 0;
  }
  const made = await standingLayout(home, found, environment);
  const attached = made && (await attachStanding(found, made.environment));
  if (attached === undefined) return undefined;
  const { layoutPath, scripts } = environment;
  if (command.command === "run")
    return await becomeCommand(command.argv, `${layoutPath}/${scripts}`, project.root);
  const changed = attached.made || made?.links !== undefined;
  const told = {
    ...environment,
    packages,
    changed,
    ...(made?.links === undefined ? {} : { links: made.links }),
  };
  await sayAttached(command, told, performance.now() - started);
  return 0;
}

/** `links`: how many were made, where the layout was gone and is made again. */
async function standingLayout(
  home: Home,
  { link, kept }: FoundStanding,
  environment: StandingEnvironment,
): Promise<{ environment: StandingEnvironment; links?: number } | undefined> {
  const state = lookAtLayout(home, environment);
  if (state === "stands") return { environment };
  if (state === "changed" || kept !== environment.projectHash) return undefined;
  const { realiseStanding } = await import("../environment/realise-standing.ts");
  return await realiseStanding(home, link, environment);
}

/** `install` and `run` ask for the same, however the answer is to be told. */
export function questionOf(command: WarmCommand): string {
  const { projectDir, python, frozen, linkMode, selection } = command;
  const what = command.command !== "lock" ? "environment" : command.check ? "check" : "lock";
  const asked = JSON.stringify([what, projectDir, python, frozen, linkMode, selection]);
  return standingQuestion({ asked, folder: process.cwd(), env: process.env, version: BUILD_IDENTITY ?? "" });
}
