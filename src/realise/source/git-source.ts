/**
 * Git repositories as sources: bare clones shared by all projects under `home/index/git`, revisions turned into
 * commits, commits checked out with their submodules. `git` itself does the work, with the person's own credentials,
 * which never leave it.
 */
import { existsSync } from "node:fs";
import { ensureDir } from "../../platform/atomic-file.ts";
import { Failure } from "../../platform/errors.ts";
import { withLock } from "../../platform/file-lock.ts";
import type { Home } from "../../platform/home.ts";
import { startProcess } from "../../platform/process.ts";
import { sha256Hex } from "../../platform/sha256.ts";
import { withoutCredentials } from "../../standards/url-credentials.ts";

export interface GitContext {
  home: Home;
  env: Readonly<Record<string, string | undefined>>;
  offline?: boolean;
  /** URLs with the login that the project states for them, by the URL without it, which is what a lock has. */
  gitLogins?: () => ReadonlyMap<string, string>;
}

/** What was asked for: at most one of the three; none is the default branch. */
export interface GitRevision {
  rev?: string;
  tag?: string;
  branch?: string;
}

const commitId = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/**
 * The commit that a revision means now. A full commit id that the clone has needs no network.
 * Failures: DXPY_GIT (cannot be reached), DXPY_GIT_REVISION (no such revision), DXPY_OFFLINE_MISSING, DXPY_BAD_SOURCE.
 */
