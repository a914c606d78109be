/** Selecting is choosing, from a lock for every platform, what one environment gets: entries, and a file of each. */

import type { Interpreter } from "../interpreters/interpreter.ts";
import type { DplEntry } from "../lock/dpl-entry.ts";
import type { Dpl } from "../lock/dpl-reader.ts";
import { Failure } from "../platform/errors.ts";
import type { WantedPackage } from "../realise/wanted-package.ts";
import { mayBuild, mayUseWheels } from "../standards/file-kinds.ts";
import { evaluateMarker, type Marker, type MarkerContext, parseMarker } from "../standards/markers.ts";
import { parseSpecifierSet, setContains } from "../standards/specifiers.ts";
import { parseVersion, type Version } from "../standards/version.ts";

/** What a person asked for. Names are normalised. */
export interface Selection {
  extras: readonly string[];
  groups: readonly string[];
}

export interface SelectOptions {
  /** Built from source although there is a wheel. */
  noBinary?: "all" | readonly string[];
  /** Never built from source. */
  noBuild?: "all" | readonly string[];
  /** Not installed, although the lock has it: `--no-install-project` and the like. */
  without?: ReadonlySet<string>;
}

/**
 * The packages of one environment, in the lock's order (PEP 751, "Installation"). Failures: `DXPY_LOCK_PYTHON` and
 * `DXPY_LOCK_ENVIRONMENT` when the lock was not made for this interpreter, `DXPY_UNKNOWN_EXTRA`, `DXPY_UNKNOWN_GROUP`,
 * `DXPY_NO_MATCHING_FILE` when no file of a package fits, `DXPY_AMBIGUOUS_LOCK` when two entries of a name hold at once.
 */
export function selectPackages(
  dpl: Pick<Dpl, "lock" | "entries">,
  interpreter: Interpreter,
  selection: Selection,
  options: SelectOptions = {},
): WantedPackage[] {
  const { lock } = dpl;
  const admits = admission(parseVersion(interpreter.version));
  const context: MarkerContext = {
    ...interpreter.markers,
    extras: [...selection.extras],
    dependency_groups: [...selection.groups],
  };
  const holds = markerMemory(context);
  checkSelection(lock, selection);
  if (lock.requiresPython !== undefined && !admits(lock.requiresPython)) {
    throw new Failure(
      "DXPY_LOCK_PYTHON",
      `the lock is for Python ${lock.requiresPython}, and this is Python ${interpreter.version} (${interpreter.executable})`,
      { hint: "Choose another interpreter with --python, or change requires-python and lock again." },
    );
  }
  if (lock.environments.length > 0 && !lock.environments.some(holds)) {
    throw new Failure("DXPY_LOCK_ENVIRONMENT", "the lock was not made for this platform and interpreter", {
      context: { detail: `It was made for:\n${lock.environments.map((e) => `  ${e}`).join("\n")}` },
      hint: "Add this platform to `environments` in the settings and lock again.",
    });
  }
  const choice = fileChoice(interpreter, admits, options);
  const wanted = new Map<string, WantedPackage>();
  for (const entry of dpl.entries()) {
    const { marker, name } = entry;
    if (marker !== undefined && !holds(marker)) continue;
    if (options.without?.has(name)) continue;
    const source = entry.source;
    if (source.kind === "directory" && source.virtual) continue;
    if (wanted.has(name)) throw ambiguous(name, wanted.get(name)!, entry);
    wanted.set(name, choice(entry));
  }
  return [...wanted.values()];
}

/** Hundreds of entries share a few markers: each text is parsed and evaluated once. */
function markerMemory(context: MarkerContext): (text: string) => boolean {
  const known = new Map<string, boolean>();
  return (text) => {
    let result = known.get(text);
    if (result === undefined) {
      const marker: Marker = parseMarker(text);
      result = evaluateMarker(marker, context);
      known.set(text, result);
    }
    return result;
  };
}

