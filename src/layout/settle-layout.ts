/** From the tree of a prefix to the layout that stands: written in staging, described, and renamed to its name. */
import { chmodSync, lstatSync, renameSync, statSync } from "node:fs";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { ensureDir } from "../platform/atomic-file.ts";
import type { Home } from "../platform/home.ts";
import type { LayoutRecord, LayoutStamps } from "./dxc-format.ts";
import type { PrefixInterpreter } from "./environment-files.ts";
import { DESCRIPTION_FILE, type LayoutDescription } from "./layout-description.ts";
import type { LinkMode } from "./layout-plan.ts";
import { placeTree } from "./place-files.ts";
import type { Folder, TextLeaf } from "./prefix-tree.ts";

const windows = process.platform === "win32";

/** What a description says: a plan, or as much of it. */
export interface DescribedPlan {
  interpreter: Pick<PrefixInterpreter, "executable" | "version" | "paths"> &
    Pick<Interpreter, "size" | "mtimeNs">;
  packages: readonly DescribedPackagePlan[];
  editables: readonly (DescribedPackagePlan & { path: string })[];
  linkMode: LinkMode;
  realPaths: readonly string[];
  prompt?: string;
}

interface DescribedPackagePlan {
  object: { name: string; version: string };
  outputHash: string;
  directUrl?: string;
}

export interface SettledLayout {
  /** Absolute path of the prefix. */
  path: string;
  projectHash: string;
  /** Links and files that point into the store. */
  links: number;
  /** Another process was faster: its layout is the one at `path`. */
  lost: boolean;
  /** For the index; its times are those of the layout as it stands. */
  record: LayoutRecord;
}

export interface SettleOptions {
  home: Home;
  /** A folder of our own on the home's filesystem. */
  staging: string;
  hash: string;
  /** As of `placeLayoutLink`. */
  linkFolders: Map<string, boolean>;
  /** Put the layout in place of a damaged one. */
  replace: boolean;
}

/** Writes the tree as the layout of the plan. System errors (no space, no permission) come out as they are. */
export function settleLayout(tree: Folder, plan: DescribedPlan, options: SettleOptions): SettledLayout {
  const { home, staging, hash, linkFolders, replace } = options;
  const path = `${home.layouts}/${hash}`;
  const description = describeLayout(plan, hash);
  tree.children.set(DESCRIPTION_FILE, descriptionFile(description));
  const how = { linkMode: plan.linkMode, readOnly: true, linkFolders };
  const links = placeTree(tree, `${staging}/layout`, how);
  ensureDir(home.layouts);
  const lost = !moveIntoPlace(staging, path, replace);
  return { path, projectHash: hash, links, lost, record: layoutRecord(path, description, links) };
}

export function descriptionFile(description: LayoutDescription): TextLeaf {
  return { kind: "text", content: `${JSON.stringify(description)}\n`, executable: false };
}

/** The record of the layout that stands at `path`, with its times as they are now. */
export function layoutRecord(path: string, description: LayoutDescription, links: number): LayoutRecord {
  return {
    kind: "layout",
    key: Uint8Array.fromHex(description.projectHash),
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
export function describeLayout(plan: DescribedPlan, hash: string): LayoutDescription {
  const { interpreter } = plan;
  const described = (p: DescribedPackagePlan) => ({
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
    realPaths: [...plan.realPaths],
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
