/** Makes a layout again as its recipe says: no package is opened, and nothing is planned. */
import { accessSync, statSync } from "node:fs";
import type { Home } from "../platform/home.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { layoutLinkPath } from "../store/layout-links.ts";
import { hasSharedDistInfo } from "../store/shared-dist-info.ts";
import { treePath } from "../store/store-level.ts";
import { type PrefixInterpreter, placeEnvironmentFiles } from "./environment-files.ts";
import { type Folder, newFolder, type PrefixNode } from "./prefix-tree.ts";
import {
  DIRECTORY,
  HARD,
  isInside,
  isName,
  REAL,
  type Recipe,
  type RecipeNode,
  type RecipePackage,
  readRecipe,
  SHARED_LINK,
} from "./recipe.ts";
import { entryPointScript } from "./scripts.ts";
import { type DescribedPlan, type SettledLayout, settleLayout } from "./settle-layout.ts";

/**
 * The layout `layouts/<hash>`; `undefined` where there is no recipe that can be followed, the interpreter changed, or a package is gone
 * or lost what an installation looks for: the usual way finds what is the matter. System errors come out as they are.
 */
export function buildFromRecipe(hash: string, home: Home): SettledLayout | undefined {
  const recipe = readRecipe(home, hash);
  const prefix = `${home.layouts}/${hash}`;
  const followed = recipe && followRecipe(recipe, prefix, home);
  if (followed === undefined) return undefined;
  return settleFollowed(followed, hash, home);
}

/** What a recipe was followed to, with what makes it an environment, as the layout `layouts/<hash>`. */
export function settleFollowed(
  { tree, plan, linkFolders }: FollowedRecipe,
  hash: string,
  home: Home,
): SettledLayout {
  placeEnvironmentFiles(tree, plan, `${home.layouts}/${hash}`, { private: false, other: undefined });
  const staging = createStaging(home);
  try {
    return settleLayout(tree, plan, { home, staging, hash, linkFolders, replace: false });
  } finally {
    removeTree(staging);
  }
}

export interface FollowedRecipe {
  /** What its packages have in the prefix. */
  tree: Folder;
  plan: DescribedPlan & { interpreter: PrefixInterpreter };
  /** As of `placeLayoutLink`. */
  linkFolders: Map<string, boolean>;
}

/**
 * `from`: the prefix that the recipe was written for, where it is followed for another, without its editables and without what is bound to that prefix.
 * `undefined` as of `buildFromRecipe`.
 */
export function followRecipe(
  recipe: Recipe,
  prefix: string,
  home: Home,
  from?: string,
): FollowedRecipe | undefined {
  const { interpreter, linkMode, realPaths, prompt, packages } = recipe;
  if (recipe.store !== home.store || !isThatInterpreter(interpreter)) return undefined;
  const trees = packages.map(({ outputHash }) => treePath(home.store, outputHash));
  const left = new Set<number>();
  if (from !== undefined)
    for (const [i, one] of packages.entries()) if (one.bound || one.path !== undefined) left.add(i);
  if (!packages.every((one, i) => left.has(i) || isThere(one, trees[i]!))) return undefined;
  const python = `${prefix}/${interpreter.paths.scripts}/python`;
  const move = from === undefined ? {} : { moved: { from, to: prefix } };
  const tree = folderOf(recipe.tree, { trees, left, python, ...move }, 0);
  if (tree === undefined) return undefined;
  const linkFolders = new Map<string, boolean>();
  for (const [i, { linked }] of packages.entries()) if (linked) linkFolders.set(trees[i]!, true);
  const followed = packages.filter((_, i) => !left.has(i));
  const described = followed.map(({ outputHash, name, version, directUrl, path }) => ({
    object: { name, version },
    outputHash,
    ...(directUrl === undefined ? {} : { directUrl }),
    ...(path === undefined ? {} : { path }),
  }));
  const isEditable = (p: (typeof described)[number]): p is typeof p & { path: string } => "path" in p;
  const plan = {
    interpreter: { ...interpreter, mtimeNs: BigInt(interpreter.mtimeNs) },
    linkMode,
    realPaths,
    packages: described.filter((p) => !isEditable(p)),
    editables: described.filter(isEditable),
    ...(prompt === undefined ? {} : { prompt }),
  };
  return { tree, plan, linkFolders };
}

