/** Builds a layout: plans the prefix in memory, writes it in staging, and renames it to its name. */
import { accessSync, chmodSync, lstatSync, renameSync, statSync } from "node:fs";
import { ensureDir } from "../platform/atomic-file.ts";
import type { Home } from "../platform/home.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { hasSharedDistInfo, makeSharedDistInfo, sharedDistInfoFaults } from "../store/shared-dist-info.ts";
import type { LayoutRecord, LayoutStamps } from "./dxc-format.ts";
import { DESCRIPTION_FILE, type LayoutDescription } from "./layout-description.ts";
import { hashBytes, type LayoutPackage, type LayoutPlan, projectHash } from "./layout-plan.ts";
import { placeTree } from "./place-files.ts";
import { prefixTree } from "./plan-prefix.ts";
import type { Collision, TextLeaf } from "./prefix-tree.ts";

const windows = process.platform === "win32";

export interface BuiltLayout {
  /** Absolute path of the prefix. */
  path: string;
  projectHash: string;
  /** Links and files that point into the store. */
  links: number;
  /** What the building took. */
  ms: number;
  /** Paths that two packages want differently. */
  collisions: Collision[];
  /** Another process was faster: its layout is the one at `path`. */
  lost: boolean;
  /** For the index; its times are those of the layout as it stands. */
  record: LayoutRecord;
}

export interface BuildOptions {
  /** Put the layout in place of a damaged one. The caller holds the index lock. */
  replace?: boolean;
  /** The plan's project hash where the caller has it already. */
  hash?: string;
}

/** Builds the layout of a plan at `layouts/<project-hash>`. System errors (no space, no permission) come out as they are. */
export function buildLayout(plan: LayoutPlan, home: Home, options: BuildOptions = {}): BuiltLayout {
  const start = performance.now();
  const hash = options.hash ?? projectHash(plan);
  const path = `${home.layouts}/${hash}`;
  const collisions: Collision[] = [];
  const staging = createStaging(home);
  try {
    const shares = (p: LayoutPackage) => sharedDistInfo(p, staging, options.replace === true);
    const tree = prefixTree(plan, path, { collisions, shares });
    const description = describeLayout(plan, hash);
    tree.children.set(DESCRIPTION_FILE, descriptionFile(description));
    const links = placeTree(tree, `${staging}/layout`, { linkMode: plan.linkMode, readOnly: true });
    ensureDir(home.layouts);
    const lost = !moveIntoPlace(staging, path, options.replace === true);
    return {
      path,
      projectHash: hash,
      links,
      ms: performance.now() - start,
      collisions,
      lost,
      record: layoutRecord(path, description, links),
    };
  } finally {
    removeTree(staging);
  }
}

/** Whether the shared `.dist-info` of a package is there, or could be made. A layout that is damaged may have it from there. */
function sharedDistInfo({ object, treePath }: LayoutPackage, staging: string, damaged: boolean): boolean {
  // A package that lost files is noticed here, before anything is built on it.
  accessSync(`${treePath}/lib/${object.distInfo}/METADATA`);
  const whole = damaged ? sharedDistInfoFaults(object, treePath).length === 0 : hasSharedDistInfo(treePath);
  return whole || makeSharedDistInfo(object, treePath, staging);
}

export function descriptionFile(description: LayoutDescription): TextLeaf {
  return { kind: "text", content: `${JSON.stringify(description)}\n`, executable: false };
}

/** The record of the layout that stands at `path`, with its times as they are now. */
export function layoutRecord(path: string, description: LayoutDescription, links: number): LayoutRecord {
  return {
    kind: "layout",
    key: hashBytes(description.projectHash)!,
    created: description.created,
    packages: description.packages.length,
    links,
    stamps: layoutStamps(path, description.sitePackages, description.scripts),
    interpreterSize: BigInt(description.interpreter.size),
    interpreterMtimeNs: BigInt(description.interpreter.mtimeNs),
    sitePackages: description.sitePackages,
    scripts: description.scripts,
  };
}

/** The times by which a change of the layout is noticed. Throws when one of its parts is missing. */
export function layoutStamps(path: string, sitePackages: string, scripts: string): LayoutStamps {
  const site = statSync(`${path}/${sitePackages}`, { bigint: true });
  const bin = statSync(`${path}/${scripts}`, { bigint: true });
  const config = statSync(`${path}/pyvenv.cfg`, { bigint: true });
  return {
    siteMtime: site.mtimeNs,
    siteCtime: site.ctimeNs,
    scriptsMtime: bin.mtimeNs,
    scriptsCtime: bin.ctimeNs,
    prefixMtime: statSync(path, { bigint: true }).mtimeNs,
    configMtime: config.mtimeNs,
    configSize: config.size,
  };
}

/** False when somebody else's layout stands there already. */
function moveIntoPlace(staging: string, path: string, replace: boolean): boolean {
  if (replace && lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    // A directory can be moved to another parent only while it is writable.
    try {
      chmodSync(path, 0o755);
    } catch {
      // A dangling link, or a file: it moves as it is.
    }
    renameSync(path, `${staging}/damaged`);
  }
  try {
    renameSync(`${staging}/layout`, path);
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (!/^(ENOTEMPTY|EEXIST|EPERM|EACCES)$/.test(code) || !isDirectory(path)) throw error;
    return false;
  }
  if (!windows) chmodSync(path, 0o555);
  return true;
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** What `dx-py-layout.json` says of a plan. */
export function describeLayout(plan: LayoutPlan, hash: string): LayoutDescription {
  const { interpreter } = plan;
  const described = (p: LayoutPackage) => ({
    name: p.object.name,
    version: p.object.version,
    outputHash: p.outputHash,
    ...(p.directUrl === undefined ? {} : { directUrl: p.directUrl }),
  });
  return {
    format: 1,
    projectHash: hash,
    created: Date.now(),
    linkMode: plan.linkMode,
    realPaths: plan.realPaths,
    ...(plan.prompt === undefined ? {} : { prompt: plan.prompt }),
    interpreter: {
      executable: interpreter.executable,
      version: interpreter.version,
      size: String(interpreter.size),
      mtimeNs: String(interpreter.mtimeNs),
    },
    sitePackages: interpreter.paths.purelib,
    scripts: interpreter.paths.scripts,
    packages: [
      ...plan.packages.map(described),
      ...plan.editables.map((e) => ({ ...described(e), editable: e.path })),
    ],
  };
}
