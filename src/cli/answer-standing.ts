/** Answers a command that was answered before and still holds, from what this one chunk of the executable has. */
import { attachStanding, findStanding, standingQuestion } from "../environment/standing.ts";
import { BUILD_IDENTITY } from "../platform/build-identity.ts";
import { homeFolders } from "../platform/home.ts";
import { findLocked } from "./find-locked.ts";
import type { WarmCommand } from "./warm-arguments.ts";
import { becomeCommand, sayAttached, sayFresh } from "./warm-words.ts";

/** The exit code, or `undefined` where somebody has to look closer. */
export async function answerStanding(command: WarmCommand): Promise<number | undefined> {
  const started = performance.now();
  if (process.platform === "win32") return undefined;
  const found = findLocked(command.projectDir);
  if (found === undefined) return undefined;
  const answer = findStanding(homeFolders(process.env), `${found.root}/.venv`, questionOf(command));
  if (answer === undefined) return undefined;
  const { packages, environment } = answer.standing;
  if (environment === undefined) {
    await sayFresh(command, packages, performance.now() - started);
    return 0;
  }
  const attached = await attachStanding(answer, environment);
  if (attached === undefined) return undefined;
  if (command.command === "run")
    return await becomeCommand(command.argv, `${environment.layoutPath}/${environment.scripts}`, found.root);
  const told = { packages, changed: attached.made, ...environment };
  await sayAttached(command, told, performance.now() - started);
  return 0;
}

export function questionOf({ words }: WarmCommand): string {
  return standingQuestion({ words, folder: process.cwd(), env: process.env, version: BUILD_IDENTITY ?? "" });
}
