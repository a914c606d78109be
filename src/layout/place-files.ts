/** Writing a prefix tree to disk: directories, links, and real files in the cheapest way that the filesystem has. */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  statSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { writeWhole } from "../platform/atomic-file.ts";
import { hardlinkOrCopy, junction, reflink } from "../platform/links.ts";
import { placeLayoutLink } from "../store/layout-links.ts";
import type { LinkMode } from "./layout-plan.ts";
import { entriesOf, type Folder, type Leaf, type StoreLeaf, type TextLeaf } from "./prefix-tree.ts";

export interface PlaceOptions {
  linkMode: LinkMode;
  /** Directories become 0555 and own files 0444 or 0555: for a prefix that is shared. */
  readOnly: boolean;
  /** As of `placeLayoutLink`: what is known of it, and what is found out. */
  linkFolders?: Map<string, boolean>;
}

const windows = process.platform === "win32";
const BYTECODE = "__pycache__";

interface Writer extends PlaceOptions {
  links: number;
  /** Equal texts (INSTALLER, once per package) are one file with many names. */
  texts: Map<string, string>;
  linkFolders: Map<string, boolean>;
}

/** Writes `tree` as the new directory `path`. Returns the number of links and files that point into the store. */
export function placeTree(tree: Folder, path: string, options: PlaceOptions): number {
  const { linkFolders = new Map() } = options;
  const writer: Writer = { ...options, links: 0, texts: new Map(), linkFolders };
  mkdirSync(path);
  placeChildren(writer, tree, path);
  // The top itself stays writable: a directory that is moved to another parent must be. Its mover closes it.
  return writer.links;
}

function placeChildren(writer: Writer, folder: Folder, path: string): void {
  let python = false;
  for (const [name, node] of folder.children) {
    const child = `${path}/${name}`;
    if (node.kind === "folder") {
      mkdirSync(child);
      placeChildren(writer, node, child);
      close(writer, child);
    } else {
      placeLeaf(writer, node, child);
      python ||= name.endsWith(".py");
    }
  }
  // Python writes bytecode beside the link, not beside what it points to.
  if (python && writer.readOnly && !folder.children.has(BYTECODE)) mkdirSync(`${path}/${BYTECODE}`);
}

function placeLeaf(writer: Writer, leaf: Leaf, path: string): void {
  if (leaf.kind === "text") {
    placeText(writer, leaf, path);
  } else if (leaf.kind === "link") {
    placeLink(writer, leaf.target, path);
  } else {
    writer.links++;
    // What is private is never a link to a directory: whoever writes through it would write into the store.
    if (leaf.real || writer.linkMode !== "symlink" || !writer.readOnly) placeReal(writer, leaf, path);
    else if (!windows) linkToStore(writer, leaf, path);
    else if (leaf.directory) junction(leaf.source, path);
    else hardlinkOrCopy(leaf.source, path);
  }
}

/**
 * A hardlink costs a twentieth of a symlink where the target is too long to be kept in the inode. The kernel may forbid
 * it: another filesystem, somebody else's file, too many names.
 */
function linkToStore(writer: Writer, leaf: StoreLeaf, path: string): void {
  if (leaf.hard && !leaf.directory) {
    try {
      linkSync(leaf.source, path);
      return;
    } catch (error) {
      if (!/^(EXDEV|EPERM|EACCES|EMLINK|ENOTSUP|EOPNOTSUPP)$/.test((error as { code?: string }).code ?? ""))
        throw error;
    }
  }
  if (leaf.link === undefined) symlinkSync(leaf.source, path);
  else placeLayoutLink(leaf.link, leaf.source, path, writer.linkFolders);
}

/** A filesystem without links (FAT): a private prefix has copies of files, and does without links to its own folders. */
function placeLink(writer: Writer, target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    const source = target.startsWith("/") ? target : `${path.slice(0, path.lastIndexOf("/"))}/${target}`;
    if (writer.readOnly) throw error;
    if (statSync(source, { throwIfNoEntry: false })?.isFile()) copyFileSync(source, path);
  }
}

function placeText(writer: Writer, leaf: TextLeaf, path: string): void {
  const key = typeof leaf.content === "string" && leaf.content.length < 64 ? leaf.content : undefined;
  const twin = key === undefined ? undefined : writer.texts.get(key);
  if (twin !== undefined && writer.readOnly && !leaf.executable) {
    try {
      linkSync(twin, path);
      return;
    } catch {
      // No hardlinks here, or too many: a file of its own will do.
    }
  }
  const mode = writer.readOnly ? 0o444 : 0o644;
  // By hand: `writeFileSync` makes a fourth call for each file, and there is one for each command.
  const file = openSync(path, "w", leaf.executable ? mode | 0o111 : mode);
  try {
    const { content } = leaf;
    writeWhole(file, typeof content === "string" ? new TextEncoder().encode(content) : content);
  } finally {
    closeSync(file);
  }
  if (key !== undefined && !leaf.executable) writer.texts.set(key, path);
}

/** Real directories, a file each in its own place; bytecode goes to the store's directory where that can be. */
function placeReal(writer: Writer, leaf: StoreLeaf, path: string): void {
  if (!leaf.directory) {
    placeFile(writer, leaf, path);
    return;
  }
  mkdirSync(path);
  let python = false;
  for (const entry of entriesOf(leaf.source)) {
    const source = `${leaf.source}/${entry.name}`;
    placeReal(writer, { ...leaf, source, directory: entry.isDirectory() }, `${path}/${entry.name}`);
    python ||= entry.name.endsWith(".py");
  }
  if (python) placeBytecode(writer, leaf.source, path);
  close(writer, path);
}

/** Compiled once per machine: the directory of the store is shared by all layouts, as it is for linked packages. */
function placeBytecode(writer: Writer, source: string, path: string): void {
  const shared = `${source}/${BYTECODE}`;
  const own = `${path}/${BYTECODE}`;
  if (!writer.readOnly) return;
  if (!windows && makeShared(shared)) symlinkSync(shared, own);
  else mkdirSync(own);
}

/** False for a store that cannot be written to (another user's): bytecode stays with the layout. */
function makeShared(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EEXIST";
  }
}

function placeFile(writer: Writer, { source, real }: StoreLeaf, path: string): void {
  switch (writer.linkMode) {
    case "symlink":
      if (!real && !windows) symlinkSync(source, path);
      else if (hardlinkOrCopy(source, path) === "copy") copyTimes(source, path);
      return;
    case "clone":
      if (!reflink(source, path)) copyWithTime(source, path);
      else copyTimes(source, path);
      return;
    case "copy":
      copyWithTime(source, path);
      return;
    default:
      if (hardlinkOrCopy(source, path) === "copy") copyTimes(source, path);
  }
}

function copyWithTime(source: string, path: string): void {
  copyFileSync(source, path);
  copyTimes(source, path);
}

/** Bytecode names the time of its source: a copy with another time would be compiled again. */
function copyTimes(source: string, path: string): void {
  const { atimeMs, mtimeMs, mode } = statSync(source);
  chmodSync(path, (mode & 0o777) | 0o200);
  utimesSync(path, atimeMs / 1000, mtimeMs / 1000);
}

function close(writer: Writer, path: string): void {
  if (writer.readOnly && !windows) chmodSync(path, 0o555);
}
