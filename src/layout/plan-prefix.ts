/** What a prefix holds for a plan: packages, scripts, headers, data, `.dist-info`, and what makes it an environment. */
import { readFileSync } from "node:fs";
import { normalizeName } from "../standards/names.ts";
import { type AddedFile, installedRecord } from "../store/installed-record.ts";
import { layoutLinkPath } from "../store/layout-links.ts";
import type { ScriptEntryPoint } from "../store/package-object.ts";
import {
  canShareDistInfo,
  isSafeEntryPoint,
  SHARED_SCRIPTS,
  SHARED_TO_PREFIX,
  sharedDistInfoPath,
} from "../store/shared-dist-info.ts";
import { type PrefixInterpreter, placeEnvironmentFiles } from "./environment-files.ts";
import type { LayoutPackage, LayoutPlan, LinkMode } from "./layout-plan.ts";
import { packageOfOtherStore } from "./other-store.ts";
import {
  type Collision,
  entriesOf,
  type Folder,
  folderAt,
  newFolder,
  place,
  type StoreLeaf,
} from "./prefix-tree.ts";
import { entryPointScript, rewrittenScript, windowsWrapper } from "./scripts.ts";

const windows = process.platform === "win32";

/** Directories of data that are real: programs write into `share/jupyter/kernels` and its like, never into the store. */
const DATA_DEPTH = 3;

export interface PrefixOptions {
  /** Paths that two packages want differently are added to it. */
  collisions?: Collision[];
  /** The prefix belongs to one project: it does not say that it is shared. */
  private?: boolean;
  /** Told of what the packages have, before the environment's own files come to it. */
  onPackages?: (root: Folder) => void;
  /** Whether a package's `.dist-info` may be a link to the one that all layouts share. Absent: none is. */
  shares?: (p: LayoutPackage) => boolean;
}

/** What the prefix at `prefix` (its final absolute path, for shebangs) holds. */
export function prefixTree(plan: LayoutPlan, prefix: string, options: PrefixOptions = {}): Folder {
  const root = newFolder();
  placePackages(root, plan, [...plan.packages, ...plan.editables], prefix, options);
  options.onPackages?.(root);
  const other = options.private ? undefined : packageOfOtherStore(plan, prefix);
  placeEnvironmentFiles(root, plan, prefix, { private: options.private === true, other });
  return root;
}

