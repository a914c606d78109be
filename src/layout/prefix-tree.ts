/**
 * A prefix tree is what a layout will hold, worked out in memory before anything is written: links to whole
 * directories of the store, split into real directories only where several packages share one.
 */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import type { PackageObject, ScriptEntryPoint } from "../store/package-object.ts";

export type PrefixNode = Folder | Leaf;

/** A real directory. */
export interface Folder {
  kind: "folder";
  children: Map<string, PrefixNode>;
}

export type Leaf = StoreLeaf | TextLeaf | LinkLeaf;

/** A file or a whole directory of the store. */
export interface StoreLeaf {
  kind: "store";
  /** Absolute path. */
  source: string;
  directory: boolean;
  /** Real directories with every file in its own place, instead of a link to the directory. */
  real: boolean;
  /** A file that nobody looks for through its name in the store: a hardlink, which costs no inode, where that can be. */
  hard?: boolean;
  /** Absolute path of the link to it that layouts share. */
  link?: string;
  /** It is the `.dist-info` folder that all layouts share of this package. */
  distInfoOf?: { object: PackageObject; treePath: string };
}

/** A file of the layout's own. */
export interface TextLeaf {
  kind: "text";
  content: string | Uint8Array;
  executable: boolean;
  /** Output hash of the package that it belongs to. */
  owner?: string;
  /** It is the script of this entry point. */
  starts?: ScriptEntryPoint;
}

/** A link whose target is written as it is. */
export interface LinkLeaf {
  kind: "link";
  target: string;
}

/** A path that two packages want differently: the later package in the order of the plan has it. */
export interface Collision {
  /** Relative to the prefix. */
  path: string;
}

export function newFolder(): Folder {
  return { kind: "folder", children: new Map() };
}

/** The folder at a relative path, made when missing. A leaf on the way is split or replaced. */
export function folderAt(root: Folder, path: string, collisions: Collision[] = []): Folder {
  let folder = root;
  let sofar = "";
  for (const part of path.split("/").filter((p) => p !== "")) {
    sofar = sofar === "" ? part : `${sofar}/${part}`;
    const found = folder.children.get(part);
    let next: Folder;
    if (found?.kind === "folder") next = found;
    else if (found?.kind === "store" && found.directory) next = split(found);
    else {
      if (found !== undefined) collisions.push({ path: sofar });
      next = newFolder();
    }
    if (next !== found) folder.children.set(part, next);
    folder = next;
  }
  return folder;
}

/** Puts a leaf into a folder. A directory that is there already is merged with, as deep as needed. */
export function place(folder: Folder, name: string, leaf: Leaf, path: string, collisions: Collision[]): void {
  const found = folder.children.get(name);
  if (found === undefined) {
    folder.children.set(name, leaf);
    return;
  }
  const here = path === "" ? name : `${path}/${name}`;
  const foundDirectory = found.kind === "folder" || (found.kind === "store" && found.directory);
  const leafDirectory = leaf.kind === "store" && leaf.directory;
  if (!foundDirectory || !leafDirectory) {
    if (!isSameFile(found, leaf)) collisions.push({ path: here });
    // A directory stays: what other packages have in it is worth more than one file.
    if (!foundDirectory) folder.children.set(name, leaf);
    return;
  }
  const into = found.kind === "folder" ? found : split(found as StoreLeaf);
  folder.children.set(name, into);
  for (const entry of entriesOf(leaf.source)) {
    place(into, entry.name, childOf(leaf, entry), here, collisions);
  }
}

/** Every distribution of a `pkgutil` namespace brings the same `__init__.py`: nothing that anybody has to be told. */
function isSameFile(found: PrefixNode, leaf: Leaf): boolean {
  if (found.kind !== "store" || leaf.kind !== "store" || found.directory || leaf.directory) return false;
  if (statSync(found.source).size !== statSync(leaf.source).size) return false;
  return readFileSync(found.source).equals(readFileSync(leaf.source));
}

/** One level of a store directory as a folder of its own. */
function split(leaf: StoreLeaf): Folder {
  const folder = newFolder();
  for (const entry of entriesOf(leaf.source)) folder.children.set(entry.name, childOf(leaf, entry));
  return folder;
}

function childOf(leaf: StoreLeaf, entry: Dirent): StoreLeaf {
  return {
    kind: "store",
    source: `${leaf.source}/${entry.name}`,
    directory: entry.isDirectory(),
    real: leaf.real,
    ...(leaf.hard ? { hard: true } : {}),
  };
}

/** What is in a directory of the store; bytecode that Python left there is not the package's. */
export function entriesOf(directory: string): Dirent[] {
  return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.name !== "__pycache__");
}
