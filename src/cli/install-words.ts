/** What is said about an environment that was installed, and the same as JSON. */
import type { InstalledProject } from "../project/install-project.ts";
import { sayLock } from "./lock-words.ts";
import { count, formatBytes, formatDuration } from "./reporter/amounts.ts";
import type { Reporter } from "./reporter/reporter.ts";

const LAYOUT_WORDS = {
  hit: "hit",
  alias: "hit (alias)",
  miss: "miss",
  healed: "healed",
  private: "none: an ordinary environment",
} as const;

export function sayInstalled(
  reporter: Reporter,
  { lock, environment, interpreter, received, requests, milliseconds }: InstalledProject,
): void {
  const { paintNote } = reporter;
  if (lock !== undefined && (lock.status !== "fresh" || reporter.options.verbose)) sayLock(reporter, lock);
  const { stats, hit, changed } = environment;
  const total = milliseconds - (lock?.milliseconds ?? 0);
  const packages = count(stats.packages, "package");
  const what = changed ? paintNote.green("Installed") : "Already installed:";
  const made = [
    stats.from.downloaded > 0 ? `${stats.from.downloaded} downloaded` : "",
    stats.from.built > 0 ? `${stats.from.built} built` : "",
    stats.from.cache > 0 ? `${stats.from.cache} from a binary cache` : "",
  ].filter((part) => part !== "");
  reporter.note(
    `${what} ${packages} ${paintNote.dim(`in ${formatDuration(total)}`)}${made.length > 0 ? ` (${made.join(", ")})` : ""}`,
  );
  for (const { path } of environment.collisions.slice(0, 5))
    reporter.detail(`two packages bring ${path}: the last one was kept`);
  const { from } = stats;
  reporter.detail(`layout: ${LAYOUT_WORDS[hit]} ${environment.layoutPath}`);
  reporter.detail(`python: ${interpreter.version} ${interpreter.executable}`);
  reporter.detail(
    `packages: ${from.store} from the store, ${from.system} from the system store, ${from.cache} from a binary cache, ` +
      `${from.downloaded} downloaded, ${from.built} built; ${count(stats.links, "link")}`,
  );
  reporter.detail(
    `time: realise ${formatDuration(stats.realiseMs)}, layout ${formatDuration(stats.layoutMs)}, attach ${formatDuration(stats.attachMs)}; ` +
      `${count(requests, "request")}, ${formatBytes(received)} received`,
  );
}

export function installJson({ lock, environment, interpreter, milliseconds }: InstalledProject) {
  return {
    status: "installed",
    packages: environment.stats.packages,
    changed: environment.changed,
    layoutPath: environment.layoutPath,
    projectHash: environment.projectHash,
    layout: environment.hit,
    interpreter: interpreter.executable,
    python: interpreter.version,
    lock: lock?.status ?? "frozen",
    from: environment.stats.from,
    links: environment.stats.links,
    ...(environment.fallback === undefined ? {} : { fallback: environment.fallback }),
    milliseconds,
  };
}
