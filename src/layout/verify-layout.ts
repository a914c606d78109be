/** Verifying compares a prefix on disk with what its plan says should be there: every link, every file of its own. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { sharedDistInfoFaults } from "../store/shared-dist-info.ts";
import { DESCRIPTION_FILE } from "./layout-description.ts";
import type { LayoutPackage, LayoutPlan } from "./layout-plan.ts";
import { prefixTree } from "./plan-prefix.ts";
import { entriesOf, type Folder, type Leaf, type StoreLeaf } from "./prefix-tree.ts";

export interface LayoutFault {
  /** Relative to the prefix. */
  path: string;
  fault: "missing" | "changed" | "extra";
}

/** What is not as the plan says, at most `most` of it. The files of the store are the store's to verify. */
export function verifyLayout(plan: LayoutPlan, prefix: string, most = 100): LayoutFault[] {
  const faults: LayoutFault[] = [];
  // A store that belongs to somebody else may have had none of it when the layout was made.
  const site = `${prefix}/${plan.interpreter.paths.purelib}`;
  const shares = ({ object }: LayoutPackage) =>
    lstatSync(`${site}/${object.distInfo}`, { throwIfNoEntry: false })?.isDirectory() !== true;
  const tree = prefixTree(plan, prefix, { shares });
  tree.children.set(DESCRIPTION_FILE, { kind: "text", content: "", executable: false });
  compareFolder({ plan, prefix, faults, most }, tree, "");
  return faults;
}

interface Verifier {
  plan: LayoutPlan;
  prefix: string;
  faults: LayoutFault[];
  most: number;
}

function tell(v: Verifier, path: string, fault: LayoutFault["fault"]): void {
  if (v.faults.length < v.most) v.faults.push({ path, fault });
}

function compareFolder(v: Verifier, folder: Folder, path: string): void {
  const place = path === "" ? v.prefix : `${v.prefix}/${path}`;
  if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory() !== true) {
    tell(v, path || ".", "missing");
    return;
  }
  const there = new Set(readdirSync(place).filter((name) => name !== "__pycache__"));
  for (const [name, node] of folder.children) {
    const here = path === "" ? name : `${path}/${name}`;
    if (!there.delete(name)) tell(v, here, "missing");
    else if (node.kind === "folder") compareFolder(v, node, here);
    else if (here !== DESCRIPTION_FILE && !leafIsRight(v, node, here)) tell(v, here, "changed");
    else if (node.kind === "store" && node.distInfoOf !== undefined) {
      const { object, treePath } = node.distInfoOf;
      for (const found of sharedDistInfoFaults(object, treePath))
        tell(v, `${here}/${found.name}`, found.fault);
    }
  }
  for (const name of there) tell(v, path === "" ? name : `${path}/${name}`, "extra");
}

function leafIsRight(v: Verifier, leaf: Leaf, path: string): boolean {
  const place = `${v.prefix}/${path}`;
  const stats = lstatSync(place);
  if (leaf.kind === "text") {
    return stats.isFile() && Buffer.compare(readFileSync(place), Buffer.from(leaf.content)) === 0;
  }
  const target = leaf.kind === "link" ? leaf.target : leaf.source;
  if (leaf.kind === "link" || (v.plan.linkMode === "symlink" && !leaf.real)) {
    if (process.platform === "win32") return statSync(place, { throwIfNoEntry: false }) !== undefined;
    if (leaf.kind === "store" && leaf.hard && stats.isFile()) return stats.ino === statSync(target).ino;
    return stats.isSymbolicLink() && readlinkSync(place) === target && exists(place);
  }
  return realIsRight(v, leaf, path);
}

/** Sizes and kinds only: the content is the store's, or a copy of it. */
function realIsRight(v: Verifier, leaf: StoreLeaf, path: string): boolean {
  const stats = lstatSync(`${v.prefix}/${path}`, { throwIfNoEntry: false });
  if (!leaf.directory) return stats?.isFile() === true && stats.size === statSync(leaf.source).size;
  if (stats?.isDirectory() !== true) return false;
  const there = new Set(readdirSync(`${v.prefix}/${path}`).filter((name) => name !== "__pycache__"));
  for (const entry of entriesOf(leaf.source)) {
    const child = { ...leaf, source: `${leaf.source}/${entry.name}`, directory: entry.isDirectory() };
    if (!there.delete(entry.name) || !realIsRight(v, child, `${path}/${entry.name}`)) return false;
  }
  return there.size === 0;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
