/**
 * What is built without isolation sees what it is installed with. While a lock is being made there is no such environment yet: it
 * is made of the project's other requirements, as they resolve without the packages that are built in it.
 */
import type { RealiseContext } from "../realise/realise-context.ts";
import { realisePackages } from "../realise/realise-packages.ts";
import type { ResolveRequest, RootRequirement } from "../resolver/request.ts";
import type { Requirement } from "../standards/requirements.ts";
import { type Here, resolveHere } from "./resolve-here.ts";

/** Absolute path of the environment's Python; `undefined` where there are no others. Failures: those of resolving and realising. */
export async function pythonOfOthers(
  request: ResolveRequest,
  requires: readonly Requirement[],
  defaultGroups: readonly string[],
  here: Here,
  realising: RealiseContext,
): Promise<string | undefined> {
  const without = realising.build?.noIsolation ?? [];
  const isOther = ({ requirement }: RootRequirement) =>
    without === "all" || !without.includes(requirement.normalized);
  const requirements = request.requirements.filter(isOther);
  if (requirements.length === 0) return undefined;
  // What an installation has without being asked, and the extras and groups that declare what the build wants.
  const needed = new Set(requires.map(({ normalized }) => normalized));
  const declaring = requirements.filter(({ requirement }) => needed.has(requirement.normalized));
  const extras = new Set(declaring.flatMap(({ scope }) => scope.extra ?? []));
  const groups = new Set([...defaultGroups, ...declaring.flatMap(({ scope }) => scope.group ?? [])]);
  const wanted = await resolveHere(
    {
      ...request,
      requirements,
      // Whoever requires them, they are what is being built.
      excludes: without === "all" ? request.excludes : [...request.excludes, ...without],
      noBuild: without === "all" ? "all" : request.noBuild,
    },
    { extras: [...extras], groups: [...groups].filter((group) => request.groups.includes(group)) },
    here,
    { without: new Set([request.root.name]) },
  );
  const packages = await realisePackages(wanted, realising);
  const { prefix } = await realising.makeBuildEnvironment!(packages, here.interpreter);
  return `${prefix}/${process.platform === "win32" ? "Scripts/python.exe" : "bin/python"}`;
}
