/** `dx-py pip …`: pip in the project's environment, which becomes the project's own when pip is to change it */
import { existsSync } from "node:fs";
import { baseExecutable } from "../../interpreters/inspect.ts";
import { Failure } from "../../platform/errors.ts";
import { runProcess } from "../../platform/process.ts";
import { replaceProcess } from "../../platform/replace-process.ts";
import { WHOLE_DEFAULT } from "../../project/environment-question.ts";
import { pipVariables } from "../../project/index-source.ts";
import { installProject } from "../../project/install-project.ts";
import { detach, environmentAt } from "../../project/own-environment.ts";
import type { CommonFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { sayInstalled } from "../install-words.ts";
import { type OpenedProject, openProject } from "../open-project.ts";
import { perform, type Session } from "../perform.ts";
import { count } from "../reporter/amounts.ts";
import { runEnvironment } from "../run-environment.ts";

/** Commands of pip that change the environment that they run in, but for these options. */
const CHANGING = new Set(["install", "uninstall"]);
const ELSEWHERE = /^(--help|-h|--dry-run|--target(=.*)?|-t|--prefix(=.*)?|--root(=.*)?)$/;

export async function pip(this: CliContext, flags: CommonFlags, ...argv: string[]): Promise<void> {
  await perform(this, flags, async (session) => {
    const opened = await openProject(session, flags);
    const link = `${opened.project.root}/.venv`;
    const command = argv.find((word) => !word.startsWith("-")) ?? "";
    const elsewhere = argv.some((word) => ELSEWHERE.test(word));
    if (environmentAt(link) === "none") await install(session, opened);
    const guarded = CHANGING.has(command) && environmentAt(link) === "shared";
    if (guarded && !elsewhere) await makeOwn(session, opened, link);
    const bin = `${link}/${process.platform === "win32" ? "Scripts" : "bin"}`;
    const env = {
      ...this.env,
      ...pipVariables({ ...opened, interpreter: undefined }),
      // The shared environment's own file of settings is what stops `pip install` in it.
      ...(guarded && elsewhere ? { PIP_CONFIG_FILE: "/dev/null" } : {}),
    };
    const [words, variables] = runEnvironment(["python", ...pipOf(`${bin}/python`), ...argv], bin, link, env);
    // `python -m pip` of the environment, or of the interpreter that it was made with, told which environment is meant.
    const base = words.includes("--python") ? [baseExecutable(`${bin}/python`), ...words.slice(1)] : words;
    replaceProcess(base, variables);
  });
}

async function install(session: Session, opened: OpenedProject): Promise<void> {
  const installed = await installProject({
    ...opened,
    selection: WHOLE_DEFAULT,
    lockMode: "write",
    upgrade: [],
  });
  session.reporter.settle();
  sayInstalled(session.reporter, installed);
}

async function makeOwn(
  { reporter }: Session,
  { context, project }: OpenedProject,
  link: string,
): Promise<void> {
  const { packages } = await detach(link, context);
  reporter.note(
    `${project.root}/.venv is this project's own environment now (${count(packages, "package")}): pip may change it.\n` +
      "What pip installs is in no lock. `dx-py add` puts a package into the lock; `rm -r .venv && dx-py install` goes back.",
  );
}

/** The environment's own pip; else that of its interpreter, which can work on another environment since pip 22.3. */
function pipOf(python: string): string[] {
  if (!existsSync(python)) throw noPip(`${python} does not exist`);
  const own = runProcess([python, "-c", "import pip"]);
  if (own.code === 0) return ["-m", "pip"];
  const base = runProcess([baseExecutable(python), "-m", "pip", "--python", python, "--version"]);
  if (base.code === 0) return ["-m", "pip", "--python", python];
  throw noPip(base.stderr.trim());
}

function noPip(detail: string): Failure {
  return new Failure(
    "DXPY_NO_PIP",
    "Neither the environment nor its interpreter has a pip that can be used",
    {
      context: { detail },
      hint: "Run `dx-py add --dev pip`.",
    },
  );
}