/** Puts what packages have into the tree of the prefix that will be at `prefix`. */
export function placePackages(
  root: Folder,
  plan: PlacedPlan,
  packages: readonly LayoutPackage[],
  prefix: string,
  options: Pick<PrefixOptions, "collisions" | "shares">,
): void {
  const { interpreter } = plan;
  const { purelib, scripts } = interpreter.paths;
  const site = folderAt(root, purelib);
  const bin = folderAt(root, scripts);
  const realPaths = new Set(plan.realPaths);
  const target: Target = {
    root,
    site,
    bin,
    purelib,
    scripts,
    python: `${prefix}/${scripts}/${windows ? "python.exe" : "python"}`,
    toPrefix: toPrefix(purelib),
    include: `include/site/python${interpreter.version.split(".").slice(0, 2).join(".")}`,
    collisions: options.collisions ?? [],
    shares: sharesDistInfo(plan, options),
  };
  // In the order of names, so that a collision is settled the same way every time.
  const ordered = packages
    .map((p) => ({ p, name: normalizeName(p.object.name) }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const { p, name } of ordered) {
    placePackage(target, p, name, p.object.realPaths || realPaths.has(name));
  }
}

/** What of a plan decides how packages are placed. */
export interface PlacedPlan {
  interpreter: PrefixInterpreter;
  linkMode: LinkMode;
  realPaths: readonly string[];
}

interface Target {
  root: Folder;
  site: Folder;
  bin: Folder;
  purelib: string;
  scripts: string;
  /** What shebangs name. */
  python: string;
  toPrefix: string;
  /** Of all packages' headers, relative to the prefix. */
  include: string;
  collisions: Collision[];
  shares: (p: LayoutPackage) => boolean;
}

function placePackage(target: Target, p: LayoutPackage, name: string, real: boolean): void {
  const { object, treePath } = p;
  const added: AddedFile[] = [];
  for (const entry of object.topLevel) {
    if (entry.name === object.distInfo || entry.name === "__pycache__") continue;
    const source = `${treePath}/lib/${entry.name}`;
    const link = layoutLinkPath(treePath, entry.name);
    const leaf = { kind: "store" as const, source, directory: entry.isDirectory, real, link };
    place(target.site, entry.name, leaf, target.purelib, target.collisions);
  }
  placeScripts(target, p, added, real);
  if (object.hasData) {
    for (const entry of entriesOf(`${treePath}/data`)) {
      const source = `${treePath}/data/${entry.name}`;
      const leaf = { kind: "store" as const, source, directory: entry.isDirectory(), real, hard: true };
      if (leaf.directory) placeData(target, entry.name, leaf, DATA_DEPTH);
      else place(target.root, entry.name, leaf, "", target.collisions);
    }
  }
  const headers = `${target.include}/${name}`;
  if (object.hasHeaders) {
    const source = `${treePath}/headers`;
    place(
      folderAt(target.root, target.include, target.collisions),
      name,
      { kind: "store", source, directory: true, real },
      target.include,
      target.collisions,
    );
  }
  placeDistInfo(target, p, added, headers);
}

function placeData(target: Target, path: string, leaf: StoreLeaf, depth: number): void {
  const folder = folderAt(target.root, path, target.collisions);
  for (const entry of entriesOf(leaf.source)) {
    const child = { ...leaf, source: `${leaf.source}/${entry.name}`, directory: entry.isDirectory() };
    if (child.directory && depth > 1) placeData(target, `${path}/${entry.name}`, child, depth - 1);
    else place(folder, entry.name, child, path, target.collisions);
  }
}

function placeScripts(target: Target, p: LayoutPackage, added: AddedFile[], real: boolean): void {
  const { object, treePath } = p;
  const own = (name: string, content: string | Uint8Array, starts?: ScriptEntryPoint) => {
    const owner = p.outputHash;
    const leaf = { kind: "text" as const, content, executable: true, owner, ...(starts && { starts }) };
    place(target.bin, name, leaf, target.scripts, target.collisions);
    added.push({ path: `${target.toPrefix}${target.scripts}/${name}`, content });
  };
  for (const script of object.scripts) {
    const source = `${treePath}/scripts/${script.name}`;
    if (script.shebang !== "none") {
      own(script.name, rewrittenScript(target.python, new Uint8Array(readFileSync(source)), !windows));
    } else {
      const leaf = { kind: "store" as const, source, directory: false, real };
      place(target.bin, script.name, leaf, target.scripts, target.collisions);
    }
  }
  for (const entry of object.entryPoints) {
    if (!isSafeEntryPoint(entry)) continue;
    if (windows) {
      own(`${entry.name}-script.py`, entryPointScript(target.python, entry, false));
      own(`${entry.name}.cmd`, windowsWrapper(target.python, `${entry.name}-script.py`));
    } else own(entry.name, entryPointScript(target.python, entry), entry);
  }
}

/** Only where the prefix is as the shared RECORD has it, and the package has nothing of this prefix in its folder. */
export function sharesDistInfo(
  plan: PlacedPlan,
  { shares }: Pick<PrefixOptions, "shares">,
): (p: LayoutPackage) => boolean {
  const { purelib, scripts } = plan.interpreter.paths;
  const usual = toPrefix(purelib) === SHARED_TO_PREFIX && scripts === SHARED_SCRIPTS;
  if (shares === undefined || windows || !usual || plan.linkMode !== "symlink") return () => false;
  return (p) => p.directUrl === undefined && canShareDistInfo(p.object) && shares(p);
}

function toPrefix(purelib: string): string {
  return "../".repeat(purelib.split("/").length);
}

/** Shared, or a real directory: links to the package's own files, and the installer's. */
function placeDistInfo(target: Target, p: LayoutPackage, added: AddedFile[], headers: string): void {
  const { object, treePath } = p;
  if (target.shares(p)) {
    const source = sharedDistInfoPath(treePath);
    const leaf = {
      kind: "store" as const,
      source,
      directory: true,
      real: false,
      distInfoOf: p,
      link: layoutLinkPath(treePath, object.distInfo),
    };
    target.site.children.set(object.distInfo, leaf);
    return;
  }
  const folder = newFolder();
  const source = `${treePath}/lib/${object.distInfo}`;
  const text = (name: string, content: string) => {
    folder.children.set(name, { kind: "text", content, executable: false, owner: p.outputHash });
    if (name !== "RECORD") added.push({ path: `${object.distInfo}/${name}`, content });
  };
  for (const entry of entriesOf(source)) {
    const leaf = { source: `${source}/${entry.name}`, directory: entry.isDirectory() };
    if (!/^RECORD\.(jws|p7s)$/.test(entry.name))
      folder.children.set(entry.name, { kind: "store", ...leaf, real: false, hard: true });
  }
  text("INSTALLER", "dx-py\n");
  if (p.directUrl !== undefined) text("direct_url.json", p.directUrl);
  const places = {
    distInfo: object.distInfo,
    toPrefix: target.toPrefix,
    scripts: target.scripts,
    headers,
  };
  const record = readFileSync(`${source}/RECORD`, "utf8");
  text("RECORD", installedRecord(record, places, added, object.plainRecord));
  target.site.children.set(object.distInfo, folder);
}
