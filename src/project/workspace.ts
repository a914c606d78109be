/** A workspace: several projects with one lock and one environment, declared by globs in the root's settings. */
import { existsSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import { noProjectTable, type ProjectFile, readProjectFile } from "./project-file.ts";

/** Reads every member (the root itself is not among them), sorted by folder. */
export async function workspaceMembers(main: ProjectFile): Promise<ProjectFile[]> {
  const { members = [], exclude = [] } = main.settings.workspace ?? {};
  const folders = new Set<string>();
  for (const pattern of members) {
    for (const dir of expand(main.dir, pattern)) {
      if (dir === main.dir || exclude.some((glob) => matches(main.dir, glob, dir))) continue;
      if (existsSync(`${dir}/pyproject.toml`)) folders.add(dir);
      else if (!pattern.includes("*")) throw memberWithoutFile(main, dir);
    }
  }
  const files: ProjectFile[] = [];
  const names = new Map<string, string>(main.name === undefined ? [] : [[main.name, main.dir]]);
  for (const dir of [...folders].sort()) {
    const file = await readProjectFile(dir);
    if (file === undefined || file.settings.managed === false) continue;
    if (file.name === undefined) throw noProjectTable(file);
    const other = names.get(file.name);
    if (other !== undefined) {
      throw new Failure(
        "DXPY_BAD_WORKSPACE",
        `Two members of the workspace are called \`${file.name}\`: ${other} and ${dir}`,
        {
          context: { path: main.document.path },
          exitCode: 2,
        },
      );
    }
    names.set(file.name, dir);
    files.push(file);
  }
  return files;
}

/** Whether a folder is a member of the workspace that a file declares. */
export function workspaceMatches(main: ProjectFile, dir: string): boolean {
  const { members = [], exclude = [] } = main.settings.workspace ?? {};
  return (
    members.some((glob) => matches(main.dir, glob, dir)) &&
    !exclude.some((glob) => matches(main.dir, glob, dir))
  );
}

function matches(root: string, pattern: string, dir: string): boolean {
  return new Bun.Glob(tidy(`${root}/${pattern}`)).match(dir);
}

function expand(root: string, pattern: string): string[] {
  const tidied = tidy(pattern);
  if (!/[*?[{]/.test(tidied)) return [tidy(`${root}/${tidied}`)];
  // The scanner finds nothing for patterns with `..`: start it where the pattern's plain part ends.
  const steps = tidy(`${root}/${tidied}`).split("/");
  const first = steps.findIndex((step) => /[*?[{]/.test(step));
  const base = steps.slice(0, first).join("/") || "/";
  if (!existsSync(base)) return [];
  const scanned = new Bun.Glob(steps.slice(first).join("/")).scanSync({
    cwd: base,
    onlyFiles: false,
    followSymlinks: false,
  });
  return [...scanned].map((found) => tidy(`${base}/${found}`));
}

/** Without `.` steps, doubled or trailing slashes; `..` goes up. */
export function tidy(path: string): string {
  const kept: string[] = [];
  for (const step of path.split("/")) {
    if (step === "" || step === ".") continue;
    if (step === ".." && kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (step !== ".." || !path.startsWith("/")) kept.push(step);
  }
  return (path.startsWith("/") ? "/" : "") + kept.join("/");
}

function memberWithoutFile(main: ProjectFile, dir: string): Failure {
  return new Failure("DXPY_BAD_WORKSPACE", `The workspace's member ${dir} has no pyproject.toml`, {
    context: { path: main.document.path },
    hint: "Run `dx-py init` in it, or name it under `exclude` of the workspace.",
    exitCode: 2,
  });
}
