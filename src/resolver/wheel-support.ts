/** What a wheel's file name says about where it can be used, without an interpreter at hand (PEP 425, PEP 600, PEP 656). */

import { limit } from "../standards/marker-algebra/integer-set.ts";
import type { MarkerArena, MarkerTree } from "../standards/marker-algebra/marker-arena.ts";
import { falseMarker, trueMarker } from "../standards/marker-algebra/marker-arena.ts";
import { pythonPoint } from "../standards/marker-algebra/python-versions.ts";
import type { PythonBounds } from "./python-requirement.ts";

interface WheelTags {
  python: string[];
  abi: string[];
  platform: string[];
}

/** The last three parts of a wheel's name; `undefined` when it has fewer. */
function tagsOf(filename: string): WheelTags | undefined {
  const parts = filename.slice(0, -4).split("-");
  if (parts.length < 5) return undefined;
  const [python, abi, platform] = parts.slice(-3) as [string, string, string];
  return { python: python.split("."), abi: abi.split("."), platform: platform.split(".") };
}

const languageTag = /^(py|cp|pp|graalpy|pyston|pt)(\d)(\d*)$/;
const abiTag = /^(?:cp(\d)(\d+)[a-z]*|pypy(\d)(\d*)_.*|graalpy\d+_(\d)(\d+)_.*|pyston_?(\d)(\d*).*)$/;

/** Remembered by the tags and the bounds: a few dozen combinations serve all wheels. */
const fitting = new Map<string, boolean>();

/** Whether some Python within the bounds can use the wheel, as far as its tags tell. Tags that nobody knows fit none. */
export function wheelFitsPython(filename: string, bounds: PythonBounds): boolean {
  const platform = filename.lastIndexOf("-");
  const start = filename.lastIndexOf("-", filename.lastIndexOf("-", platform - 1) - 1);
  const key = `${bounds.from} ${bounds.to} ${filename.slice(start, platform)}`;
  const known = fitting.get(key);
  if (known !== undefined) return known;
  const tags = tagsOf(filename);
  const fits = tags === undefined || tags.abi.some((abi) => abiFits(abi, tags, bounds));
  if (fitting.size > 4096) fitting.clear();
  fitting.set(key, fits);
  return fits;
}

function abiFits(abi: string, tags: WheelTags, bounds: PythonBounds): boolean {
  if (isStableAbi(abi)) return true;
  if (abi === "none") return tags.python.some((tag) => languageFits(tag, bounds));
  const match = abiTag.exec(abi);
  if (match === null) return false;
  const major = match[1] ?? match[3] ?? match[5] ?? match[7];
  const minor = match[2] ?? match[4] ?? match[6] ?? match[8];
  if (major === "2" || (abi.startsWith("pypy") && minor === "")) return false;
  return seriesFits(Number(minor), bounds);
}

function languageFits(tag: string, bounds: PythonBounds): boolean {
  const match = languageTag.exec(tag);
  if (match === null) return tag === "none";
  const [, implementation, major, minor] = match;
  if (major === "2") return false;
  if (minor === "") return true;
  // `py37` means 3.7 and later, `cp37` that one only.
  if (implementation === "py") return pythonPoint([3, Number(minor)]) < upperSeries(bounds);
  return seriesFits(Number(minor), bounds);
}

function seriesFits(minor: number, bounds: PythonBounds): boolean {
  return pythonPoint([3, minor + 1]) > bounds.from && pythonPoint([3, minor]) < upperSeries(bounds);
}

function upperSeries({ to }: PythonBounds): number {
  return to >= limit ? limit : to;
}

/** The first Python that a wheel's tags name; 0 when they name none in particular. */
export function oldestPythonOf(filename: string): number {
  const abi = filename.lastIndexOf("-", filename.lastIndexOf("-") - 1);
  const language = filename.slice(filename.lastIndexOf("-", abi - 1) + 1, abi);
  let oldest = oldestPythons.get(language);
  if (oldest === undefined) {
    oldest = firstPython(filename);
    if (oldestPythons.size > 4096) oldestPythons.clear();
    oldestPythons.set(language, oldest);
  }
  return oldest;
}

