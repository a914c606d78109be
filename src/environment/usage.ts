/** How much of the disk each project accounts for: its layout and packages, and what of that nobody else needs. */
import { readDescription } from "../layout/layout-description.ts";
import { diskUsage } from "../platform/disk-usage.ts";
import type { Home } from "../platform/home.ts";
import { readLink } from "../platform/links.ts";
import { indexPath, treePath } from "../store/store-level.ts";
import { listRoots } from "./roots.ts";

export interface ProjectUsage {
  /** Absolute path of the link. */
  link: string;
  packages: number;
  /** Bytes of its attached environment, each content once. */
  bytes: number;
  /** Of these, what no other attached environment needs. */
  alone: number;
}

/** Of attached environments, the largest first. */
export function projectUsage(home: Home): ProjectUsage[] {
  const users = new Map<string, number>();
  const sizes = new Map<string, number>();
  const projects = listRoots(home).flatMap(({ link }) => {
    const target = readLink(link);
    const description = typeof target === "string" ? readDescription(target) : undefined;
    if (description === undefined) return [];
    const layout = target as string;
    const parts = [layout, ...new Set(description.packages.map(({ outputHash }) => outputHash))];
    for (const part of parts) users.set(part, (users.get(part) ?? 0) + 1);
    return [{ link, parts }];
  });
  const sizeOf = (part: string) => {
    const known = sizes.get(part) ?? partSize(home, part);
    sizes.set(part, known);
    return known;
  };
  const sum = (parts: readonly string[]) => parts.reduce((total, part) => total + sizeOf(part), 0);
  return projects
    .map(({ link, parts }) => ({
      link,
      packages: parts.length - 1,
      bytes: sum(parts),
      alone: sum(parts.filter((part) => users.get(part) === 1)),
    }))
    .sort((a, b) => b.bytes - a.bytes);
}

/** A layout by its path, a package by its hash. */
function partSize(home: Home, part: string): number {
  if (part.includes("/")) return diskUsage(part);
  return diskUsage(treePath(home.store, part)) + diskUsage(indexPath(home.store, part));
}
