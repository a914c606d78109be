/** `dx-py add` */
import { existsSync, statSync } from "node:fs";
import { Failure } from "../../platform/errors.ts";
import { type Addition, addToProject } from "../../project/change-requirements.ts";
import { readProjectFile } from "../../project/project-file.ts";
import { readRequirementsFile } from "../../project/requirements-file.ts";
import { relativePath } from "../../project/resolve-request.ts";
import type { SourceEntry } from "../../project/tool-settings.ts";
import { tidy } from "../../project/workspace.ts";
import { normalizeExtra } from "../../standards/names.ts";
import { parseRequirement, type Requirement } from "../../standards/requirements.ts";
import { changeProject, listOf } from "../change-project.ts";
import type { CliContext } from "../context.ts";
import type { AddFlags } from "../flags/edit-flags.ts";
import { openProject } from "../open-project.ts";
import { perform, type Session } from "../perform.ts";

export async function add(this: CliContext, flags: AddFlags, ...words: string[]): Promise<void> {
  await perform(this, flags, async (session) => {
    if (words.length === 0 && flags.requirements.length === 0) throw nothingToAdd(flags);
    const opened = await openProject(session, flags);
    const base = opened.project.current.dir;
    const additions: Addition[] = [];
    for (const word of words) additions.push(await additionOf(word, flags, this.cwd, base));
    additions.push(...additionsFromFiles(flags, this.cwd, session));
    if (additions.length === 0) throw nothingToAdd(flags);
    if ((flags.git !== undefined || flags.path !== undefined) && additions.length !== 1) {
      throw new Failure("DXPY_USAGE", "`--git` and `--path` say where one package comes from", {
        exitCode: 2,
      });
    }
    const list = listOf(flags);
    await changeProject(session, opened, flags, "Added", (locking) =>
      addToProject(opened.project, list, additions, locking),
    );
  });
}

function additionsFromFiles(flags: AddFlags, cwd: string, { reporter }: Session): Addition[] {
  const additions: Addition[] = [];
  for (const file of flags.requirements) {
    const { requirements, passedOver } = readRequirementsFile(
      tidy(file.startsWith("/") ? file : `${cwd}/${file}`),
    );
    for (const requirement of requirements) additions.push({ requirement, raw: flags.raw ?? false });
    for (const line of passedOver)
      reporter.warn(`${line} is not taken over: say it in pyproject.toml if it is still needed`);
  }
  return additions;
}

function nothingToAdd({ requirements }: AddFlags): Failure {
  return requirements.length > 0
    ? new Failure("DXPY_USAGE", `${requirements.join(", ")} asks for nothing`, { exitCode: 2 })
    : new Failure("DXPY_USAGE", "`dx-py add` wants at least one package", {
        hint: "For instance: dx-py add httpx 'rich>=13'",
        exitCode: 2,
      });
}

async function additionOf(word: string, flags: AddFlags, cwd: string, base: string): Promise<Addition> {
  if (/^(?:git\+)?[a-z]+:\/\/|^git@/i.test(word)) throw namelessUrl(word);
  const local = localFolder(word, cwd);
  const given = local === undefined ? parseRequirement(word) : await requirementOfFolder(local);
  const requirement = withExtras(given, flags.extra);
  const source = sourceOf(flags, local, cwd, base);
  return { requirement, raw: flags.raw ?? false, ...(source === undefined ? {} : { source }) };
}

/** A URL says where, and a requirement begins with what: the name cannot be known before it is fetched. */
function namelessUrl(word: string): Failure {
  const git = /^git(?:\+|@)|\.git\b/i.test(word);
  const [url = "", rev] = word.replace(/^git\+/, "").split(/@(?=[^/@]*$)/);
  const shown = git
    ? `dx-py add NAME --git ${url}${rev === undefined ? "" : ` --rev ${rev}`}`
    : `dx-py add 'NAME @ ${word}'`;
  return new Failure("DXPY_USAGE", `${word} says where a package is, and not which`, {
    hint: `Write \`${shown}\`.`,
    exitCode: 2,
  });
}

/** `./lib` or `../lib`: a folder and not a name. */
function localFolder(word: string, cwd: string): string | undefined {
  if (!/^\.{0,2}\//.test(word) && word !== "." && word !== "..") return undefined;
  const path = tidy(word.startsWith("/") ? word : `${cwd}/${word}`);
  if (!(statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false)) {
    throw new Failure("DXPY_NOT_A_FOLDER", `${word} is not a folder`, {
      context: { path },
      hint: "An archive is added with its name: `dx-py add NAME --path FILE`.",
      exitCode: 2,
    });
  }
  return path;
}

async function requirementOfFolder(path: string): Promise<Requirement> {
  const name = (await readProjectFile(path))?.metadata?.name;
  if (name === undefined) {
    throw new Failure("DXPY_NO_NAME", `${path} has no pyproject.toml that names a project`, {
      hint: "Write `dx-py add NAME --path FOLDER`.",
      exitCode: 2,
    });
  }
  return parseRequirement(name);
}

function withExtras(requirement: Requirement, extras: readonly string[]): Requirement {
  if (extras.length === 0) return requirement;
  const all = [...new Set([...requirement.extras, ...extras.map(normalizeExtra)])].sort();
  const rest = requirement.text
    .trim()
    .slice(requirement.name.length)
    .replace(/^\s*\[[^\]]*\]/, "");
  return parseRequirement(`${requirement.name}[${all.join(",")}]${rest}`);
}

function sourceOf(
  flags: AddFlags,
  local: string | undefined,
  cwd: string,
  base: string,
): SourceEntry | undefined {
  const { git, rev, tag, branch } = flags;
  if (git === undefined && (rev ?? tag ?? branch) !== undefined) {
    throw new Failure("DXPY_USAGE", "`--rev`, `--tag` and `--branch` go with `--git`", { exitCode: 2 });
  }
  const path =
    local ??
    (flags.path === undefined
      ? undefined
      : tidy(flags.path.startsWith("/") ? flags.path : `${cwd}/${flags.path}`));
  if (git !== undefined && path !== undefined) {
    throw new Failure("DXPY_USAGE", "`--git` and `--path` exclude each other", { exitCode: 2 });
  }
  if (git !== undefined) {
    return {
      git,
      ...(rev === undefined ? {} : { rev }),
      ...(tag === undefined ? {} : { tag }),
      ...(branch === undefined ? {} : { branch }),
    };
  }
  if (path === undefined) return undefined;
  if (!existsSync(path))
    throw new Failure("DXPY_NOT_A_FOLDER", `${path} does not exist`, { context: { path }, exitCode: 2 });
  return {
    path: relativePath(base, path),
    ...(flags.editable === undefined ? {} : { editable: flags.editable }),
  };
}
