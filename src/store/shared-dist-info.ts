import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { ensureDir, writeNewFile } from "../platform/atomic-file.ts";
import { blake3Hex } from "../platform/blake3.ts";
import { moveAway } from "../platform/move-folder.ts";
import { namesIn } from "../platform/names-in.ts";
import { removeTree } from "../platform/staging.ts";
import { type AddedFile, installedRecord } from "./installed-record.ts";
import type { PackageObject, ScriptEntryPoint } from "./package-object.ts";
import { contentPath } from "./store-level.ts";

/**
 * The `.dist-info` of an installed package ("Recording installed projects") as all layouts share it: the wheel's files,
 * INSTALLER, and a RECORD with what installing adds. It stands in the tree, `dist-info/` beside `lib/`, and is made
 * once: when the package enters the store, or when the first layout needs it.
 *
 * Scripts have the path of their layout in their first line, so that RECORD lists them without hash and size. It holds
 * for prefixes as Unix has them: site-packages three levels down, scripts in `bin`.
 */
export const SHARED_TO_PREFIX = "../../../";
export const SHARED_SCRIPTS = "bin";

export function sharedDistInfoPath(treePath: string): string {
  return `${treePath}/dist-info`;
}

/** Headers go into a folder that is named after the Python version, and RECORD names it. */
export function canShareDistInfo(object: PackageObject): boolean {
  return !object.hasHeaders;
}