/** Remembered by the first of the three tags. */
const oldestPythons = new Map<string, number>();

function firstPython(filename: string): number {
  const tags = tagsOf(filename);
  if (tags === undefined) return 0;
  return Math.min(
    ...tags.python.map((tag) => {
      const match = languageTag.exec(tag);
      return match === null || match[3] === "" ? 0 : pythonPoint([Number(match[2]), Number(match[3])]);
    }),
  );
}

const linuxTag = /^(?:manylinux(?:1|2010|2014|_\d+_\d+)|musllinux_\d+_\d+|linux)_(.+)$/;
const macTag = /^macosx_\d+_\d+_(.+)$/;
const androidTag = /^android_\d+_(.+)$/;
const androidMachines: Readonly<Record<string, string>> = { arm64_v8a: "arm", x86_64: "x86_64", x86: "x86" };
const macMachines: Readonly<Record<string, readonly string[]>> = {
  universal2: ["x86_64", "arm64"],
  universal: ["x86_64", "i386", "ppc64", "ppc"],
  intel: ["x86_64", "i386"],
  fat: ["i386", "ppc"],
  fat32: ["i386", "ppc"],
  fat64: ["x86_64", "ppc64"],
};
const windowsMachines: Readonly<Record<string, string>> = {
  win32: "x86",
  win_amd64: "AMD64",
  win_arm64: "ARM64",
};

/** The environments that a wheel's platform tags name. */
export function wheelPlatforms(arena: MarkerArena, filename: string): MarkerTree {
  const tags = tagsOf(filename);
  if (tags === undefined) return trueMarker;
  let tree: MarkerTree = falseMarker;
  for (const tag of tags.platform) {
    if (tag === "any") return trueMarker;
    tree = arena.or(tree, platformMarker(arena, tag));
  }
  return tree;
}

/** Remembered by arena and tag: a few dozen tags name all wheels. */
const tagMemory = new WeakMap<MarkerArena, Map<string, MarkerTree>>();

function memoryOf(arena: MarkerArena): Map<string, MarkerTree> {
  let memory = tagMemory.get(arena);
  if (memory === undefined) {
    memory = new Map();
    tagMemory.set(arena, memory);
  }
  return memory;
}

function platformMarker(arena: MarkerArena, tag: string): MarkerTree {
  const memory = memoryOf(arena);
  const known = memory.get(tag);
  if (known !== undefined) return known;
  const on = (platform: string, machines: readonly string[]) => {
    const any = machines.reduce(
      (all, one) => arena.or(all, arena.textEquals("platform_machine", one)),
      falseMarker,
    );
    return arena.and(arena.textEquals("sys_platform", platform), any);
  };
  const windows = windowsMachines[tag];
  const linux = linuxTag.exec(tag);
  const mac = macTag.exec(tag);
  let tree: MarkerTree = falseMarker;
  if (windows !== undefined) tree = on("win32", [windows]);
  else if (linux !== null) tree = on("linux", [linux[1]!]);
  else if (mac !== null) tree = on("darwin", macMachines[mac[1]!] ?? [mac[1]!]);
  memory.set(tag, tree);
  return tree;
}

/** Machines by the names that systems have for them; the others have one name everywhere. */
const machineNames: Readonly<Record<string, readonly string[]>> = {
  arm: ["aarch64", "arm64", "ARM64"],
  x86_64: ["x86_64", "amd64", "AMD64"],
  x86: ["i686", "i386", "win32", "x86"],
  armv7l: ["armv7l", "armv8l"],
};
const machineOfTag: Readonly<Record<string, string>> = {
  aarch64: "arm",
  arm64: "arm",
  x86_64: "x86_64",
  i686: "x86",
  i386: "x86",
  armv7l: "armv7l",
  armv6l: "armv6l",
  ppc64le: "ppc64le",
  ppc64: "ppc64",
  s390x: "s390x",
  riscv64: "riscv64",
  loongarch64: "loongarch64",
};
const systems: Readonly<Record<string, readonly (readonly [variable: string, value: string])[]>> = {
  linux: [
    ["os_name", "posix"],
    ["sys_platform", "linux"],
  ],
  darwin: [
    ["os_name", "posix"],
    ["sys_platform", "darwin"],
  ],
  win32: [
    ["os_name", "nt"],
    ["sys_platform", "win32"],
  ],
  android: [["sys_platform", "android"]],
};

