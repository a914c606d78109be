/** Which interpreter a project is locked and installed with. */
import { askForInterpreter } from "../interpreters/find.ts";
import type { AskedInterpreter } from "../interpreters/inspect.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import type { ActContext } from "./act-context.ts";
import type { Project } from "./discover.ts";
import { jointRequiresPython } from "./resolve-request.ts";
import type { SettingFlags } from "./settings.ts";

/**
 * The interpreter to resolve and to install for: the project says which Pythons it admits, not which this machine has. `more`
 * are further specifier sets, of groups.
 */
export async function interpreterFor(
  project: Project,
  flags: SettingFlags,
  context: ActContext,
  more: readonly string[] = [],
): Promise<Interpreter> {
  return await askProjectsInterpreter(project, flags, context, more).interpreter;
}

/** The same, with what it says first. */
export function askProjectsInterpreter(
  project: Project,
  { python }: SettingFlags,
  context: ActContext,
  more: readonly string[] = [],
): AskedInterpreter {
  const joint = [jointRequiresPython(project), ...more].filter((text) => text !== undefined).join(",");
  return askForInterpreter(
    {
      ...(python === undefined ? {} : { python }),
      ...(joint === "" ? {} : { requiresPython: joint }),
      projectDir: project.current.dir,
    },
    { home: context.home, env: context.env },
  );
}
