/** Generations: what was attached to a project before and can be attached again by one symlink, as long as the root keeps it. */
import { existsSync, lstatSync } from "node:fs";
import {
  type DescribedPackage,
  type LayoutDescription,
  readDescription,
} from "../layout/layout-description.ts";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { readLink, symlinkAtomic } from "../platform/links.ts";
import { removeTree } from "../platform/staging.ts";
import { normalizeName } from "../standards/names.ts";
import { replaceEnvironment } from "./attach.ts";
import type { Generation } from "./root-record.ts";
import { readRoot, removeRoot } from "./roots.ts";

export interface ShownGeneration extends Generation {
  /** It is what the link leads to. */
  attached: boolean;
  /** Absolute path of the layout. */
  path: string;
  /** Absent: the layout is gone, or says no more what it is. */
  description?: LayoutDescription;
}

/** Oldest first; empty for a link that nothing was attached to. */
export function generationsOf(home: Home, link: string): ShownGeneration[] {
  const target = readLink(link);
  return (readRoot(home, link)?.generations ?? []).map((generation) => {
    const path = `${home.layouts}/${generation.layout}`;
    const description = readDescription(path);
    return {
      ...generation,
      attached: target === path,
      path,
      ...(description === undefined ? {} : { description }),
    };
  });
}

/**
 * Attaches generation `n`; without one, the one before what is attached. The list stays as it is: what was newer can be gone forward
 * to. Failures DXPY_NO_GENERATION, DXPY_NOT_AN_ENVIRONMENT.
 */
export function rollback(home: Home, link: string, n: number | undefined): ShownGeneration {
  const wanted = chooseGeneration(generationsOf(home, link), link, n);
  if (wanted.description === undefined || !existsSync(`${wanted.path}/pyvenv.cfg`)) {
    throw new Failure(
      "DXPY_NO_GENERATION",
      `The environment of generation ${wanted.n} is not there any more`,
      {
        context: { path: wanted.path },
        hint: "Take the `pylock.toml` of that time out of version control, and run `dx-py install`.",
      },
    );
  }
  if (!wanted.attached) replaceEnvironment(link, () => symlinkAtomic(wanted.path, link));
  return { ...wanted, attached: true };
}

/** Generation `n`, or the one before the attached one. Failure DXPY_NO_GENERATION. */
export function chooseGeneration(
  generations: readonly ShownGeneration[],
  link: string,
  n: number | undefined,
): ShownGeneration {
  const attached = generations.findIndex((one) => one.attached);
  const before = attached === -1 ? generations.at(-1) : generations[attached - 1];
  const wanted = n === undefined ? before : generations.find((one) => one.n === n);
  if (wanted !== undefined) return wanted;
  const known = generations.map((one) => one.n).join(", ");
  throw new Failure(
    "DXPY_NO_GENERATION",
    n === undefined ? "There is no generation before this one" : `There is no generation ${n}`,
    {
      context: { path: link },
      hint:
        known === ""
          ? "Nothing was attached here: `dx-py install` makes the first."
          : `There are ${known}: \`dx-py env list\` shows them.`,
    },
  );
}

export interface PackageChange {
  name: string;
  before?: DescribedPackage;
  after?: DescribedPackage;
  /** `rebuilt`: the same version, another content. */
  change: "added" | "removed" | "version" | "rebuilt" | "place";
}

/** What differs between the packages of two environments, by name. */
export function comparePackages(
  before: readonly DescribedPackage[],
  after: readonly DescribedPackage[],
): PackageChange[] {
  const [left, right] = [before, after].map(
    (packages) => new Map(packages.map((one) => [normalizeName(one.name), one])),
  );
  return [...new Set([...left!.keys(), ...right!.keys()])].sort().flatMap((name): PackageChange[] => {
    const [one, two] = [left!.get(name), right!.get(name)];
    if (one === undefined) return [{ name, after: two!, change: "added" }];
    if (two === undefined) return [{ name, before: one, change: "removed" }];
    const both = { name, before: one, after: two };
    if (one.version !== two.version) return [{ ...both, change: "version" }];
    if (one.editable !== two.editable) return [{ ...both, change: "place" }];
    return one.outputHash === two.outputHash ? [] : [{ ...both, change: "rebuilt" }];
  });
}

/**
 * Removes the environment of a project and its root: what it alone kept may be collected. True when there was something. Failure
 * DXPY_NOT_AN_ENVIRONMENT for a folder that is none.
 */
export function removeEnvironment(home: Home, link: string): boolean {
  const was = lstatSync(link, { throwIfNoEntry: false }) !== undefined;
  if (was) {
    // A folder is moved aside and removed; a link goes when nothing takes its place.
    const stays = readLink(link);
    if (typeof stays === "string") removeTree(link);
    else replaceEnvironment(link, () => {});
  }
  const had = readRoot(home, link) !== undefined;
  removeRoot(home, link);
  return was || had;
}