function isThatInterpreter({
  executable,
  size,
  mtimeNs,
}: PrefixInterpreter & Recipe["interpreter"]): boolean {
  const found = statSync(executable, { bigint: true, throwIfNoEntry: false });
  return found?.size === BigInt(size) && found.mtimeNs === BigInt(mtimeNs);
}

/** In the store, with what is looked at before a layout is built on it. */
function isThere({ distInfo, shared }: RecipePackage, tree: string): boolean {
  try {
    accessSync(`${tree}.dxpkg`);
    accessSync(`${tree}/lib/${distInfo}/METADATA`);
    return !shared || hasSharedDistInfo(tree);
  } catch {
    return false;
  }
}

interface Reader {
  /** Paths of the packages' trees. */
  trees: readonly string[];
  /** Numbers of those that are left out. */
  left: ReadonlySet<number>;
  /** What shebangs name. */
  python: string;
  /** A path in texts that is another now. */
  moved?: { from: string; to: string };
}

/** Deeper than any prefix. */
const MOST_DEPTH = 100;

/** `undefined` where something in it is no part of a prefix: a name with a way in it, a package that there is not. */
function folderOf(nodes: unknown, reader: Reader, depth: number): Folder | undefined {
  if (!Array.isArray(nodes) || depth > MOST_DEPTH) return undefined;
  const folder = newFolder();
  for (const node of nodes as RecipeNode[]) {
    if (!Array.isArray(node) || !isName(node[0]) || folder.children.has(node[0])) return undefined;
    const made = nodeOf(node, reader, depth);
    if (made === undefined) return undefined;
    if (made !== LEFT_OUT) folder.children.set(node[0], made);
  }
  return folder;
}

const LEFT_OUT = Symbol();

function nodeOf(node: RecipeNode, reader: Reader, depth: number): PrefixNode | typeof LEFT_OUT | undefined {
  const [name, what, third, fourth, fifth] = node as [string, ...unknown[]];
  if (Array.isArray(what)) {
    const folder = folderOf(what, reader, depth + 1);
    // All of it was left out.
    return folder?.children.size === 0 && what.length > 0 ? LEFT_OUT : folder;
  }
  const owner = what === null ? fifth : typeof what === "string" ? fourth : what;
  const tree = reader.trees[owner as number];
  if (tree === undefined) return undefined;
  if (reader.left.has(owner as number)) return LEFT_OUT;
  if (typeof what === "string") return textOf(what, third, reader);
  if (what !== null) return storeLeafOf(tree, third, fourth, fifth ?? name);
  if (typeof third !== "string" || typeof fourth !== "string") return undefined;
  const starts = { name, module: third, attribute: fourth };
  return { kind: "text", content: entryPointScript(reader.python, starts), executable: true };
}

function textOf(text: string, executable: unknown, { moved }: Reader): PrefixNode | undefined {
  if (executable !== 0 && executable !== 1) return undefined;
  const content = moved === undefined ? text : text.replaceAll(moved.from, () => moved.to);
  return { kind: "text", content, executable: executable === 1 };
}

function storeLeafOf(tree: string, rest: unknown, flags: unknown, link: unknown): PrefixNode | undefined {
  if (typeof rest !== "string" || typeof flags !== "number" || !Number.isInteger(flags)) return undefined;
  if (!rest.startsWith("/") || !isInside(rest.slice(1))) return undefined;
  if (!isName(link)) return undefined;
  return {
    kind: "store",
    source: `${tree}${rest}`,
    directory: (flags & DIRECTORY) !== 0,
    real: (flags & REAL) !== 0,
    ...((flags & HARD) === 0 ? {} : { hard: true }),
    ...((flags & SHARED_LINK) === 0 ? {} : { link: layoutLinkPath(tree, link) }),
  };
}
