/** What is said about a lock that was made: one line, the changes, and the same as JSON. */
import type { LockDiff } from "../lock/lock-diff.ts";
import type { LockOutcome } from "../project/lock-project.ts";
import type { PinOutcome } from "../project/pin-outputs.ts";
import { count, formatDuration } from "./reporter/amounts.ts";
import type { Reporter } from "./reporter/reporter.ts";

export function sayLock(reporter: Reporter, outcome: LockOutcome, dryRun = false): void {
  const { paintNote } = reporter;
  const packages = count(outcome.packages, "package");
  const time = paintNote.dim(`in ${formatDuration(outcome.milliseconds)}`);
  if (outcome.status === "fresh" || outcome.status === "confirmed") {
    reporter.note(`The lock is up to date: ${packages} ${time}`);
  } else {
    reporter.note(`${paintNote.green("Resolved")} ${packages} ${time}`);
    if (outcome.preferredFrom !== undefined)
      reporter.note(`The versions of ${outcome.preferredFrom} were kept where they fit`);
    if (outcome.status !== "created" || reporter.options.verbose) {
      for (const line of changeLines(outcome.diff, reporter)) reporter.note(line);
    }
    if (dryRun) reporter.note("Nothing was written (--dry-run)");
  }
  const { stats, remembered } = outcome;
  if (remembered !== undefined)
    reporter.detail(`resolution: remembered, ${count(remembered.pages, "page")} unchanged`);
  if (stats !== undefined) {
    reporter.detail(
      `resolution: ${count(stats.decisions, "decision")}, ${count(stats.conflicts, "conflict")}, ${count(stats.forks, "fork")} (${stats.followed} followed others), ` +
        `${count(stats.pages, "page")}, ${stats.metadata} metadata, ${formatDuration(stats.milliseconds)}`,
    );
  }
}

export function sayPins(reporter: Reporter, { pinned, fresh, missing }: PinOutcome): void {
  reporter.note(`The lock pins ${count(pinned, "output")}, ${fresh} of them now`);
  if (missing.length === 0) return;
  const shown = missing.length > 5 ? `${missing.slice(0, 5).join(", ")} …` : missing.join(", ");
  reporter.note(
    `The store has no output of ${count(missing.length, "package")} (${shown}): \`dx-py install\`, then pin again`,
  );
}

/** `+ name 1.0`, `- name 1.0`, `~ name 1.0 -> 2.0`; changes of files or markers only with `-v`. A first lock adds everything: `tree` shows it. */
function changeLines(diff: LockDiff, reporter: Reporter): string[] {
  const { paintNote, options } = reporter;
  const changed = diff.changed.filter(
    ({ what }) => options.verbose || what.includes("version") || what.includes("source"),
  );
  return [
    ...diff.removed.map(({ name, versions }) => ` ${paintNote.red("-")} ${name} ${versions.join(", ")}`),
    ...diff.added.map(({ name, versions }) => ` ${paintNote.green("+")} ${name} ${versions.join(", ")}`),
    ...changed.map(({ name, before, after, what }) =>
      what.includes("version")
        ? ` ${paintNote.yellow("~")} ${name} ${before.join(", ")} -> ${after.join(", ")}`
        : ` ${paintNote.yellow("~")} ${name} ${paintNote.dim(`(${what.join(", ")})`)}`,
    ),
  ];
}

export function lockJson(outcome: LockOutcome) {
  return {
    status: outcome.status,
    packages: outcome.lock.packages.map(({ name, version, marker }) => ({ name, version, marker })),
    changes: outcome.diff,
    stats: outcome.stats,
    remembered: outcome.remembered,
    milliseconds: outcome.milliseconds,
  };
}
