import type { Project } from "../catalog.ts";
import { allPositions } from "./facts.ts";

export const everyVersion = "every version";

/**
 * Versions as one would say them: `2.0`, `1.0 and 2.0`, `>=1.0,<=1.9 (12 versions)`, `every version` when it is all that
 * exist. `positions` ascend.
 */
export function describeVersions(project: Project, positions: readonly number[]): string {
  const all = allPositions(project);
  const text = (i: number) => project.space.list.versionText(i);
  if (positions.length === 0) return "no version";
  if (positions.length === 1) return text(positions[0]!);
  if (positions.length === all.length) return everyVersion;
  if (positions.length <= 3) return joined(positions.map(text));
  const runs = runsOf(all, positions);
  const parts = runs.map(([first, last]) => {
    if (first === last) return text(first);
    if (last === all[all.length - 1]) return `>=${text(first)}`;
    return first === all[0] ? `<=${text(last)}` : `>=${text(first)},<=${text(last)}`;
  });
  if (parts.length <= 3) return `${joined(parts)} (${positions.length} versions)`;
  return `${positions.length} versions from ${text(positions[0]!)} to ${text(positions[positions.length - 1]!)}`;
}

/** Stretches of versions with no other version between them. */
function runsOf(all: readonly number[], positions: readonly number[]): [number, number][] {
  const wanted = new Set(positions);
  const runs: [number, number][] = [];
  let open: [number, number] | undefined;
  for (const i of all) {
    if (!wanted.has(i)) {
      open = undefined;
    } else if (open === undefined) {
      open = [i, i];
      runs.push(open);
    } else {
      open[1] = i;
    }
  }
  return runs;
}

export function joined(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join("");
  return `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
}
