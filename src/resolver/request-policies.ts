/** What the request says about which versions count, as questions about a name. */

import type { PackagePage } from "../package-index/package-page.ts";
import { mayBuild, mayUseWheels } from "../standards/file-kinds.ts";
import type { MarkerArena } from "../standards/marker-algebra/marker-arena.ts";
import { isPrerelease, type Version } from "../standards/version.ts";
import type { CandidatePolicy } from "./candidates.ts";
import { admits, type ForkEnvironment } from "./fork-environment.ts";
import type { Need } from "./needs.ts";
import type { PythonBounds } from "./python-requirement.ts";
import type { ResolveRequest } from "./request.ts";
import type { Preferred, Prereleases } from "./select-version.ts";
import { isPinned } from "./version-space.ts";

export function prereleasePolicy(
  arena: MarkerArena,
  { prerelease }: ResolveRequest,
  declared: readonly Need[],
): (name: string, env: ForkEnvironment) => Prereleases {
  if (prerelease === "allow") return () => "always";
  if (prerelease === "disallow") return () => "never";
  if (prerelease !== "explicit") return () => "last";
  const named = Map.groupBy(
    declared.filter((need) =>
      need.specifier.specifiers.some(
        ({ operator, parsed }) => operator !== "!=" && parsed !== undefined && isPrerelease(parsed),
      ),
    ),
    (need) => need.name,
  );
  return (name, env) => (named.get(name)?.some((need) => admits(arena, env, need.marker)) ? "last" : "never");
}

export function highestPolicy(
  arena: MarkerArena,
  { resolution }: ResolveRequest,
  declared: readonly Need[],
): (name: string, env: ForkEnvironment) => boolean {
  if (resolution === "highest") return () => true;
  if (resolution === "lowest") return () => false;
  const byName = Map.groupBy(declared, (need) => need.name);
  return (name, env) => !byName.get(name)?.some((need) => admits(arena, env, need.marker));
}

/** Versions that the person or the lock names exactly may be used although they are yanked (PEP 592). */
export function allowedYanked(
  declared: readonly Need[],
  preferred: ReadonlyMap<string, readonly Preferred[]>,
): Map<string, Version[]> {
  const allowed = new Map<string, Version[]>();
  const add = (name: string, version: Version) => allowed.set(name, [...(allowed.get(name) ?? []), version]);
  for (const { name, specifier } of declared) {
    const [only, more] = specifier.specifiers;
    if (only?.parsed !== undefined && more === undefined && isPinned(specifier)) add(name, only.parsed);
  }
  for (const [name, versions] of preferred) for (const { version } of versions) add(name, version);
  return allowed;
}

export function candidatePolicy(
  request: ResolveRequest,
  python: PythonBounds,
  yanked: readonly Version[],
  name: string,
  page: PackagePage,
): CandidatePolicy {
  const own = request.excludeNewerPackage[name];
  return {
    noBinary: !mayUseWheels(name, request),
    noBuild: !mayBuild(name, request),
    excludeNewer: own === false ? undefined : (own ?? request.excludeNewer),
    allowedYanked: new Set(yanked.map((version) => page.position(version)).filter((i) => i >= 0)),
    python,
  };
}
