/** What the warm path says, and what it becomes. Loads nothing that costs. */
import { isThere } from "../platform/glance.ts";
import { replaceProcess } from "../platform/replace-process.ts";
import { noteAtOnce, writeAtOnce } from "./reporter/write-at-once.ts";
import { runEnvironment } from "./run-environment.ts";
import type { WarmCommand } from "./warm-arguments.ts";

export interface AttachedEnvironment {
  packages: number;
  changed: boolean;
  layoutPath: string;
  projectHash: string;
  interpreterPath: string;
  /** Links that were made, where the layout was made here. */
  links?: number;
  /** From what: its recipe, its derivation, or what another checkout of the project has. */
  via?: "recipe" | "derivation" | "checkout";
}

/** The exit code, when it is said. */
type Said = number | Promise<number>;

export function sayAttached(
  { json, quiet, verbose }: WarmCommand,
  attached: AttachedEnvironment,
  milliseconds: number,
): Said {
  const { packages, layoutPath, projectHash, changed, interpreterPath, links, via } = attached;
  const layout = links === undefined ? { layout: "hit", via: "alias" } : { layout: "miss", via };
  if (json) {
    const facts = {
      status: "installed",
      packages,
      changed,
      layoutPath,
      projectHash,
      interpreter: interpreterPath,
      ...layout,
      milliseconds,
    };
    return sayAsData(facts);
  }
  if (quiet) return 0;
  const what = changed ? "Installed" : "Already installed:";
  const lines = [`${what} ${counted(packages)} in ${milliseconds.toFixed(1)} ms`];
  if (verbose)
    lines.push(
      `layout: ${layout.layout} (${layout.via}) ${layoutPath}`,
      `python: ${interpreterPath}`,
      `packages: ${packages} in the layout, ${links ?? 0} links, 0 downloaded, 0 built`,
    );
  noteAtOnce(lines.join("\n"));
  return 0;
}

export function sayFresh({ json, quiet }: WarmCommand, packages: number, milliseconds: number): Said {
  if (json) return sayAsData({ status: "fresh", packages, milliseconds });
  if (!quiet) noteAtOnce(`The lock is up to date: ${counted(packages)} in ${milliseconds.toFixed(1)} ms`);
  return 0;
}

async function sayAsData(facts: object): Promise<number> {
  await writeAtOnce(1, JSON.stringify(facts));
  return 0;
}

function counted(packages: number): string {
  return packages === 1 ? "1 package" : `${packages} packages`;
}

/**
 * Does not come back, unless by a promise of a failure, or with `undefined` where the environment has just gone (`cache clean`): it is to
 * be made again. `bin`: the scripts folder of the layout.
 */
export function becomeCommand(
  argv: readonly string[],
  bin: string,
  root: string,
): undefined | Promise<undefined> {
  try {
    const [words, variables] = runEnvironment(argv, bin, `${root}/.venv`, process.env);
    // What `PATH` has instead is not what was meant.
    if (!words[0]?.startsWith(`${bin}/`) && isGone(bin)) return undefined;
    replaceProcess(words, variables);
  } catch (error) {
    if (isGone(bin)) return undefined;
    return missing(error, argv[0] ?? "", bin);
  }
}

async function missing(error: unknown, command: string, bin: string): Promise<undefined> {
  throw (await import("./missing-command.ts")).missingCommand(error, command, bin);
}

/** Whether the environment of a scripts folder was taken away since it was looked at. */
export function isGone(bin: string): boolean {
  return !isThere(`${bin}/${process.platform === "win32" ? "python.exe" : "python"}`);
}
