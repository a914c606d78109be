/**
 * The recipe of a layout: every folder, link and file that its packages have in the prefix, so that a layout that is gone is made
 * again without opening a package and without a plan. Written in docs/formats/recipes.md.
 */
import { rmSync, statSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import { BUILD_IDENTITY } from "../platform/build-identity.ts";
import type { Home } from "../platform/home.ts";
import { namesIn } from "../platform/names-in.ts";
import { readSealedJson, sealedJson } from "../platform/sealed-json.ts";
import { nameOfLayoutLink } from "../store/layout-links.ts";
import type { PackageObject } from "../store/package-object.ts";
import { treePath } from "../store/store-level.ts";
import type { PrefixInterpreter } from "./environment-files.ts";
import type { LayoutPlan, LinkMode } from "./layout-plan.ts";
import type { Folder, Leaf, StoreLeaf, TextLeaf } from "./prefix-tree.ts";

export interface Recipe {
  format: 1;
  /** Of the dx-py that wrote it: another one may lay out otherwise. */
  build: string;
  /** Absolute: where the packages are. */
  store: string;
  interpreter: PrefixInterpreter & { fingerprint: string; size: number; mtimeNs: string };
  linkMode: LinkMode;
  realPaths: string[];
  prompt?: string;
  packages: RecipePackage[];
  /** Two packages want one path, so that the order in which they came decided. */
  contested: boolean;
  /** What packages have in the prefix, by name. */
  tree: RecipeNode[];
}

export interface RecipePackage {
  outputHash: string;
  name: string;
  version: string;
  /** Name of its `.dist-info` folder. */
  distInfo: string;
  /** The layout has the `.dist-info` that all share. */
  shared: boolean;
  /** The links to it that layouts share lead to where it is. */
  linked: boolean;
  /** Its RECORD has hashes of scripts that name the prefix. */
  bound: boolean;
  directUrl?: string;
  /** Absolute path of the project, of an editable. */
  path?: string;
}

export type RecipeNode =
  /** A folder with its content. */
  | [name: string, content: RecipeNode[]]
  /** Of the package with this number: what follows its tree's path (`/lib/name`), flags, and the name of the shared link where it has another. */
  | [name: string, owner: number, rest: string, flags: number, link?: string]
  /** A file of the layout's own for a package; 1: executable. */
  | [name: string, text: string, executable: 0 | 1, owner: number]
  /** The script of an entry point. */
  | [name: string, starts: null, module: string, attribute: string, owner: number];

export const DIRECTORY = 1;
export const REAL = 2;
export const HARD = 4;
export const SHARED_LINK = 8;

/** A hundred times what an environment of 1,000 packages takes. */
const MAX_SIZE = 32 * 1024 * 1024;

/** The folder of all recipes: they can be deleted at any time. */
export function recipes(home: Home): string {
  return `${home.index}/recipes`;
}

function recipePath(home: Home, hash: string): string {
  return `${recipes(home)}/${hash}.json`;
}

/** Failing to is no failure: the layout is there. */
export function writeRecipe(home: Home, hash: string, recipe: Recipe): void {
  try {
    ensureDir(recipes(home));
    writeFileAtomic(recipePath(home, hash), sealedJson(recipe));
  } catch {
    // A home that cannot be written to.
  }
}

/** `undefined`: there is none that makes sense to this dx-py. What it says of the tree is looked at when that is made. */
export function readRecipe(home: Home, hash: string): Recipe | undefined {
  const value = readSealedJson(recipePath(home, hash), MAX_SIZE);
  return isRecipe(value) && value.store === home.store ? value : undefined;
}

/** Forgets recipes of layouts that are gone, made before `since` (milliseconds since the epoch). */
export function forgetRecipes(home: Home, since: number): void {
  const layouts = new Set(namesIn(home.layouts));
  for (const name of namesIn(recipes(home))) {
    const path = `${recipes(home)}/${name}`;
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? since;
    if (made <= since && !layouts.has(name.replace(/\.json$/, ""))) rmSync(path, { force: true });
  }
}

/** What packages have in a prefix, by their numbers. */
interface RecipeContent {
  nodes: RecipeNode[];
  /** Numbers of the packages whose `.dist-info` is the shared one. */
  shared: ReadonlySet<number>;
}

/** `undefined` where something is not of this home's store, or cannot be written down. */
export function recipeContent(tree: Folder, plan: LayoutPlan, home: Home): RecipeContent | undefined {
  if (process.platform === "win32") return undefined;
  const trees = new Map<string, number>();
  const owners = new Map<string, number>();
  for (const [i, { outputHash, treePath: path }] of [...plan.packages, ...plan.editables].entries()) {
    if (path !== treePath(home.store, outputHash)) return undefined;
    trees.set(path, i);
    owners.set(outputHash, i);
  }
  const shared = new Set<number>();
  const length = treePath(home.store, "0".repeat(64)).length;
  try {
    return { nodes: nodesOf(tree, { trees, owners, length, shared }), shared };
  } catch {
    return undefined;
  }
}

/** `linkFolders`: what placing them has found of the packages' links. */
export function recipeOf(
  { nodes, shared }: RecipeContent,
  plan: LayoutPlan,
  home: Home,
  linkFolders: ReadonlyMap<string, boolean>,
  contested: boolean,
): Recipe {
  const { interpreter, linkMode, realPaths, prompt } = plan;
  const packages = [
    ...plan.packages.map((p) => ({ p, path: undefined })),
    ...plan.editables.map((p) => ({ p, path: p.path })),
  ];
  return {
    format: 1,
    build: BUILD_IDENTITY ?? "",
    store: home.store,
    interpreter: {
      fingerprint: interpreter.fingerprint,
      executable: interpreter.executable,
      size: interpreter.size,
      mtimeNs: String(interpreter.mtimeNs),
      version: interpreter.version,
      implementation: interpreter.implementation,
      freeThreaded: interpreter.freeThreaded,
      pointerBits: interpreter.pointerBits,
      basePrefix: interpreter.basePrefix,
      markers: { platform_python_implementation: interpreter.markers.platform_python_implementation },
      paths: { purelib: interpreter.paths.purelib, scripts: interpreter.paths.scripts },
    },
    linkMode,
    realPaths: [...realPaths],
    ...(prompt === undefined ? {} : { prompt }),
    packages: packages.map(({ p, path }, i) => ({
      outputHash: p.outputHash,
      name: p.object.name,
      version: p.object.version,
      distInfo: p.object.distInfo,
      shared: shared.has(i),
      linked: linkFolders.get(p.treePath) === true,
      bound: !shared.has(i) && hasOwnScripts(p.object),
      ...(p.directUrl === undefined ? {} : { directUrl: p.directUrl }),
      ...(path === undefined ? {} : { path }),
    })),
    contested,
    tree: nodes,
  };
}

function hasOwnScripts({ entryPoints, scripts }: PackageObject): boolean {
  return entryPoints.length > 0 || scripts.some(({ shebang }) => shebang !== "none");
}

interface Writer {
  /** Numbers of packages by the paths of their trees, which are all of one length. */
  trees: ReadonlyMap<string, number>;
  length: number;
  /** Their numbers by output hash. */
  owners: ReadonlyMap<string, number>;
  shared: Set<number>;
}

function nodesOf(folder: Folder, writer: Writer): RecipeNode[] {
  const nodes: RecipeNode[] = [];
  for (const [name, node] of folder.children)
    nodes.push(node.kind === "folder" ? [name, nodesOf(node, writer)] : leafNode(name, node, writer));
  return nodes;
}

function leafNode(name: string, leaf: Leaf, writer: Writer): RecipeNode {
  if (leaf.kind === "store") return storeNode(name, leaf, writer);
  if (leaf.kind === "link") throw new Error("no package has such a link");
  return textNode(name, leaf, writer);
}

function storeNode(name: string, leaf: StoreLeaf, { trees, length, shared }: Writer): RecipeNode {
  const tree = leaf.source.slice(0, length);
  const owner = trees.get(tree);
  if (owner === undefined) throw new Error("not of the store");
  if (leaf.distInfoOf !== undefined) shared.add(owner);
  const flags =
    (leaf.directory ? DIRECTORY : 0) |
    (leaf.real ? REAL : 0) |
    (leaf.hard ? HARD : 0) |
    (leaf.link === undefined ? 0 : SHARED_LINK);
  const rest = leaf.source.slice(length);
  const link = leaf.link === undefined ? undefined : nameOfLayoutLink(tree, leaf.link);
  return link === undefined || link === name ? [name, owner, rest, flags] : [name, owner, rest, flags, link];
}

function textNode(
  name: string,
  { content, executable, starts, owner = "" }: TextLeaf,
  { owners }: Writer,
): RecipeNode {
  const number = owners.get(owner);
  if (number === undefined) throw new Error("of no package");
  if (starts !== undefined) return [name, null, starts.module, starts.attribute, number];
  const text =
    typeof content === "string"
      ? content
      : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  return [name, text, executable ? 1 : 0, number];
}

function isRecipe(value: unknown): value is Recipe {
  const recipe = value as Partial<Recipe> | null;
  if (typeof recipe !== "object" || recipe === null || recipe.format !== 1) return false;
  const { interpreter, linkMode, realPaths, prompt, packages, tree } = recipe;
  return (
    recipe.build === (BUILD_IDENTITY ?? "") &&
    isText(recipe.store) &&
    isText(interpreter?.fingerprint) &&
    isAbsolute(interpreter.executable) &&
    Number.isSafeInteger(interpreter.size) &&
    /^\d{1,19}$/.test(String(interpreter.mtimeNs)) &&
    isText(interpreter.version) &&
    isText(interpreter.markers?.platform_python_implementation) &&
    isInside(interpreter.paths?.purelib) &&
    isInside(interpreter.paths.scripts) &&
    (linkMode === "symlink" || linkMode === "hardlink" || linkMode === "clone" || linkMode === "copy") &&
    Array.isArray(realPaths) &&
    realPaths.every(isText) &&
    (prompt === undefined || isText(prompt)) &&
    Array.isArray(packages) &&
    packages.every(isPackage) &&
    typeof recipe.contested === "boolean" &&
    Array.isArray(tree)
  );
}

function isPackage(value: unknown): boolean {
  const one = value as Partial<RecipePackage> | null;
  return (
    /^[0-9a-f]{64}$/.test(String(one?.outputHash)) &&
    isText(one?.name) &&
    isText(one.version) &&
    isName(one.distInfo) &&
    typeof one.shared === "boolean" &&
    typeof one.linked === "boolean" &&
    typeof one.bound === "boolean" &&
    (one.directUrl === undefined || isText(one.directUrl)) &&
    (one.path === undefined || isAbsolute(one.path))
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isAbsolute(value: unknown): boolean {
  return isText(value) && value.startsWith("/") && !value.includes("\0");
}

/** One name in a folder. */
export function isName(value: unknown): value is string {
  return isText(value) && value !== "" && value !== "." && value !== ".." && !/[/\0]/.test(value);
}

/** A path from a folder to something in it. */
export function isInside(value: unknown): value is string {
  return isText(value) && value.split("/").every(isName);
}
