/** What projects from sources of their own require: as declared as what the root requires itself. */
import { everywhere } from "./fork-environment.ts";
import type { Need, SourceNeeds } from "./needs.ts";
import type { Session } from "./session.ts";

/**
 * Reads the projects from sources of their own that are reached from what is declared, before anything is chosen: a
 * yanked version or a pre-release that a member of the workspace names is as wanted as one that the root names. What cannot
 * be read is left to whoever needs it.
 */
export async function sourceNeeds(session: Session, declared: readonly Need[]): Promise<SourceNeeds> {
  const found: SourceNeeds = { all: [], local: [] };
  const waiting = declared.slice();
  const seen = new Set<string>();
  for (let need = waiting.shift(); need !== undefined; need = waiting.shift()) {
    const source = need.source ?? sourceOf(session, need.name);
    if (source === undefined || source.kind === "index" || need.name === session.rootName) continue;
    const key = `${need.name} ${JSON.stringify(source)} ${need.extras.join()}`;
    if (seen.has(key) || session.arena.isDisjoint(need.marker, session.pythonMarker)) continue;
    seen.add(key);
    const project = await Promise.resolve(
      session.catalog.project(need.name, { kind: "source", source }),
    ).catch(() => undefined);
    if (project === undefined) continue;
    const read = await session.catalog.needs(project, 0);
    if ("problem" in read) continue;
    for (const extra of [undefined, ...need.extras]) {
      const needs = read.needs.for(extra);
      if ("problem" in needs) continue;
      found.all.push(...needs);
      if (project.direct?.locked.kind === "directory") found.local.push(...needs);
      waiting.push(...needs);
    }
  }
  return found;
}

function sourceOf(session: Session, name: string) {
  const origin = session.originOf(name, everywhere);
  return origin.kind === "source" ? origin.source : undefined;
}
