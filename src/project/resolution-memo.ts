/**
 * A lock is a function of what is asked for and of what is read. Both are remembered with it, so that the same question finds the
 * same lock without resolving: where a lock was removed, a branch switched, a requirement added and taken away.
 */
import type { Dpl } from "../lock/dpl-reader.ts";
import { type CompiledLock, openCompiled } from "../lock/lock-files.ts";
import type { Lock } from "../lock/lock-model.ts";
import type { PackageIndex } from "../package-index/client.ts";
import { withoutCredentials } from "../package-index/credentials.ts";
import type { IndexSettings } from "../package-index/index-settings.ts";
import { BUILD_IDENTITY } from "../platform/build-identity.ts";
import type { Home } from "../platform/home.ts";
import { sha256Hex } from "../platform/sha256.ts";
import type { Preference, ResolveRequest } from "../resolver/request.ts";
import type { UnknownExtra } from "../resolver/resolution.ts";
import { normalizeName } from "../standards/names.ts";
import { type MemoTrace, memoName, memosOf, readMemo, touchMemo, writeMemo } from "./memo-file.ts";
import type { RecordedBuilds } from "./recorded-builds.ts";
import { spell } from "./resolve-request.ts";

export interface MemoQuestion {
  /** With its `requiresPython` filled in. */
  request: ResolveRequest;
  /** What the project and its settings come to: `requestFingerprint`. */
  fingerprint: string;
  /** What of the lock no resolution says. */
  frame: unknown;
}

export interface ResolutionMemo {
  /** Never throws: what cannot be told again is resolved, and tells its failures then. */
  find(builds: RecordedBuilds): Promise<RememberedResolution | undefined>;
  /** To be called before the index is closed; what is returned keeps the lock when it was compiled. */
  record(builds: RecordedBuilds, found: ResolvedLock): Promise<((lock: CompiledLock) => void) | undefined>;
}

export interface RememberedResolution {
  lock: CompiledLock;
  /** The same, open. */
  dpl: Dpl;
  unknownExtras: readonly UnknownExtra[];
  /** Of how many projects the pages were compared. */
  pages: number;
}

interface ResolvedLock {
  lock: Lock;
  unknownExtras: readonly UnknownExtra[];
}

/** So many locks of one request are looked at whether they are what is preferred. */
const MOST_LOOKED_AT = 4;

/** `identity` stands for the program: what one version of the resolver found, another may find differently. */
export function openMemo(
  home: Home,
  index: PackageIndex,
  question: MemoQuestion,
  identity: string | undefined = BUILD_IDENTITY,
): ResolutionMemo | undefined {
  if (identity === undefined) return undefined;
  const folder = `${home.index}/resolutions`;
  const { request } = question;
  const preferred = effectivePreferences(request);
  const requestKey = sha256Hex(JSON.stringify([identity, requestFacts(question), places(index.settings)]));
  const preferencesKey = sha256Hex(JSON.stringify([preferred, request.forks ?? []]));
  const exact = memoName(requestKey, preferencesKey);
  const upgrades = request.upgrade === true || request.upgrade.length > 0;

  const holds = async (name: string, fits: (trace: MemoTrace) => boolean, builds: RecordedBuilds) => {
    const memo = readMemo(folder, name);
    if (memo === undefined || memo.trace.request !== requestKey || !fits(memo.trace)) return undefined;
    const { trace, lock } = memo;
    const dpl = openCompiled(lock, question.fingerprint);
    if (dpl === undefined) return undefined;
    if (!(await index.unchanged(trace.pages)) || !(await builds.unchanged(trace.builds))) return undefined;
    touchMemo(folder, name);
    const pages = new Set(trace.pages.map(([, project]) => project)).size;
    return { lock, dpl, unknownExtras: trace.unknownExtras, pages };
  };

  return {
    async find(builds) {
      // Who asks for fresh answers gets them, from the resolver's own questions.
      if (index.settings.refresh !== false) return undefined;
      try {
        const known = await holds(exact, (trace) => trace.preferences === preferencesKey, builds);
        if (known !== undefined || upgrades || preferred.length === 0) return known;
        const others = memosOf(folder, requestKey).filter((name) => name !== exact);
        for (const name of others.slice(0, MOST_LOOKED_AT)) {
          const other = await holds(name, (trace) => isPreferred(trace.chosen, preferred), builds);
          if (other !== undefined) return other;
        }
        return undefined;
      } catch {
        return undefined;
      }
    },
    async record(builds, { lock, unknownExtras }) {
      const pages = await index.readings();
      if (pages === undefined) return undefined;
      const trace: MemoTrace = {
        request: requestKey,
        preferences: preferencesKey,
        pages,
        builds: builds.answers(),
        chosen: lock.packages.flatMap(({ name, version, marker, source }) =>
          source.kind === "index" && version !== undefined ? [[name, version, marker ?? ""] as const] : [],
        ),
        unknownExtras,
      };
      return (compiled) => writeMemo(folder, exact, { trace, lock: compiled });
    },
  };
}

/** All that decides a resolution apart from preferences and from what is read, in an order that tells apart what differs. */
function requestFacts({ request, fingerprint, frame }: MemoQuestion) {
  const { requirements, constraints, overrides, excludeNewer, excludeNewerPackage } = request;
  return [
    fingerprint,
    frame,
    request.requiresPython,
    request.extras,
    request.groups,
    requirements.map(({ requirement, scope }) => [spell(requirement), scope.extra, scope.group]),
    [constraints, overrides, request.buildConstraints ?? []].map((list) => list.map(spell)),
    excludeNewer,
    excludeNewerPackage,
  ];
}

function places({ indexes, findLinks, noIndex, strategy }: IndexSettings) {
  return [
    indexes.map(({ url, name, explicit, format }) => [withoutCredentials(url), name, explicit, format]),
    findLinks.map(withoutCredentials),
    noIndex,
    strategy,
  ];
}

/** Those that count: not the ones that are to be upgraded. */
function effectivePreferences({ preferences, upgrade }: ResolveRequest): Preference[] {
  if (upgrade === true) return [];
  const upgraded = new Set(upgrade.map(normalizeName));
  return preferences.filter(({ name }) => !upgraded.has(name));
}

/**
 * Whether a lock keeps every version that is preferred of what is in it: it moves nothing, so it is what is wanted, whatever is
 * preferred of packages that it has no use for.
 */
function isPreferred(chosen: MemoTrace["chosen"], preferred: readonly Preference[]): boolean {
  const known = Map.groupBy(preferred, ({ name }) => name);
  const own = Map.groupBy(chosen, ([name]) => name);
  return [...own].every(([name, versions]) => {
    const wanted = known.get(name);
    if (wanted?.length !== versions.length) return false;
    if (versions.length === 1) return wanted[0]?.version === versions[0]?.[1];
    return versions.every(([, version, marker]) =>
      wanted.some((one) => one.version === version && (one.marker ?? "") === marker),
    );
  });
}