function checkSelection(lock: Pick<Dpl, "lock">["lock"], selection: Selection): void {
  const check = (
    asked: readonly string[],
    known: readonly string[],
    what: string,
    code: `DXPY_${string}`,
  ) => {
    const unknown = asked.find((name) => !known.includes(name));
    if (unknown === undefined) return;
    const list = known.length === 0 ? `There are no ${what}s.` : `There are: ${known.join(", ")}.`;
    throw new Failure(code, `the lock has no ${what} ${unknown}`, { hint: list, exitCode: 2 });
  };
  check(selection.extras, lock.extras, "extra", "DXPY_UNKNOWN_EXTRA");
  check(selection.groups, lock.dependencyGroups, "dependency group", "DXPY_UNKNOWN_GROUP");
}

/**
 * Whether a Python is within a `requires-python`, upper bounds aside: they say what was tested, not what works, and the
 * resolver does not follow them either. Hundreds of entries share a few texts.
 */
function admission(python: Version): (requiresPython: string) => boolean {
  const known = new Map<string, boolean>();
  return (requiresPython) => {
    let result = known.get(requiresPython);
    if (result === undefined) {
      const parsed = parseSpecifierSet(requiresPython);
      const specifiers = parsed.specifiers.filter((s) => s.operator !== "<" && s.operator !== "<=");
      result = setContains({ ...parsed, specifiers }, python, { prereleases: true });
      known.set(requiresPython, result);
    }
    return result;
  };
}

type FileChoice = (entry: DplEntry) => WantedPackage;

function fileChoice(
  interpreter: Interpreter,
  admits: (requiresPython: string) => boolean,
  options: SelectOptions,
): FileChoice {
  const ranks = new Map(interpreter.tags.map((tag, index) => [tag, index]));
  const rankOf = tagSetRank(ranks);
  return (entry) => {
    const { name, version, source } = entry;
    const { outputs } = entry;
    const wanted: WantedPackage = {
      name,
      source,
      ...(version === undefined ? {} : { version }),
      ...(outputs === undefined ? {} : { outputs }),
    };
    if (source.kind !== "index") return wanted;
    const { requiresPython } = entry;
    if (requiresPython !== undefined && !admits(requiresPython)) {
      throw new Failure(
        "DXPY_NO_MATCHING_FILE",
        `${name} ${version ?? ""} needs Python ${requiresPython}, and this is Python ${interpreter.version}`,
        { context: { package: name }, hint: "Choose another interpreter with --python, or lock again." },
      );
    }
    const best = mayUseWheels(name, options) ? bestWheel(entry, rankOf) : -1;
    if (best >= 0) {
      const wheel = entry.wheel(best);
      return { ...wanted, wheel: { ...wheel, buildHash: wheel.buildHash ?? "" } };
    }
    const sdist = mayBuild(name, options) ? entry.sdist : undefined;
    if (sdist === undefined) throw noFile(entry, interpreter, ranks, options);
    return { ...wanted, sdist };
  };
}

/** Number of the wheel with the best tag, among those the one with the highest build number; −1 when none fits. */
function bestWheel(entry: DplEntry, rankOf: (tagSet: string) => number): number {
  let best = -1;
  let bestRank = Number.POSITIVE_INFINITY;
  let bestBuild: [number, string] = [-1, ""];
  for (let i = 0; i < entry.wheelCount; i++) {
    const parts = wheelParts(entry.wheelName(i));
    if (parts === undefined) continue;
    const rank = rankOf(parts.tagSet);
    if (rank > bestRank || rank === Number.POSITIVE_INFINITY) continue;
    const build = buildOf(parts.build);
    const newer = build[0] > bestBuild[0] || (build[0] === bestBuild[0] && build[1] > bestBuild[1]);
    if (rank < bestRank || newer) {
      best = i;
      bestRank = rank;
      bestBuild = build;
    }
  }
  return best;
}

