/**
 * Builds that wait for builds: which needs which, in this process. One that (through others) waits for itself would wait
 * for ever on its own lock, so it is refused instead.
 */
import { Failure } from "../../platform/errors.ts";

const needs = new Map<string, Set<string>>();

/** Notes that `needer` waits for `needed` until the returned function is called. Failure DXPY_BUILD_CYCLE. */
export function noteNeed(needer: string | undefined, needed: string, name: string): () => void {
  if (needer === undefined) return () => {};
  if (reaches(needed, needer)) {
    throw new Failure("DXPY_BUILD_CYCLE", `Building ${name} needs ${name} itself`, {
      context: { package: name },
      hint: "Allow a wheel of it, so that it need not be built for its own build.",
    });
  }
  const set = needs.get(needer) ?? new Set();
  needs.set(needer, set.add(needed));
  return () => {
    set.delete(needed);
    if (set.size === 0) needs.delete(needer);
  };
}

function reaches(from: string, to: string): boolean {
  const seen = new Set<string>();
  const waiting = [from];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (at === to) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    waiting.push(...(needs.get(at) ?? []));
  }
  return false;
}
