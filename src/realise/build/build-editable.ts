/** Editable installs (PEP 660): a folder's own backend makes a wheel that leads to the folder, and that wheel goes into the store. */
import { normalizeName } from "../../standards/names.ts";
import { askForBuild } from "../asked-package.ts";
import type { RealiseContext } from "../realise-context.ts";
import { realisePackages } from "../realise-packages.ts";
import type { RealisedPackage } from "../wanted-package.ts";
import { alreadyBuilt, realiseBuild } from "./build-package.ts";
import { readToml } from "./build-system.ts";

/**
 * `folder` is absolute. One that was made before, and whose declaration has not changed since, costs a few small reads.
 * Failures: those of `realiseBuild`; DXPY_NO_EDITABLE where the backend has no `build_editable`.
 */
export async function buildEditable(folder: string, context: RealiseContext): Promise<RealisedPackage> {
  const source = { kind: "directory" as const, path: folder, editable: true };
  const asked = askForBuild(declaredName(folder), undefined, source, context);
  const realised = alreadyBuilt(asked, context) ?? (await realiseBuild(asked, context, realisePackages));
  return { ...realised, name: normalizeName(realised.object.name) };
}

/** Empty where only the backend knows. */
function declaredName(folder: string): string {
  const project = readToml(`${folder}/pyproject.toml`)?.["project"] as { name?: unknown } | undefined;
  return typeof project?.name === "string" ? normalizeName(project.name) : "";
}
