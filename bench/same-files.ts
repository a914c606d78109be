/** Two environments compared file by file, as far as installers agree on what they write. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** What every installer writes in its own way. */
const own =
  /(^|\/)(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json|uv_build\.json)$|^_virtualenv\.|^distutils-precedence/;

/** SHA-256 of the files below `root` by relative path, links followed; bytecode and what is the installer's own left out. */
export function filesBelow(root: string, below = "", found = new Map<string, string>()): Map<string, string> {
  for (const name of readdirSync(join(root, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (name === "__pycache__" || name.endsWith(".pyc") || own.test(path)) continue;
    if (statSync(join(root, path)).isDirectory()) filesBelow(root, path, found);
    else found.set(path, new Bun.CryptoHasher("sha256").update(readFileSync(join(root, path))).digest("hex"));
  }
  return found;
}

/** Paths that are in one only, or differ; sorted. */
export function differing(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((path) => a.get(path) !== b.get(path)).sort();
}
