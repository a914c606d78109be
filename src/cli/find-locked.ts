import { isThere } from "../platform/glance.ts";

/** A project with a lock. `member`: its folder below the root of the workspace; empty for the root itself. */
export interface LockedProject {
  root: string;
  member: string;
}

/** The folder of the lock that holds for a folder: the nearest project's own, or that of a workspace above it. */
export function findLocked(given: string | undefined): LockedProject | undefined {
  let dir = process.cwd();
  if (given !== undefined) dir = given.startsWith("/") ? given : `${dir}/${given}`;
  if (dir.includes("/.") || dir.endsWith("/")) return undefined;
  let project: string | undefined;
  for (; ; dir = dir.slice(0, dir.lastIndexOf("/"))) {
    if (project === undefined && isThere(`${dir}/pyproject.toml`)) project = dir;
    if (project !== undefined && isThere(`${dir}/dx-py.dpl`)) {
      return { root: dir, member: project === dir ? "" : project.slice(dir.length + 1) };
    }
    if (dir === "") return undefined;
  }
}

/** Absolute folders of the projects whose settings hold: the lock's, and the member's. */
export function foldersOf({ root, member }: LockedProject): string[] {
  return member === "" ? [root] : [root, `${root}/${member}`];
}
