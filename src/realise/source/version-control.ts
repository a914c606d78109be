/**
 * Some projects take their version from version control: a commit or a tag makes another wheel of them, although no file
 * changed. For those, and only those, the state of the repository is a part of what they are built from.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { runProcess } from "../../platform/process.ts";

/** Tools that ask git for the version, by the names under which builds require or configure them. */
const tools =
  /setuptools[-_.]scm|hatch[-_]vcs|vcs[-_]versioning|versioningit|dunamai|poetry-dynamic-versioning|uv-dynamic-versioning|setuptools[-_]git[-_]versioning|flit[-_]scm|versioneer|\bpbr\b|\bscm\b/i;

/** The nearest tag, the number of commits since, and the commit; `undefined` where that has no say. One process of git, and only then. */
export function versionControlState(folder: string): string | undefined {
  if (!asksVersionControl(folder)) return undefined;
  return git(folder, ["describe", "--tags", "--long", "--always", "--abbrev=64", "HEAD"]);
}

/** Files whose change tells that the state may be another. Absolute paths; they need not be there. */
export function versionControlFiles(folder: string): string[] {
  if (!asksVersionControl(folder)) return [];
  const names = ["HEAD", "logs/HEAD", "packed-refs", "refs/tags"];
  const said = git(folder, ["rev-parse", ...names.flatMap((name) => ["--git-path", name])]);
  return said === undefined
    ? []
    : said.split("\n").map((path) => (path.startsWith("/") ? path : `${folder}/${path}`));
}

function asksVersionControl(folder: string): boolean {
  const declared = ["pyproject.toml", "setup.py", "setup.cfg"].some((name) => {
    try {
      return tools.test(readFileSync(`${folder}/${name}`, "utf8"));
    } catch {
      return false;
    }
  });
  return declared && isInRepository(folder);
}

function isInRepository(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(`${at}/.git`)) return true;
    if (at === dirname(at)) return false;
  }
}

/** `undefined`: no commit yet, no git, or a repository of somebody else that git does not trust. */
function git(folder: string, args: readonly string[]): string | undefined {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  try {
    const done = runProcess(["git", "-C", folder, ...args], { env, timeout: 10_000 });
    return done.code === 0 ? done.stdout.trim() : undefined;
  } catch {
    return undefined;
  }
}
