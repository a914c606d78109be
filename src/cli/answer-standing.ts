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

/** An exit code; `undefined` where somebody has to look closer; or a promise of these, where something is made or loaded. */
export type Answer = number | undefined | Promise<number | undefined>;

export function answerStanding(command: WarmCommand): Answer {
  const started = performance.now();
  if (process.platform === "win32") return undefined;
  const project = findLocked(command.projectDir);
  if (project === undefined) return undefined;
  const home = homeFolders(process.env);
  const found = findStanding(home, `${project.root}/.venv`, questionOf(command));
  if (found === undefined) return undefined;
  const { packages, environment } = found.standing;
  if (environment === undefined) return sayFresh(command, packages, performance.now() - started);
  const state = lookAtLayout(home, environment);
  if (state === "stands") return attach(command, project.root, found, { environment }, started);
  if (state === "changed" || found.kept !== environment.projectHash) return undefined;
  return makeAgain(command, project.root, home, found, environment, started);
}

/** A layout: `links` were made, where it was gone and is made again. */
interface StandingLayout {
  environment: StandingEnvironment;
  links?: number;
  via?: "recipe" | "derivation";
}

async function makeAgain(
  command: WarmCommand,
  root: string,
  home: Home,
  found: FoundStanding,
  environment: StandingEnvironment,
  started: number,
): Promise<number | undefined> {
  const { realiseStanding } = await import("../environment/realise-standing.ts");
  const made = await realiseStanding(home, found.link, environment);
  return made && (await attach(command, root, found, made, started));
}

function attach(
  command: WarmCommand,
  root: string,
  found: FoundStanding,
  { environment, links, via }: StandingLayout,
  started: number,
): Answer {
  const attached = attachStanding(found, environment);
  if (attached === undefined) return undefined;
  const { layoutPath, scripts } = environment;
  if (command.command === "run") return becomeCommand(command.argv, `${layoutPath}/${scripts}`, root);
  const { packages } = found.standing;
  const told = { ...environment, packages, changed: attached.made || links !== undefined };
  const milliseconds = performance.now() - started;
  return sayAttached(
    command,
    links === undefined ? told : { ...told, links, ...(via && { via }) },
    milliseconds,
  );
}

/** `install` and `run` ask for the same, however the answer is to be told. */
export function questionOf(command: WarmCommand): string {
  const { projectDir, python, frozen, linkMode, selection } = command;
  const what = command.command !== "lock" ? "environment" : command.check ? "check" : "lock";
  const asked = JSON.stringify([what, projectDir, python, frozen, linkMode, selection]);
  return standingQuestion({ asked, folder: process.cwd(), env: process.env, version: BUILD_IDENTITY ?? "" });
}
