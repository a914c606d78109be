/** A lock with the conflict of a merge: what the next resolution keeps of it. */
import type { Lock } from "../lock/lock-model.ts";
import type { LockConflict, PinnedVersion } from "../lock/pylock-conflict.ts";
import { parsePylock } from "../lock/pylock-file.ts";
import { Failure } from "../platform/errors.ts";
import { canonicalJson } from "../realise/canonical-json.ts";

/** What a lock was resolved with. */
export type LockFrame = Pick<Lock, "settings" | "requiresPython" | "forks">;

export function keptVersions({ agreed, single, moved }: LockConflict): PinnedVersion[] {
  return [...agreed, ...single, ...moved];
}

/** What becomes of a merge: nothing of it is decided silently. */
export function conflictInWords({ agreed, single, moved, disputed }: LockConflict): string {
  const count = (versions: readonly { name: string }[]) => new Set(versions.map(({ name }) => name)).size;
  const kept = [
    `the ${count(agreed)} that both sides agree on`,
    ...(single.length > 0 ? [`${count(single)} that only one side has`] : []),
    ...(moved.length > 0 ? [`${count(moved)} that only one side moved`] : []),
  ];
  const last = kept.pop();
  const anew = disputed.map(
    ({ name, ours, theirs }) => `${name} (${ours.join(", ")} | ${theirs.join(", ")})`,
  );
  return [
    "pylock.toml holds the conflict of a merge: versions are kept of ",
    kept.length > 0 ? `${kept.join(", ")} and ${last}` : last,
    anew.length > 0 ? `; chosen anew are ${anew.join(", ")}` : "",
  ].join("");
}

/** What both sides were resolved with, where they agree on all of it: then their forks are where to begin. */
export function agreedFrame(conflict: LockConflict): LockFrame | undefined {
  try {
    const [ours, theirs] = [conflict.ours, conflict.theirs].map((text) => parsePylock(text));
    const same = (["settings", "requiresPython", "forks"] as const).every(
      (key) => canonicalJson(ours?.[key] ?? null) === canonicalJson(theirs?.[key] ?? null),
    );
    return same ? ours : undefined;
  } catch (error) {
    // A side of a merge need not be a document.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
