/** The files that a lock depends on: what must be unchanged for it to be fresh without a look at what is in them. */
import { existsSync } from "node:fs";
import { hashFile } from "../lock/dpl-freshness.ts";
import type { DplInput } from "../lock/dpl-writer.ts";
import type { PackageSource } from "../resolver/request.ts";
import type { Project } from "./discover.ts";
import { isDynamic } from "./project-file.ts";
import { relativePath } from "./resolve-request.ts";

/** What a folder that is installed from source may declare its dependencies in. */
const DECLARATIONS = ["pyproject.toml", "setup.cfg", "setup.py"];

/**
 * The project's own file, its members', and those of every folder that a source names; sorted, relative to the root.
 * A file that is not there counts too: it may appear.
 */
export function lockInputs(project: Project, sources: Readonly<Record<string, PackageSource[]>>): DplInput[] {
  const digests = new Map(
    [project.main, ...project.members].map(({ document }) => [document.path, document.sha256]),
  );
  for (const folder of declaringFolders(project, sources)) {
    for (const path of DECLARATIONS.map((name) => `${folder}/${name}`)) {
      if (!digests.has(path)) digests.set(path, hashFile(path) ?? "");
    }
  }
  return [...digests]
    .map(([path, sha256]) => ({ path: relativePath(project.root, path), sha256 }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What the fingerprint takes in of the folders that sources name, by path relative to the root. */
export function sourceDigests(
  project: Project,
  sources: Readonly<Record<string, PackageSource[]>>,
): Record<string, string> {
  const digests: Record<string, string> = {};
  const own = new Map(
    [project.main, ...project.members].map(({ document }) => [document.path, document.sha256]),
  );
  for (const folder of declaringFolders(project, sources)) {
    const key = relativePath(project.root, folder);
    digests[key] = DECLARATIONS.map((name) => `${folder}/${name}`)
      .map((path) => own.get(path) ?? hashFile(path) ?? "")
      .join(" ");
  }
  return digests;
}

/** Folders whose declarations a lock depends on: those of sources, and the project's own where a backend computes them. */
function declaringFolders(project: Project, sources: Readonly<Record<string, PackageSource[]>>): string[] {
  const folders = Object.values(sources)
    .flat()
    .flatMap((source) => (source.kind === "path" || source.kind === "workspace" ? [source.path] : []));
  if (isDynamic(project.main)) folders.push(project.main.dir);
  return [...new Set(folders)]
    .filter((path) => DECLARATIONS.some((name) => existsSync(`${path}/${name}`)))
    .sort();
}
