/** Extras that the project asks for and that the chosen version does not have: nothing is installed for them. */
import { normalizeExtra } from "../standards/names.ts";
import type { ResolvedPackage, UnknownExtra } from "./resolution.ts";
import type { Session } from "./session.ts";

export async function unknownExtras(
  { request, catalog }: Session,
  packages: readonly ResolvedPackage[],
): Promise<UnknownExtra[]> {
  const found = new Map<string, UnknownExtra>();
  for (const { requirement } of request.requirements) {
    if (requirement.extras.length === 0) continue;
    for (const { name, version } of packages) {
      if (name !== requirement.normalized) continue;
      const known = await extrasOf(catalog, name, version);
      if (known === undefined) continue;
      for (const extra of requirement.extras) {
        if (!known.includes(extra)) found.set(`${name} ${version} ${extra}`, { name, version, extra, known });
      }
    }
  }
  return [...found.values()];
}

/** `undefined` where the version says nothing that could be read. */
async function extrasOf(
  catalog: Session["catalog"],
  name: string,
  version: string,
): Promise<string[] | undefined> {
  const project = catalog.loaded(name, name);
  const { list } = project.space;
  for (let i = 0; i < project.space.count; i += 1) {
    if (list.versionText(i) !== version) continue;
    const needs = await catalog.needs(project, i);
    return "extras" in needs ? [...needs.extras].map(normalizeExtra).sort() : undefined;
  }
  return undefined;
}
