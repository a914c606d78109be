import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Failure } from "../../platform/errors.ts";
import { type TestPlace, testPlace } from "../testing/test-context.ts";
import { checkoutGit, type GitContext, resolveGitRevision } from "./git-source.ts";

// Processes are started: on a busy machine that takes its time.
setDefaultTimeout(60_000);

let place: TestPlace;
let context: GitContext;
let repository: string;
let url: string;

const identity = {
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.org",
};

function git(...args: string[]): string {
  const env = { ...process.env, ...identity, HOME: place.folder, GIT_CONFIG_NOSYSTEM: "1" };
  const done = Bun.spawnSync(["git", "-c", "protocol.file.allow=always", ...args], { cwd: repository, env });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  return done.stdout.toString().trim();
}

function commit(text: string): string {
  writeFileSync(`${repository}/file.txt`, text);
  git("add", "-A");
  git("commit", "-q", "-m", text);
  return git("rev-parse", "HEAD");
}

beforeEach(() => {
  place = testPlace();
  repository = `${place.folder}/repository`;
  mkdirSync(repository);
  url = `file://${repository}`;
  context = { home: place.home, env: { PATH: process.env["PATH"], HOME: place.folder } };
  git("init", "-q", "-b", "main");
});
afterEach(() => place.remove());

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => "",
    (error: Failure) => error.code,
  );
}

describe.skipIf(Bun.which("git") === null)("git sources", () => {
  test("a branch, a tag, an abbreviated and a full commit, and nothing become commits", async () => {
    const first = commit("one");
    git("tag", "-a", "v1", "-m", "release");
    git("branch", "side");
    const second = commit("two");
    expect(await resolveGitRevision(url, {}, context)).toBe(second);
    expect(await resolveGitRevision(url, { branch: "side" }, context)).toBe(first);
    expect(await resolveGitRevision(url, { tag: "v1" }, context)).toBe(first);
    expect(await resolveGitRevision(url, { rev: "v1" }, context)).toBe(first);
    expect(await resolveGitRevision(url, { rev: "side" }, context)).toBe(first);
    expect(await resolveGitRevision(url, { rev: first.slice(0, 8) }, context)).toBe(first);
    expect(await resolveGitRevision(url, { rev: first }, context)).toBe(first);
    expect(await codeOf(resolveGitRevision(url, { branch: "none" }, context))).toBe("DXPY_GIT_REVISION");
  });

  test("a branch that moved is followed, also by force", async () => {
    commit("one");
    const second = commit("two");
    expect(await resolveGitRevision(url, { branch: "main" }, context)).toBe(second);
    git("reset", "-q", "--hard", "HEAD~1");
    const other = commit("three");
    expect(await resolveGitRevision(url, { branch: "main" }, context)).toBe(other);
    // The old one is still in the clone.
    expect(await resolveGitRevision(url, { rev: second }, { ...context, offline: true })).toBe(second);
  });

  test("a commit is checked out with its history; a known one needs no network", async () => {
    const first = commit("one");
    commit("two");
    await resolveGitRevision(url, {}, context);
    const tree = `${place.folder}/tree`;
    await checkoutGit(url, first, tree, { ...context, offline: true });
    expect(readFileSync(`${tree}/file.txt`, "utf8")).toBe("one");
    expect(existsSync(`${tree}/.git`)).toBe(true);
    expect(await codeOf(checkoutGit(url, "0".repeat(40), `${place.folder}/no`, context))).toBe(
      "DXPY_GIT_REVISION",
    );
    expect(
      await codeOf(checkoutGit(url, "0".repeat(40), `${place.folder}/no`, { ...context, offline: true })),
    ).toBe("DXPY_OFFLINE_MISSING");
  });

  test("submodules come along, their relative URLs taken from the origin", async () => {
    const inner = `${place.folder}/inner`;
    mkdirSync(inner);
    const outer = repository;
    repository = inner;
    git("init", "-q", "-b", "main");
    commit("inside");
    repository = outer;
    git("submodule", "--quiet", "add", "../inner", "sub");
    const head = commit("with a submodule");
    writeFileSync(`${place.folder}/.gitconfig`, '[protocol "file"]\n\tallow = always\n');
    const tree = `${place.folder}/tree`;
    await checkoutGit(url, head, tree, context);
    expect(readFileSync(`${tree}/sub/file.txt`, "utf8")).toBe("inside");
  });

  test.each([
    ["ext::sh -c touch% /tmp/x", {}],
    ["--upload-pack=touch /tmp/x", {}],
    ["/plain/path", {}],
    ["https://127.0.0.1/x\nhttps://127.0.0.1/y", {}],
    ["https://127.0.0.1/x", { rev: "--output=/tmp/x" }],
    ["https://127.0.0.1/x", { branch: "a..b" }],
    ["https://127.0.0.1/x", { tag: "a b" }],
  ])("what could be an option or a command is refused: %s %p", async (bad, revision) => {
    expect(await codeOf(resolveGitRevision(bad, revision, context))).toBe("DXPY_BAD_SOURCE");
  });

  test("a repository that cannot be reached is named without its credentials", async () => {
    const failure = (await resolveGitRevision("https://user:secret@127.0.0.1:1/r.git", {}, context).catch(
      (e) => e,
    )) as Failure;
    expect(failure.code).toBe("DXPY_GIT");
    expect(JSON.stringify([failure.message, failure.context])).not.toContain("secret");
    expect(failure.message).toContain("https://127.0.0.1:1/r.git");
  });

  test("the variables of a surrounding git command do not reach it", async () => {
    const head = commit("one");
    const inside = {
      ...context,
      env: { ...context.env, GIT_DIR: "/nowhere", GIT_WORK_TREE: "/nowhere", GIT_INDEX_FILE: "/nowhere" },
    };
    expect(await resolveGitRevision(url, {}, inside)).toBe(head);
    await checkoutGit(url, head, `${place.folder}/tree`, inside);
    expect(existsSync(`${place.folder}/tree/file.txt`)).toBe(true);
  });
});
