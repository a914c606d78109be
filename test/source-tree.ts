/** Folders with a project in them that builds by the backend it brings along: sources for tests, without a network. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeSdist, type SdistSpec } from "./make-wheel.ts";

/** Writes the tree of an sdist, which is what version control would hold too: without PKG-INFO. */
export function writeSource(folder: string, spec: SdistSpec): void {
  mkdirSync(folder, { recursive: true });
  const { bytes } = makeSdist({ ...spec, pkgInfo: false });
  const done = Bun.spawnSync(["tar", "-xz", "--strip-components=1", "-C", folder], { stdin: bytes });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
}

/** A `pyproject.toml` with a `[project]` table for the same backend. */
export function ownPyproject(name: string, dependencies: readonly string[] = [], rest = ""): string {
  return (
    `[project]\nname = ${JSON.stringify(name)}\nversion = "1.0"\ndependencies = ${JSON.stringify(dependencies)}\n` +
    `[build-system]\nrequires = []\nbuild-backend = "build_backend"\nbackend-path = ["."]\n${rest}`
  );
}

/** Makes every file of a folder a commit, and the folder a repository if it is none; returns the commit's id. */
export function commitAll(folder: string, tag?: string): string {
  const git = (...args: string[]) => {
    const identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"];
    const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
    const done = Bun.spawnSync(["git", ...identity, ...args], { cwd: folder, env });
    if (done.exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${done.stderr.toString()}`);
    return done.stdout.toString().trim();
  };
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--allow-empty", "--message", "change");
  if (tag !== undefined) git("tag", tag);
  return git("rev-parse", "HEAD");
}

/** Writes a file below `folder`. */
export function put(folder: string, path: string, text: string): void {
  mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
  writeFileSync(`${folder}/${path}`, text);
}