/** One `stat`; an empty RECORD is what a power cut leaves. */
export function hasSharedDistInfo(treePath: string): boolean {
  try {
    return (statSync(`${sharedDistInfoPath(treePath)}/RECORD`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  } catch {
    // Something that is no folder stands there.
    return false;
  }
}

/** The store is another user's, or has no hardlinks. */
const NOT_PERMITTED = /^(EACCES|EPERM|EROFS|EXDEV|EMLINK|ENOTSUP|EOPNOTSUPP|ENOSYS)$/;

/**
 * Makes it, whole or not at all, in place of a damaged one. False where that is not permitted: a layout then has a folder
 * of its own. `staging` is a folder of ours on the store's filesystem. Other errors are those of the system.
 */
export function makeSharedDistInfo(object: PackageObject, treePath: string, staging: string): boolean {
  try {
    make(object, treePath, staging);
    return true;
  } catch (error) {
    if (NOT_PERMITTED.test((error as { code?: string }).code ?? "")) return false;
    throw error;
  }
}

function make(object: PackageObject, treePath: string, staging: string): void {
  const unfinished = `${staging}/${object.outputHash}.dist-info`;
  const path = sharedDistInfoPath(treePath);
  mkdirSync(unfinished);
  try {
    const { folders, files, texts } = contentOf(object, treePath);
    for (const name of folders) symlinkSync(folderTarget(object, name), `${unfinished}/${name}`);
    for (const name of files) {
      linkSync(`${treePath}/lib/${object.distInfo}/${name}`, `${unfinished}/${name}`);
    }
    for (const [name, text] of texts) {
      if (name === INSTALLER && linkInstaller(treePath, `${unfinished}/${name}`)) continue;
      writeNewFile(`${unfinished}/${name}`, text, 0o444);
    }
    const isRight = () => {
      try {
        return sharedDistInfoFaults(object, treePath).length === 0;
      } catch {
        // Taken away under our eyes.
        return false;
      }
    };
    moveIntoPlace(unfinished, path, `${staging}/${object.outputHash}.damaged`, isRight);
    close(path);
  } catch (error) {
    removeTree(unfinished);
    throw error;
  }
}

const INSTALLER = "INSTALLER";
const INSTALLER_TEXT = "dx-py\n";

/** All packages of a store share one: six bytes take a block of the disk. False, and nothing made, where they cannot. */
function linkInstaller(treePath: string, place: string): boolean {
  installerHash ??= blake3Hex(INSTALLER_TEXT);
  const shared = contentPath(treePath.split("/").slice(0, -3).join("/"), installerHash, false);
  try {
    linkSync(shared, place);
    if (readFileSync(place, "utf8") === INSTALLER_TEXT) return true;
    unlinkSync(place);
    unlinkSync(shared);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") return false;
  }
  writeNewFile(place, INSTALLER_TEXT, 0o444);
  try {
    ensureDir(shared.slice(0, shared.lastIndexOf("/")));
    linkSync(place, shared);
  } catch {
    // Another process was faster: the next package shares with theirs.
  }
  return true;
}
let installerHash: string | undefined;

/**
 * What stands there already was made by another process, and stays when it is right: layouts may have been given it. Only a damaged
 * one is taken away, by whoever is first; then the others find nothing there, or one that is right.
 */
function moveIntoPlace(unfinished: string, path: string, aside: string, isRight: () => boolean): void {
  for (let attempt = 0; ; attempt += 1) {
    try {
      renameSync(unfinished, path);
      return;
    } catch (error) {
      const { code = "" } = error as { code?: string };
      if (!/^(ENOTEMPTY|EEXIST|ENOTDIR|EPERM|EACCES)$/.test(code) || attempt === ATTEMPTS) throw error;
    }
    if (isRight()) {
      removeTree(unfinished);
      return;
    }
    moveAway(path, aside);
    removeTree(aside);
  }
}

const ATTEMPTS = 5;

/** Only after it was moved: a directory can be moved to another parent only while it is writable. */
function close(path: string): void {
  try {
    chmodSync(path, 0o555);
  } catch (error) {
    // A repair took it away between the two steps, and makes another.
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
}

export interface DistInfoFault {
  /** In the folder. */
  name: string;
  fault: "missing" | "changed" | "extra";
}

/** What is not as it was made: every name, and the content of what is not the wheel's own file. */
export function sharedDistInfoFaults(object: PackageObject, treePath: string): DistInfoFault[] {
  const path = sharedDistInfoPath(treePath);
  const faults: DistInfoFault[] = [];
  const there = new Set(namesIn(path));
  const { folders, files, texts } = contentOf(object, treePath);
  const check = (name: string, isRight: () => boolean) => {
    if (!there.delete(name)) faults.push({ name, fault: "missing" });
    else if (!isRight()) faults.push({ name, fault: "changed" });
  };
  const source = `${treePath}/lib/${object.distInfo}`;
  for (const name of folders) check(name, () => sameInode(`${path}/${name}`, `${source}/${name}`));
  for (const name of files) check(name, () => sameInode(`${path}/${name}`, `${source}/${name}`));
  for (const [name, text] of texts) check(name, () => readFileSync(`${path}/${name}`, "utf8") === text);
  for (const name of there) faults.push({ name, fault: "extra" });
  return faults;
}

interface Content {
  folders: string[];
  files: string[];
  texts: Map<string, string>;
}

/** Signatures of RECORD do not hold for the new one. */
const REPLACED = /^(RECORD(\.(jws|p7s))?|INSTALLER)$/;

function contentOf(object: PackageObject, treePath: string): Content {
  const content: Content = { folders: [], files: [], texts: new Map() };
  const source = `${treePath}/lib/${object.distInfo}`;
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    if (REPLACED.test(entry.name)) continue;
    (entry.isDirectory() ? content.folders : content.files).push(entry.name);
  }
  const added: AddedFile[] = addedScripts(object).map((name) => ({
    path: `${SHARED_TO_PREFIX}${SHARED_SCRIPTS}/${name}`,
  }));
  added.push({ path: `${object.distInfo}/${INSTALLER}`, content: INSTALLER_TEXT });
  const places = {
    distInfo: object.distInfo,
    toPrefix: SHARED_TO_PREFIX,
    scripts: SHARED_SCRIPTS,
    headers: "",
  };
  const record = readFileSync(`${source}/RECORD`, "utf8");
  content.texts.set(INSTALLER, INSTALLER_TEXT);
  content.texts.set("RECORD", installedRecord(record, places, added, object.plainRecord));
  return content;
}

/** Relative, so that a store may be seen under another path (a system store in a container), and short: ext4 gives a block to a longer one. */
function folderTarget(object: PackageObject, name: string): string {
  return `../lib/${object.distInfo}/${name}`;
}

/** Scripts that are written anew for each prefix. */
function addedScripts(object: PackageObject): string[] {
  const rewritten = object.scripts.filter(({ shebang }) => shebang !== "none");
  const names = [...rewritten, ...object.entryPoints.filter(isSafeEntryPoint)].map(({ name }) => name);
  return [...new Set(names)];
}

const PLAIN_DOTTED = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;
/** Unicode's tables take half a millisecond to build: only for what is beyond ASCII. */
let wideDotted: RegExp | undefined;

function isDotted(text: string): boolean {
  if (PLAIN_DOTTED.test(text)) return true;
  wideDotted ??= /^[\p{ID_Start}_][\p{ID_Continue}]*(\.[\p{ID_Start}_][\p{ID_Continue}]*)*$/u;
  return wideDotted.test(text);
}

/** A name and a target that can be written into a script: identifiers, dots, and what file names may hold. */
export function isSafeEntryPoint(entry: ScriptEntryPoint): boolean {
  return (
    isDotted(entry.module) &&
    isDotted(entry.attribute) &&
    entry.name !== "" &&
    !/[/\\\0\r\n]/.test(entry.name) &&
    entry.name !== "." &&
    entry.name !== ".."
  );
}

function sameInode(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}