/** The last three parts of a wheel's name, and its build number: all that choosing needs, without parsing the rest. */
function wheelParts(filename: string): { tagSet: string; build: string } | undefined {
  const platform = filename.lastIndexOf("-");
  const abi = filename.lastIndexOf("-", platform - 1);
  const python = filename.lastIndexOf("-", abi - 1);
  const before = filename.lastIndexOf("-", python - 1);
  if (!filename.endsWith(".whl") || before <= 0) return undefined;
  const hasBuild = filename.indexOf("-") !== before;
  return {
    tagSet: filename.slice(python + 1, -4),
    build: hasBuild ? filename.slice(before + 1, python) : "",
  };
}

function buildOf(text: string): [number, string] {
  const match = /^(\d{1,15})(.*)$/.exec(text);
  return match === null ? [-1, ""] : [Number(match[1]), match[2]!];
}

/** Rank of the best tag that a compressed tag set (`py2.py3-none-any`) stands for; infinity when none fits. */
function tagSetRank(ranks: ReadonlyMap<string, number>): (tagSet: string) => number {
  const known = new Map<string, number>();
  return (tagSet) => {
    let rank = known.get(tagSet);
    if (rank === undefined) {
      rank = Number.POSITIVE_INFINITY;
      const [pythons = [], abis = [], platforms = []] = tagSet
        .toLowerCase()
        .split("-")
        .map((p) => p.split("."));
      for (const python of pythons)
        for (const abi of abis)
          for (const platform of platforms)
            rank = Math.min(rank, ranks.get(`${python}-${abi}-${platform}`) ?? Number.POSITIVE_INFINITY);
      known.set(tagSet, rank);
    }
    return rank;
  };
}

function noFile(
  entry: DplEntry,
  interpreter: Interpreter,
  ranks: ReadonlyMap<string, number>,
  options: SelectOptions,
): Failure {
  const { name, version } = entry;
  const label = version === undefined ? name : `${name} ${version}`;
  const names = Array.from({ length: entry.wheelCount }, (_, i) => entry.wheelName(i));
  const most = 12;
  const lines = names.slice(0, most).map((file) => `  ${file}: ${misfit(file, ranks)}`);
  if (names.length > most) lines.push(`  … and ${names.length - most} more wheels`);
  if (entry.sdist !== undefined)
    lines.push(`  ${entry.sdist.name}: building from source is turned off for it`);
  const { platform_system, platform_machine } = interpreter.markers;
  const where = `${interpreter.implementation} ${interpreter.version} on ${platform_system} ${platform_machine}`;
  return new Failure(
    "DXPY_NO_MATCHING_FILE",
    names.length === 0 && entry.sdist === undefined
      ? `${label} has no files in the lock`
      : !mayUseWheels(name, options) && entry.sdist === undefined
        ? `${label} may not be installed from a wheel, and has no sdist`
        : `no file of ${label} fits ${where}`,
    {
      context: { package: name, ...(lines.length > 0 ? { detail: lines.join("\n") } : {}) },
      hint: "Choose another interpreter with --python, or another version of the package.",
    },
  );
}

/** Why a wheel does not fit, by the first part of its tag that no tag of the interpreter has. */
function misfit(filename: string, ranks: ReadonlyMap<string, number>): string {
  const parts = wheelParts(filename);
  if (parts === undefined) return "its name is not that of a wheel";
  const [pythons = [], abis = [], platforms = []] = parts.tagSet
    .toLowerCase()
    .split("-")
    .map((p) => p.split("."));
  const tags = [...ranks.keys()].map((tag) => tag.split("-"));
  const has = (part: number, values: string[]) => tags.some((tag) => values.includes(tag[part]!));
  if (!has(0, pythons)) return `it is for Python ${pythons.join(", ")}`;
  if (!has(2, platforms)) return `it is for the platform ${platforms.join(", ")}`;
  if (!has(1, abis)) return `it is for the ABI ${abis.join(", ")}`;
  return `no tag of this interpreter is ${parts.tagSet}`;
}

function ambiguous(name: string, first: WantedPackage, second: DplEntry): Failure {
  return new Failure(
    "DXPY_AMBIGUOUS_LOCK",
    `the lock has two entries of ${name} for this environment: ${first.version ?? "?"} and ${second.version ?? "?"}`,
    { context: { package: name }, hint: "Extras or groups that conflict cannot be selected together." },
  );
}
