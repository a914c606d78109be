import type { PackageIndex } from "../package-index/client.ts";
import { Failure } from "../platform/errors.ts";
import { createMarkerArena, fromMarker } from "../standards/marker-algebra/from-marker.ts";
import type { IntegerSet } from "../standards/marker-algebra/integer-set.ts";
import type { MarkerArena, MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import { trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import { parseMarker } from "../standards/markers.ts";
import { normalizeName } from "../standards/names.ts";
import type { Requirement } from "../standards/requirements.ts";
import { parseSpecifierSet } from "../standards/specifiers.ts";
import { tryParseVersion, type Version } from "../standards/version.ts";
import type { BuildInterface } from "./build-interface.ts";
import { Catalog, type Origin, originKey, type Project } from "./catalog.ts";
import { admits, conflictKey, type ForkEnvironment } from "./fork-environment.ts";
import type { ConflictKeys, Edge } from "./forks.ts";
import { likelyChoices } from "./likely-choices.ts";
import type { NeedList } from "./need-list.ts";
import type { Need, NeedPolicy, SourceNeeds } from "./needs.ts";
import type { PackageId } from "./pubgrub/incompatibility.ts";
import type { Dependency } from "./pubgrub/solver-state.ts";
import { boundsMarker, boundsOf, type PythonBounds } from "./python-requirement.ts";
import type { PackageSource, ResolveRequest } from "./request.ts";
import { allowedYanked, candidatePolicy, highestPolicy, prereleasePolicy } from "./request-policies.ts";
import { type Preferred, type Prereleases, preferredVersion } from "./select-version.ts";
import { sourceOfUrl } from "./source-of-url.ts";
import { PackageTable } from "./virtual-packages.ts";

/** What one resolution knows throughout: the request, read, and the memories that all forks share. */
export interface Session {
  request: ResolveRequest;
  /** Normalised. */
  rootName: string;
  arena: MarkerArena;
  table: PackageTable;
  catalog: Catalog;
  python: PythonBounds;
  pythonMarker: MarkerTree;
  policy: NeedPolicy;
  /** The root's requirements by variant: `""`, `[extra]`, `:group`. */
  rootNeeds: ReadonlyMap<string, readonly Need[]>;
  conflicts: ConflictKeys;
  /** Every key that occurs in a conflict. */
  conflictItems: ReadonlySet<string>;
  /** In each of these that a version is needed in, it must have a file: those of the request, and its only ones. */
  requiredEnvironments: readonly MarkerTree[];
  /** Versions to prefer, by name: from the lock, then from each fork that is done. */
  preferred: Map<string, Preferred[]>;
  /** Edges by requirement, and by proxy: made once, the same in every fork. */
  edges: Map<Need | PackageId, readonly Edge[]>;
  /** Edges that no fork changes, by a version's requirements and extra; `undefined`: forks may. */
  plainEdges: Map<NeedList, Map<string, Edge[] | undefined>>;
  /** What plain edges tell the solver, the same in every fork; `undefined`: not told yet. Absent: not plain, or forks differ. */
  plainTold: Map<readonly Edge[], readonly ToldEdge[] | undefined>;
  /** The same of single edges, from versions to other projects. */
  told: Map<Edge, ToldEdge>;
  /** By package, the version that a followed fork had last, what it needs in every fork, and whether these Pythons can have it. */
  followed: (FollowedVersion | undefined)[];
  /**
   * What a proxy of a project had to choose from when it chose last: the package itself is given one version then, and which would be
   * tried after that is not said by it.
   */
  proxied: Map<string, IntegerSet>;
  /** Every name comes from the same place in every fork. */
  oneOrigin: boolean;
  /** What the request requires by itself: the root's requirements, constraints and overrides. */
  declared: readonly Need[];
  originOf(name: string, env: ForkEnvironment): Origin;
  /** The project of a name in a fork, loaded before. */
  loaded(name: string, env: ForkEnvironment): Project;
  prereleasesOf(name: string, env: ForkEnvironment): Prereleases;
  highestOf(name: string, env: ForkEnvironment): boolean;
  /** Lets requirements count as declared, for the versions that may be chosen. Before any project is loaded from an index. */
  alsoDeclared(needs: SourceNeeds): void;
}

/** One edge, as the solver is told of it. */
export interface ToldEdge {
  edge: Edge;
  range: IntegerSet;
  urgency: { pinned: boolean; direct: boolean };
  dependency: Dependency;
}

export interface FollowedVersion {
  version: number;
  needs: readonly Dependency[];
  python(asked: PythonBounds): boolean;
}

interface MarkedSource {
  source: PackageSource;
  marker: MarkerTree;
}

export function openSession(
  request: ResolveRequest,
  context: { index: PackageIndex; build?: BuildInterface | undefined; pythonVersion: string },
): Session {
  const arena = createMarkerArena();
  const python = boundsOf(parseSpecifierSet(request.requiresPython ?? minorAndLater(context.pythonVersion)));
  const pythonMarker = boundsMarker(arena, python);
  const rootName = normalizeName(request.root.name);
  const sources = readSources(arena, request, rootName);
  const toNeed = (requirement: Requirement, declaredAt?: string): Need => {
    const need: Need = {
      name: requirement.normalized,
      extras: requirement.extras,
      specifier: requirement.specifier,
      marker: fromMarker(arena, requirement.marker),
      text: requirement.text,
    };
    if (declaredAt !== undefined) need.declaredAt = declaredAt;
    if (requirement.url !== undefined) need.source = sourceAt(requirement.url, declaredAt);
    return need;
  };
  const byName = (requirements: readonly Requirement[], key: string) =>
    Map.groupBy(
      requirements.map((one, i) => toNeed(one, `${key}[${i}]`)),
      (need) => need.name,
    );
  // One that names no versions would only make forks.
  const constraints = byName(request.constraints.filter(narrows), "constraint-dependencies");
  const overrides = byName(request.overrides, "override-dependencies");
  const direct = request.requirements.flatMap(({ requirement, scope, declaredAt }) =>
    splitBySource(arena, toNeed(requirement, declaredAt), scope, sources).map((need) => ({ need, scope })),
  );
  const rootNeeds = new Map<string, Need[]>([["", []]]);
  for (const { need, scope } of direct) {
    const key =
      scope.extra !== undefined ? `[${scope.extra}]` : scope.group !== undefined ? `:${scope.group}` : "";
    const within = scope.group === undefined ? undefined : request.groupRequiresPython?.[scope.group];
    const marker =
      within === undefined
        ? need.marker
        : arena.and(need.marker, boundsMarker(arena, boundsOf(parseSpecifierSet(within))));
    const needs = rootNeeds.get(key);
    if (needs === undefined) rootNeeds.set(key, [{ ...need, marker }]);
    else needs.push({ ...need, marker });
  }
  const declared = [
    ...direct.map((one) => one.need),
    ...[...constraints.values(), ...overrides.values()].flat(),
  ];
  for (const need of declared) {
    if (need.source === undefined || need.source.kind === "index") continue;
    const known = sources.get(need.name) ?? [];
    if (!known.some((one) => JSON.stringify(one.source) === JSON.stringify(need.source))) {
      sources.set(need.name, [...known, { source: need.source, marker: need.marker }]);
    }
  }
  const conflicts = request.conflicts.map((set) =>
    set.map((item) => conflictKey({ ...item, package: normalizeName(item.package ?? rootName) })),
  );
  const preferred = readPreferences(arena, request);
  let yanked = allowedYanked(declared, preferred);
  const session: Session = {
    declared,
    request,
    rootName,
    arena,
    table: new PackageTable(),
    python,
    pythonMarker,
    policy: { constraints, overrides, excludes: new Set(request.excludes.map(normalizeName)) },
    rootNeeds,
    conflicts,
    conflictItems: new Set(conflicts.flat()),
    requiredEnvironments: [...request.requiredEnvironments, ...request.environments].map((text) =>
      fromMarker(arena, parseMarker(text)),
    ),
    preferred,
    edges: new Map(),
    plainEdges: new Map(),
    plainTold: new Map(),
    told: new Map(),
    followed: [],
    proxied: new Map(),
    oneOrigin: sources.size === 0 && Object.keys(request.indexPins).length === 0,
    originOf: originFinder(arena, sources, request.indexPins),
    loaded(name, env) {
      // Nearly every name comes from the indexes as they are: then there is nothing to look for.
      if (!sources.has(name) && request.indexPins[name] === undefined)
        return session.catalog.loaded(name, name);
      return session.catalog.loaded(name, originKey(name, session.originOf(name, env)));
    },
    prereleasesOf: prereleasePolicy(arena, request, declared),
    highestOf: highestPolicy(arena, request, declared),
    alsoDeclared: () => {},
    catalog: undefined as unknown as Catalog,
  };
  session.catalog = new Catalog({
    index: context.index,
    build: context.build,
    arena,
    python: pythonMarker,
    policy: (name, page) => candidatePolicy(request, python, yanked.get(name) ?? [], name, page),
    likelyChoices: (project) => likelyChoices(session, project),
  });
  session.alsoDeclared = ({ all, local }) => {
    if (all.length === 0) return;
    yanked = allowedYanked([...declared, ...all], preferred);
    session.prereleasesOf = prereleasePolicy(arena, request, [...declared, ...all]);
    session.highestOf = highestPolicy(arena, request, [...declared, ...local]);
  };
  return session;
}

function sourceAt(url: string, declaredAt: string | undefined) {
  try {
    return sourceOfUrl(url);
  } catch (error) {
    if (error instanceof Failure && declaredAt !== undefined)
      error.message = `${declaredAt}: ${error.message}`;
    throw error;
  }
}

function narrows({ url, specifier }: Requirement): boolean {
  return url !== undefined || specifier.specifiers.length > 0;
}

function minorAndLater(version: string): string {
  return `>=${version.split(".").slice(0, 2).join(".")}`;
}

function readSources(
  arena: MarkerArena,
  request: ResolveRequest,
  rootName: string,
): Map<string, MarkedSource[]> {
  const sources = new Map<string, MarkedSource[]>();
  for (const [name, entries] of Object.entries(request.sources)) {
    const normalized = normalizeName(name);
    if (normalized === rootName) continue;
    sources.set(
      normalized,
      entries.map((source) => ({
        source,
        marker: source.marker === undefined ? trueMarker : fromMarker(arena, parseMarker(source.marker)),
      })),
    );
  }
  return sources;
}

/** A requirement on a project that has sources for some environments: one requirement for each, and one for the rest. */
function splitBySource(
  arena: MarkerArena,
  need: Need,
  scope: { extra?: string; group?: string },
  sources: ReadonlyMap<string, readonly MarkedSource[]>,
): Need[] {
  const entries = sources
    .get(need.name)
    ?.filter(
      ({ source }) =>
        (source.extra === undefined || source.extra === scope.extra) &&
        (source.group === undefined || source.group === scope.group),
    );
  if (entries === undefined || entries.length === 0 || need.source !== undefined) return [need];
  const out: Need[] = [];
  let rest = need.marker;
  for (const { source, marker } of entries) {
    const both = arena.and(rest, marker);
    if (arena.isFalse(both)) continue;
    out.push(source.kind === "index" ? { ...need, marker: both } : { ...need, marker: both, source });
    rest = arena.and(rest, arena.not(marker));
  }
  if (!arena.isFalse(rest)) out.push({ ...need, marker: rest });
  return out;
}

const anyIndex: Origin = { kind: "index" };

function originFinder(
  arena: MarkerArena,
  sources: ReadonlyMap<string, readonly MarkedSource[]>,
  indexPins: Readonly<Record<string, string>>,
): Session["originOf"] {
  return (name, env) => {
    const pinned = indexPins[name];
    const entries = sources.get(name);
    if (pinned === undefined && entries === undefined) return anyIndex;
    const fallback: Origin = pinned === undefined ? anyIndex : { kind: "index", index: pinned };
    if (entries === undefined) return fallback;
    for (const { source, marker } of entries) {
      if (!admits(arena, env, marker)) continue;
      return source.kind === "index" ? { kind: "index", index: source.index } : { kind: "source", source };
    }
    return fallback;
  };
}

function readPreferences(arena: MarkerArena, request: ResolveRequest): Map<string, Preferred[]> {
  const preferred = new Map<string, Preferred[]>();
  if (request.upgrade === true) return preferred;
  const upgraded = new Set(request.upgrade.map(normalizeName));
  for (const { name, version, marker } of request.preferences) {
    const normalized = normalizeName(name);
    if (upgraded.has(normalized)) continue;
    const tree = marker === undefined ? trueMarker : fromMarker(arena, parseMarker(marker));
    const one = preferredVersion(version, tree, "lock");
    if (one !== undefined) preferred.set(normalized, [...(preferred.get(normalized) ?? []), one]);
  }
  return preferred;
}

/** The version of the root as the solver sees it: it exists, whatever it is. */
export function rootVersion(request: ResolveRequest): Version {
  return tryParseVersion(request.root.version ?? "0")!;
}