/**
 * The environments out of whose reach a wheel is by its platform tags alone, generously: whatever name a system may have
 * for its machine, and anything where the tags disagree or nobody knows them. What is not in it need not be locked.
 */
export function wheelReach(arena: MarkerArena, filename: string): MarkerTree {
  const tags = tagsOf(filename);
  if (tags === undefined) return trueMarker;
  const memory = memoryOf(arena);
  const key = `reach ${tags.platform.join(".")}`;
  const known = memory.get(key);
  if (known !== undefined) return known;
  const kinds = tags.platform.map(systemAndMachine);
  const common = (part: 0 | 1) => {
    const first = kinds[0]?.[part];
    return first !== undefined && kinds.every((kind) => kind[part] === first) ? first : undefined;
  };
  const [system, machine] = [common(0), common(1)];
  let tree: MarkerTree = trueMarker;
  for (const [variable, value] of systems[system ?? ""] ?? []) {
    tree = arena.and(tree, arena.textEquals(variable, value));
  }
  if (machine !== undefined) {
    const names = machineNames[machine] ?? [machine];
    const any = names.reduce(
      (all, one) => arena.or(all, arena.textEquals("platform_machine", one)),
      falseMarker,
    );
    tree = arena.and(tree, any);
  }
  memory.set(key, tree);
  return tree;
}

function systemAndMachine(tag: string): readonly [string | undefined, string | undefined] {
  const windows = windowsMachines[tag];
  if (windows !== undefined)
    return ["win32", windows === "x86" ? "x86" : windows === "ARM64" ? "arm" : "x86_64"];
  const linux = linuxTag.exec(tag);
  if (linux !== null) return ["linux", machineOfTag[linux[1]!]];
  const mac = macTag.exec(tag);
  if (mac !== null) return ["darwin", machineOfTag[mac[1]!]];
  const android = androidTag.exec(tag);
  return android === null ? [undefined, undefined] : ["android", androidMachines[android[1]!]];
}

/** The Pythons, and implementations of it, that a wheel's tags name. */
export function wheelPythons(arena: MarkerArena, filename: string): MarkerTree {
  const tags = tagsOf(filename);
  if (tags === undefined) return trueMarker;
  const memory = memoryOf(arena);
  const key = `${tags.python.join(".")} ${tags.abi.some(isStableAbi)}`;
  let tree = memory.get(key);
  if (tree === undefined) {
    tree = tags.python.reduce((all, tag) => arena.or(all, languageMarker(arena, tag, tags.abi)), falseMarker);
    memory.set(key, tree);
  }
  return tree;
}

function isStableAbi(tag: string): boolean {
  return tag === "abi3" || tag === "abi3t";
}

const implementations: Readonly<Record<string, string>> = {
  cp: "CPython",
  pp: "PyPy",
  graalpy: "GraalPy",
  pyston: "Pyston",
  pt: "Pyston",
};

function languageMarker(arena: MarkerArena, tag: string, abi: readonly string[]): MarkerTree {
  const match = languageTag.exec(tag);
  if (match === null) return trueMarker;
  const [, implementation, major, minor] = match;
  const from = pythonPoint([Number(major), Number(minor || 0)]);
  // The stable ABI and `py3x` serve every later minor version as well.
  const later = implementation === "py" || abi.some(isStableAbi);
  const to =
    minor === "" || later
      ? pythonPoint([Number(major) + 1])
      : pythonPoint([Number(major), Number(minor) + 1]);
  const versions = arena.inRange("python_full_version", [from, to]);
  const name = implementations[implementation!];
  return name === undefined
    ? versions
    : arena.and(versions, arena.textEquals("platform_python_implementation", name));
}
