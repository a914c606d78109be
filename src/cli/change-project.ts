/** What `add` and `remove` have in common: edit, lock, install, and put everything back when that fails. */
import { Failure } from "../platform/errors.ts";
import { type ChangeOutcome, restoringOnFailure } from "../project/change-requirements.ts";
import type { RequirementList } from "../project/edit-pyproject.ts";
import { WHOLE_DEFAULT } from "../project/environment-question.ts";
import { installProject } from "../project/install-project.ts";
import { installJson, sayInstalled } from "./install-words.ts";
import { lockJson, sayLock } from "./lock-words.ts";
import type { OpenedProject } from "./open-project.ts";
import type { Session } from "./perform.ts";

interface ChangeFlags {
  dev?: boolean;
  group?: string;
  optional?: string;
  noInstall?: boolean;
  frozen?: boolean;
}

export function listOf({ dev, group, optional }: ChangeFlags): RequirementList {
  if ([dev === true, group !== undefined, optional !== undefined].filter(Boolean).length > 1) {
    throw new Failure("DXPY_USAGE", "Only one of `--dev`, `--group` and `--optional` can be given", {
      exitCode: 2,
    });
  }
  if (optional !== undefined) return { kind: "extra", name: optional };
  if (group !== undefined || dev === true) return { kind: "group", name: group ?? "dev" };
  return { kind: "main" };
}

export async function changeProject(
  session: Session,
  opened: OpenedProject,
  flags: ChangeFlags,
  done: "Added" | "Removed",
  change: (locking: Omit<OpenedProject, "project"> | undefined) => Promise<ChangeOutcome>,
): Promise<void> {
  const { reporter } = session;
  const { project, ...locking } = opened;
  await restoringOnFailure(project, async () => {
    const outcome = await change(flags.frozen === true ? undefined : locking);
    const { lock } = outcome;
    const installed =
      lock === undefined || flags.noInstall === true
        ? undefined
        : await installProject({
            ...locking,
            project: outcome.project,
            selection: WHOLE_DEFAULT,
            lockMode: "frozen",
            upgrade: [],
          });
    reporter.settle();
    for (const item of outcome.changed) reporter.note(`${reporter.paintNote.green(done)} ${item}`);
    if (lock !== undefined) sayLock(reporter, lock);
    if (installed !== undefined) sayInstalled(reporter, installed);
    // Made only where it is wanted: it takes the whole lock apart.
    if (!reporter.options.json) return;
    reporter.json({
      [done === "Added" ? "added" : "removed"]: outcome.changed,
      ...(lock === undefined ? {} : { lock: lockJson(lock) }),
      ...(installed === undefined ? {} : { environment: installJson(installed) }),
    });
  });
}
