/** Makes a layout again as its recipe says: no package is opened, and nothing is planned. */
import { accessSync, statSync } from "node:fs";
import type { Home } from "../platform/home.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { layoutLinkPath } from "../store/layout-links.ts";
import { hasSharedDistInfo } from "../store/shared-dist-info.ts";
import { indexPath, treePath } from "../store/store-level.ts";
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
  readRecipe,
  SHARED_LINK,
} from "./recipe.ts";
import { entryPointScript } from "./scripts.ts";
import { type SettledLayout, settleLayout } from "./settle-layout.ts";

/**
 * The layout `layouts/<hash>`; `undefined` where there is no recipe that can be followed, the interpreter changed, or a package is gone
 * or lost what an installation looks for: the usual way finds what is the matter. System errors come out as they are.
 */
export function buildFromRecipe(hash: string, home: Home): SettledLayout | undefined {
  const recipe = readRecipe(home, hash);
  if (recipe === undefined || !isThatInterpreter(recipe.interpreter)) return undefined;
  const trees = recipe.packages.map(({ outputHash }) => treePath(home.store, outputHash));
  if (!recipe.packages.every((one, i) => isThere(one, trees[i]!, home))) return undefined;
  const { interpreter, linkMode, realPaths, prompt } = recipe;
  const prefix = `${home.layouts}/${hash}`;
  const python = `${prefix}/${interpreter.paths.scripts}/python`;
  const tree = folderOf(recipe.tree, { trees, python }, 0);
  if (tree === undefined) return undefined;
  const facts = { interpreter, ...(prompt === undefined ? {} : { prompt }) };
  placeEnvironmentFiles(tree, facts, prefix, { private: false, other: undefined });
  const linkFolders = new Map<string, boolean>();
  for (const [i, { linked }] of recipe.packages.entries()) if (linked) linkFolders.set(trees[i]!, true);
  const described = recipe.packages.map(({ outputHash, name, version, directUrl, path }) => ({
    object: { name, version },
    outputHash,
    ...(directUrl === undefined ? {} : { directUrl }),
    ...(path === undefined ? {} : { path }),
  }));
  const isEditable = (p: (typeof described)[number]): p is typeof p & { path: string } => "path" in p;
  const plan = {
    ...facts,
    interpreter: { ...interpreter, mtimeNs: BigInt(interpreter.mtimeNs) },
    linkMode,
    realPaths,
    packages: described.filter((p) => !isEditable(p)),
    editables: described.filter(isEditable),
  };
  const staging = createStaging(home);
  try {
    return settleLayout(tree, plan, { home, staging, hash, linkFolders, replace: false });
  } finally {
    removeTree(staging);
  }
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
function isThere({ outputHash, distInfo, shared }: Recipe["packages"][number], tree: string, home: Home) {
  try {
    accessSync(indexPath(home.store, outputHash));
    accessSync(`${tree}/lib/${distInfo}/METADATA`);
    return !shared || hasSharedDistInfo(tree);
  } catch {
    return false;
  }
}

interface Reader {
  /** Paths of the packages' trees. */
  trees: readonly string[];
  /** What shebangs name. */
  python: string;
}

/** Deeper than any prefix. */
const MOST_DEPTH = 100;

/** `undefined` where something in it is no part of a prefix: a name with a way in it, a package that there is not. */
export function folderOf(nodes: unknown, reader: Reader, depth: number): Folder | undefined {
  if (!Array.isArray(nodes) || depth > MOST_DEPTH) return undefined;
  const folder = newFolder();
  for (const node of nodes as RecipeNode[]) {
    if (!Array.isArray(node) || !isName(node[0]) || folder.children.has(node[0])) return undefined;
    const made = nodeOf(node, reader, depth);
    if (made === undefined) return undefined;
    folder.children.set(node[0], made);
  }
  return folder;
}

function nodeOf(node: RecipeNode, reader: Reader, depth: number): PrefixNode | undefined {
  const [name, what, third, fourth, link = name] = node as [string, ...unknown[]];
  if (Array.isArray(what)) return folderOf(what, reader, depth + 1);
  if (typeof what === "string")
    return third === 0 || third === 1 ? { kind: "text", content: what, executable: third === 1 } : undefined;
  if (what === null) {
    if (typeof third !== "string" || typeof fourth !== "string") return undefined;
    const starts = { name, module: third, attribute: fourth };
    return { kind: "text", content: entryPointScript(reader.python, starts), executable: true };
  }
  const tree = reader.trees[what as number];
  const flags = fourth as number;
  if (tree === undefined || typeof third !== "string" || !Number.isInteger(flags)) return undefined;
  if (!third.startsWith("/") || !isInside(third.slice(1))) return undefined;
  if (!isName(link)) return undefined;
  return {
    kind: "store",
    source: `${tree}${third}`,
    directory: (flags & DIRECTORY) !== 0,
    real: (flags & REAL) !== 0,
    ...((flags & HARD) === 0 ? {} : { hard: true }),
    ...((flags & SHARED_LINK) === 0 ? {} : { link: layoutLinkPath(tree, link) }),
  };
}
