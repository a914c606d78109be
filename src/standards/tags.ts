/** Compatibility tags: what a wheel says it runs on, and what an interpreter accepts, best first (PEP 425, 600, 656). */
import { Failure } from "../platform/errors.ts";
import { quote } from "./caret.ts";

export interface Tag {
  readonly python: string;
  readonly abi: string;
  readonly platform: string;
}

/** What has to be known of an interpreter to list its tags. */
export interface TagFacts {
  /** `cp`, `pp`, or `sys.implementation.name` where there is no short form. */
  readonly implementation: string;
  readonly major: number;
  readonly minor: number;
  /** CPython: the letters after `cp312`: `t` free-threaded, `d` debug, `m` pymalloc (before 3.8), in this order. */
  readonly abiFlags?: string;
  /** Other implementations: the ABI tags read from `EXT_SUFFIX`, such as `pypy310_pp73`. */
  readonly abis?: readonly string[];
  /** `sysconfig`'s `py_version_nodot`, where it is not major and minor run together. */
  readonly versionNodot?: string;
  /** The platform tags, best first, from `linuxPlatforms`, `macPlatforms` or as `sysconfig` names it. */
  readonly platforms: readonly string[];
}

/** A compressed set that stands for more tags than this is refused. */
const MAX_TAGS = 4096;

const PLAIN_IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Unicode's tables take half a millisecond to build: only for what is beyond ASCII. */
let wideIdentifier: RegExp | undefined;

function isIdentifier(text: string): boolean {
  if (PLAIN_IDENTIFIER.test(text)) return true;
  wideIdentifier ??= /^[\p{XID_Start}_]\p{XID_Continue}*$/u;
  return wideIdentifier.test(text);
}

/** Reads one uncompressed tag. Failure: DXPY_BAD_TAG. */
export function parseTag(text: string): Tag {
  const expanded = tryExpandTagSet(text);
  if (expanded?.length !== 1) throw badTag(text);
  const [python, abi, platform] = expanded[0]!.split("-") as [string, string, string];
  return { python, abi, platform };
}

/** `py2.py3-none-any` → `py2-none-any`, `py3-none-any`. Failure: DXPY_BAD_TAG. */
export function expandTagSet(text: string): string[] {
  const tags = tryExpandTagSet(text);
  if (tags === undefined) throw badTag(text);
  return tags;
}

function badTag(text: string): Failure {
  return new Failure("DXPY_BAD_TAG", `${quote(text)} is not a compatibility tag`, {
    hint: "A tag has three parts, like `cp312-cp312-manylinux_2_17_x86_64` (PEP 425).",
    exitCode: 2,
  });
}

/** As `expandTagSet`, with `undefined` for what is no tag set or stands for too many. */
export function tryExpandTagSet(text: string): string[] | undefined {
  const parts = text.toLowerCase().split("-");
  if (parts.length !== 3) return undefined;
  const [pythons, abis, platforms] = parts.map((part) => part.split(".")) as [string[], string[], string[]];
  if (pythons.length * abis.length * platforms.length > MAX_TAGS) return undefined;
  if (!pythons.every(isIdentifier) || abis.includes("") || platforms.includes("")) {
    return undefined;
  }
  return [...product([...new Set(pythons)], [...new Set(abis)], [...new Set(platforms)])];
}

function* product(pythons: readonly string[], abis: readonly string[], platforms: readonly string[]) {
  for (const python of pythons) {
    for (const abi of abis) for (const platform of platforms) yield `${python}-${abi}-${platform}`;
  }
}

/**
 * Every tag that the interpreter accepts, the best first, each once: its own ABI, the stable ABI, no ABI, the stable ABI of
 * older versions, then pure Python for each platform and for any.
 */
export function tagsFor(facts: TagFacts): string[] {
  const { implementation, major, minor, platforms } = facts;
  const own = `${implementation}${facts.versionNodot ?? `${major}${minor}`}`;
  const tags =
    implementation === "cp"
      ? [...cpythonTags(facts)]
      : [...product([own], [...(facts.abis ?? []).filter((abi) => abi !== "none"), "none"], platforms)];
  const pure = purePythons(major, minor);
  tags.push(...product(pure, ["none"], platforms));
  if (implementation === "cp") tags.push(`${own}-none-any`);
  if (implementation === "pp") tags.push("pp3-none-any");
  tags.push(...product(pure, ["none"], ["any"]));
  return [...new Set(tags)];
}

function* cpythonTags(facts: TagFacts) {
  const { major, minor, platforms, abiFlags = "" } = facts;
  const python = `cp${major}${minor}`;
  const flags = (letter: string) => (abiFlags.includes(letter) ? letter : "");
  const abis = [`${python}${flags("t")}${flags("d")}${flags("m")}${flags("u")}`];
  // A debug build loads ordinary extension modules too, since 3.8.
  if (abiFlags.includes("d") && (major > 3 || minor >= 8)) abis.push(`${python}${flags("t")}`);
  yield* product([python], abis, platforms);
  const hasStable = major > 3 || (major === 3 && minor >= 2);
  // PEP 803: free-threaded builds have a stable ABI of their own.
  const stable = abiFlags.includes("t") ? "abi3t" : "abi3";
  if (hasStable) yield* product([python], [stable], platforms);
  yield* product([python], ["none"], platforms);
  if (!hasStable) return;
  for (let older = minor - 1; older > 1; older--) yield* product([`cp${major}${older}`], [stable], platforms);
}

