/** Finds the project that a command is about: the nearest `pyproject.toml` upward, and the workspace around it. */
import { existsSync, statSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import { type ProjectFile, readProjectFile } from "./project-file.ts";
import { workspaceMatches, workspaceMembers } from "./workspace.ts";

export interface Project {
  /** Absolute folder of the locks and of `.venv`: the workspace's root, or the project itself. */
  root: string;
  /** The file at `root`. */
  main: ProjectFile;
  /** The project that the command was started in: `main`, or a member of the workspace. */
  current: ProjectFile;
  /** Members of the workspace, `main` not among them, sorted by folder. Empty where there is no workspace. */
  members: readonly ProjectFile[];
}

/** Errors: DXPY_NO_PROJECT, and those of reading. */
export async function discoverProject(start: string): Promise<Project> {
  if (!isFolder(start)) {
    throw new Failure("DXPY_NO_PROJECT", `${start} is not a folder`, {
      context: { path: start },
      hint: "Check the path after `--project`.",
      exitCode: 2,
    });
  }
  const dir = nearestUpward(start);
  if (dir === undefined) {
    throw new Failure("DXPY_NO_PROJECT", `No pyproject.toml in ${start} or above it`, {
      context: { path: start },
      hint: initHint(start),
      exitCode: 2,
    });
  }
  const current = (await readProjectFile(dir)) as ProjectFile;
  if (current.settings.workspace !== undefined) return await workspace(current, current);
  for (let above = parent(dir); above !== undefined; above = parent(above)) {
    if (!existsSync(`${above}/pyproject.toml`)) continue;
    const file = await readProjectFile(above);
    if (file?.settings.workspace !== undefined) {
      if (workspaceMatches(file, dir)) return await workspace(file, current);
      break;
    }
  }
  return { root: dir, main: current, current, members: [] };
}

/** What to do where there is no project yet, by what else is there. */
function initHint(folder: string): string {
  const list = ["requirements.txt", "requirements.in"].find((name) => existsSync(`${folder}/${name}`));
  if (list !== undefined)
    return `Run \`dx-py init\`, then \`dx-py add -r ${list}\`: that takes over what ${list} asks for.`;
  if (existsSync(`${folder}/setup.py`) || existsSync(`${folder}/setup.cfg`)) {
    return "setup.py and setup.cfg say nothing that can be locked without running them: run `dx-py init`, and `dx-py add` what they require.";
  }
  if (existsSync(`${folder}/Pipfile`)) return "Run `dx-py init`, then `dx-py add` what the Pipfile asks for.";
  return "Run `dx-py init` to make one, or name the project's folder with `--project`.";
}

/** The folder of the nearest `pyproject.toml`, without reading it. */
export function nearestUpward(start: string): string | undefined {
  for (let dir: string | undefined = start; dir !== undefined; dir = parent(dir)) {
    if (existsSync(`${dir === "/" ? "" : dir}/pyproject.toml`)) return dir;
  }
  return undefined;
}

async function workspace(main: ProjectFile, current: ProjectFile): Promise<Project> {
  const members = await workspaceMembers(main);
  const own = members.find((member) => member.dir === current.dir) ?? current;
  return { root: main.dir, main, current: current.dir === main.dir ? main : own, members };
}

function parent(dir: string): string | undefined {
  const cut = dir.lastIndexOf("/");
  if (cut < 0 || dir === "/") return undefined;
  return cut === 0 ? "/" : dir.slice(0, cut);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A folder that has a lock and no `pyproject.toml`. */
export function lockOnlyProject(dir: string): Project {
  const main: ProjectFile = {
    dir,
    document: { path: `${dir}/pyproject.toml`, text: "", sha256: "", table: {} },
    groups: new Map(),
    includedBy: new Map(),
    packaged: false,
    settings: {},
    warnings: [],
  };
  return { root: dir, main, current: main, members: [] };
}