export async function resolveGitRevision(
  plainUrl: string,
  revision: GitRevision,
  context: GitContext,
): Promise<string> {
  const url = withLogin(plainUrl, context);
  const asked = revision.tag ?? revision.branch ?? revision.rev ?? "HEAD";
  checkRevision(asked, url);
  return await withClone(url, context, async (clone) => {
    if (commitId.test(asked) && (await hasCommit(clone, asked, context))) return asked;
    await fetchAll(clone, url, context);
    for (const name of candidates(revision)) {
      const found = await git(
        ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`],
        clone,
        context,
      );
      if (found.code === 0) return found.stdout.trim();
    }
    if (commitId.test(asked) && (await fetchCommit(clone, url, asked, context))) return asked;
    throw new Failure("DXPY_GIT_REVISION", `The repository has no revision ${asked}`, {
      context: { url: withoutCredentials(url) },
      hint: "Check the name of the branch, tag or commit.",
    });
  });
}

/** Puts the files of a commit into `folder`, which must not exist, with submodules and the history that version tools read. */
export async function checkoutGit(
  plainUrl: string,
  commit: string,
  folder: string,
  context: GitContext,
): Promise<void> {
  const url = withLogin(plainUrl, context);
  checkRevision(commit, url);
  await withClone(url, context, async (clone) => {
    if (!(await hasCommit(clone, commit, context))) {
      await fetchAll(clone, url, context);
      if (!(await hasCommit(clone, commit, context)) && !(await fetchCommit(clone, url, commit, context))) {
        throw new Failure("DXPY_GIT_REVISION", `The repository does not have the commit ${commit} any more`, {
          context: { url: withoutCredentials(url) },
          hint: "Lock again, so that a commit is taken that is there.",
        });
      }
    }
    const done = await git(
      ["clone", "--quiet", "--no-checkout", "--local", "--", clone, folder],
      undefined,
      context,
    );
    if (done.code !== 0) throw gitFailure("could not be copied", url, done.stderr);
    const head = await git(["checkout", "--quiet", "--detach", commit], folder, context);
    if (head.code !== 0) throw gitFailure("could not be checked out", url, head.stderr);
  });
  // Relative URLs of submodules start at the origin.
  await git(["remote", "set-url", "origin", "--", withoutCredentials(url)], folder, context);
  if (!existsSync(`${folder}/.gitmodules`)) return;
  if (context.offline) throw offlineFailure(url, "its submodules");
  const modules = await git(
    [...sameLogin(url), "submodule", "--quiet", "update", "--init", "--recursive"],
    folder,
    context,
  );
  if (modules.code !== 0) throw gitFailure("has submodules that could not be fetched", url, modules.stderr);
}

function withLogin(url: string, { gitLogins }: GitContext): string {
  return gitLogins?.().get(url) ?? url;
}

/**
 * Submodules on the same host are opened by the same login, which is not written into the tree: a build must not see it. A plain
 * name of ssh stands in the URL anyway.
 */
function sameLogin(url: string): string[] {
  const [, origin] = /^(https?:\/\/[^/?#]*@[^/?#]+)/i.exec(url) ?? [];
  return origin === undefined ? [] : ["-c", `url.${origin}/.insteadOf=${withoutCredentials(origin)}/`];
}

async function withClone<T>(
  url: string,
  context: GitContext,
  action: (clone: string) => Promise<T>,
): Promise<T> {
  checkUrl(url);
  const folder = `${context.home.index}/git`;
  ensureDir(folder);
  const clone = `${folder}/${sha256Hex(withoutCredentials(url)).slice(0, 32)}.git`;
  return await withLock(`${clone}.lock`, async () => {
    if (!existsSync(`${clone}/HEAD`)) {
      const made = await git(["init", "--quiet", "--bare", "--", clone], undefined, context);
      if (made.code !== 0) throw gitFailure("could not be cloned", url, made.stderr);
    }
    return await action(clone);
  });
}

async function hasCommit(clone: string, commit: string, context: GitContext): Promise<boolean> {
  return (await git(["cat-file", "-e", `${commit}^{commit}`], clone, context)).code === 0;
}

async function fetchAll(clone: string, url: string, context: GitContext): Promise<void> {
  if (context.offline) throw offlineFailure(url, "this revision");
  const refs = ["+HEAD:refs/dx-py/HEAD", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
  const done = await git(
    ["fetch", "--quiet", "--prune", "--no-tags", "--force", "--", url, ...refs],
    clone,
    context,
  );
  if (done.code !== 0) throw gitFailure("could not be fetched", url, done.stderr);
}

/** A commit that no branch or tag holds, where the server gives such: true when it came. */
async function fetchCommit(
  clone: string,
  url: string,
  commit: string,
  context: GitContext,
): Promise<boolean> {
  const done = await git(["fetch", "--quiet", "--no-tags", "--", url, commit], clone, context);
  return done.code === 0 && (await hasCommit(clone, commit, context));
}

function candidates(revision: GitRevision): string[] {
  if (revision.tag !== undefined) return [`refs/tags/${revision.tag}`];
  if (revision.branch !== undefined) return [`refs/heads/${revision.branch}`];
  const { rev } = revision;
  if (rev === undefined) return ["refs/dx-py/HEAD"];
  return [
    `refs/tags/${rev}`,
    `refs/heads/${rev}`,
    ...(rev.startsWith("refs/") || /^[0-9a-f]{4,64}$/.test(rev) ? [rev] : []),
  ];
}

/** Runs git with nothing of a surrounding repository, no hooks, no prompt, and no transport that runs commands. */
async function git(args: string[], cwd: string | undefined, context: GitContext) {
  const env = Object.fromEntries(
    Object.entries(context.env).filter(
      ([name]) =>
        !/^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX|CEILING_DIRECTORIES)$/.test(
          name,
        ),
    ),
  );
  const safe = [
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "advice.detachedHead=false",
  ];
  return await startProcess(["git", ...safe, ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...env, GIT_TERMINAL_PROMPT: "0", GIT_LFS_SKIP_SMUDGE: env["GIT_LFS_SKIP_SMUDGE"] ?? "1" },
  });
}

/** Only the transports that people mean: `ext::` runs commands, and a leading dash is an option. */
function checkUrl(url: string): void {
  const known = /^(https?|ssh|git|file):\/\/[^\s]/i.test(url) || /^[\w.-]+@[\w.-]+:[^\s]/.test(url);
  if (known && !/[\0\n\r]/.test(url)) return;
  throw new Failure(
    "DXPY_BAD_SOURCE",
    `This is not the URL of a git repository: ${withoutCredentials(url)}`,
    {
      hint: "Use https://, ssh://, git:// or file://.",
      exitCode: 2,
    },
  );
}

function checkRevision(revision: string, url: string): void {
  if (/^[^-\s~^:?*[\\\0][^\s~^:?*[\\\0]*$/.test(revision) && !revision.includes("..")) return;
  throw new Failure(
    "DXPY_BAD_SOURCE",
    `This is not the name of a git revision: ${JSON.stringify(revision)}`,
    {
      context: { url: withoutCredentials(url) },
      exitCode: 2,
    },
  );
}

function gitFailure(what: string, url: string, stderr: string): Failure {
  const shown = withoutCredentials(url);
  const detail = stderr
    .replaceAll(url, shown)
    .replace(/\/\/[^/\s@]*@/g, "//")
    .trim()
    .slice(-2000);
  return new Failure("DXPY_GIT", `The repository ${shown} ${what}`, {
    context: { url: shown, ...(detail === "" ? {} : { detail }) },
    hint: "Check that `git` itself can reach it from here.",
  });
}

function offlineFailure(url: string, what: string): Failure {
  const shown = withoutCredentials(url);
  return new Failure("DXPY_OFFLINE_MISSING", `The repository ${shown} is not here with ${what}`, {
    context: { url: shown },
    hint: "Run the command once without --offline.",
  });
}