/** `py312`, `py3`, `py311` … `py30`. */
function purePythons(major: number, minor: number): string[] {
  const pythons = [`py${major}${minor}`, `py${major}`];
  for (let older = minor - 1; older >= 0; older--) pythons.push(`py${major}${older}`);
  return pythons;
}

export interface Libc {
  readonly family: "glibc" | "musl";
  readonly major: number;
  readonly minor: number;
}

/**
 * The platform tags of Linux, best first. `machine` as in `sysconfig.get_platform()` after `linux-`, normalised (`x86_64`;
 * `i686` and `armv8l` for a 32-bit interpreter on a 64-bit kernel). `libc` absent: unknown, so only `linux_<machine>`. For
 * `armv7l`, PEP 600 wants the hard-float ABI (`hardFloat`).
 */
export function linuxPlatforms(machine: string, libc: Libc | undefined, hardFloat = true): string[] {
  const machines = machine === "armv8l" ? ["armv8l", "armv7l"] : [machine];
  const tags = machines.map((one) => `linux_${one}`);
  if (libc?.family === "musl") {
    for (const one of machines) {
      for (let minor = libc.minor; minor >= 0; minor--) tags.push(`musllinux_${libc.major}_${minor}_${one}`);
    }
  } else if (libc !== undefined && hasManylinux(machines, hardFloat)) {
    for (const one of machines) tags.push(...manylinux(one, libc, machines));
  }
  return tags;
}

const MANYLINUX_MACHINES = new Set([
  "x86_64",
  "i686",
  "aarch64",
  "ppc64",
  "ppc64le",
  "s390x",
  "loongarch64",
  "riscv64",
]);

function hasManylinux(machines: readonly string[], hardFloat: boolean): boolean {
  if (machines.includes("armv7l")) return hardFloat;
  return machines.some((one) => MANYLINUX_MACHINES.has(one));
}

/** The names from before PEP 600, by minor version of glibc 2 (PEP 513, 571, 599). */
const LEGACY_MANYLINUX = new Map([
  [17, "manylinux2014"],
  [12, "manylinux2010"],
  [5, "manylinux1"],
]);

/** Assumed of glibc majors that are history when a newer one exists. */
const LAST_GLIBC_MINOR = 50;

function* manylinux(machine: string, libc: Libc, machines: readonly string[]) {
  const oldest = machines.includes("x86_64") || machines.includes("i686") ? 5 : 17;
  for (let major = libc.major; major >= 2; major--) {
    const newest = major === libc.major ? libc.minor : LAST_GLIBC_MINOR;
    for (let minor = newest; minor >= (major === 2 ? oldest : 0); minor--) {
      yield `manylinux_${major}_${minor}_${machine}`;
      const legacy = major === 2 ? LEGACY_MANYLINUX.get(minor) : undefined;
      if (legacy !== undefined) yield `${legacy}_${machine}`;
    }
  }
}

/** The platform tags of macOS, best first. `machine`: `arm64`, `x86_64`; historic `i386`, `ppc`, `ppc64`. */
export function macPlatforms(major: number, minor: number, machine: string): string[] {
  const tags: string[] = [];
  const add = (toMajor: number, toMinor: number, formats: readonly string[]) => {
    for (const format of formats) tags.push(`macosx_${toMajor}_${toMinor}_${format}`);
  };
  if (major === 10) {
    for (let older = minor; older >= 0; older--) add(10, older, macFormats(10, older, machine));
  }
  if (major >= 11) {
    for (let older = major; older > 10; older--) add(older, 0, macFormats(older, 0, machine));
    // What ran on 10.16 and before runs on; of arm64 there is only the x86_64 half of a `universal2` file from then.
    for (let older = 16; older > 3; older--) {
      add(10, older, machine === "x86_64" ? macFormats(10, older, machine) : ["universal2"]);
    }
  }
  return tags;
}

function macFormats(major: number, minor: number, machine: string): string[] {
  const before = (limit: number) => major === 10 && minor < limit;
  switch (machine) {
    case "x86_64":
      return before(4) ? [] : ["x86_64", "intel", "fat64", "fat3", "universal2", "universal"];
    case "i386":
      return before(4) ? [] : ["i386", "intel", "fat3", "fat", "universal"];
    case "ppc64":
      return before(4) || !before(6) ? [] : ["ppc64", "fat64", "universal"];
    case "ppc":
      return before(7) ? ["ppc", "fat3", "fat", "universal"] : [];
    case "arm64":
      return ["arm64", "universal2"];
    default:
      return [machine];
  }
}

/** `sysconfig.get_platform()` as a platform tag: `win-amd64` → `win_amd64`. */
export function platformTag(platform: string): string {
  return platform.replace(/[-. ]/g, "_").toLowerCase();
}

/** The rank of each tag, 0 the best. */
export function tagRanks(tags: readonly string[]): ReadonlyMap<string, number> {
  const ranks = new Map<string, number>();
  for (const tag of tags) if (!ranks.has(tag)) ranks.set(tag, ranks.size);
  return ranks;
}

/** The best rank among the tags of a wheel, or `undefined` when none is accepted. */
export function bestRank(
  wheelTags: readonly string[],
  ranks: ReadonlyMap<string, number>,
): number | undefined {
  let best: number | undefined;
  for (const tag of wheelTags) {
    const rank = ranks.get(tag);
    if (rank !== undefined && (best === undefined || rank < best)) best = rank;
  }
  return best;
}
