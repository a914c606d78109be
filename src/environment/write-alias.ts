/** The alias of an installation: what the slow path leaves for the warm one. */
import { statSync } from "node:fs";
import type { Interpreter } from "../interpreters/interpreter.ts";
import type { AliasRecord, WatchedFile } from "../layout/dxc-format.ts";
import { versionControlFiles } from "../realise/source/version-control.ts";
import type { WantedPackage } from "../realise/wanted-package.ts";
import { type AliasFacts, aliasKeys } from "./alias-key.ts";
import { absolutePath } from "./direct-url.ts";
import type { InstallOptions } from "./install-options.ts";

/**
 * What the warm path finds next time. Nothing where a folder is installed by copy: whether it changed is known only by
 * reading it. Editables change by what their build is made from.
 */
export function aliasOf(
  options: InstallOptions,
  wanted: readonly WantedPackage[],
  hash: string,
): AliasRecord | undefined {
  if (options.alias === undefined) return undefined;
  const sources = wanted.flatMap(({ source }) => (source.kind === "directory" ? [source] : []));
  if (sources.some((source) => !source.editable)) return undefined;
  const local = wanted.some(({ source }) => source.kind === "archive" && source.path !== undefined);
  const folders = sources.map((source) => absolutePath(options.projectDir, source.path));
  const { alias, projectDir, interpreter } = options;
  const facts = { ...alias, projectDir, lockDigest: options.dpl.digest };
  return aliasRecord(facts, interpreter, folders, hash, local);
}

/** `folders`: of the editables, absolute. `local`: something else in it is the project's own, too. */
export function aliasRecord(
  facts: AliasFacts,
  { executable, size, mtimeNs }: Pick<Interpreter, "executable" | "size" | "mtimeNs">,
  folders: readonly string[],
  hash: string,
  local = false,
): AliasRecord {
  const watched = folders.flatMap((folder) => {
    const declared = ["pyproject.toml", "setup.py", "setup.cfg"].map((name) => `${folder}/${name}`);
    return [...declared, ...versionControlFiles(folder)].map(watch);
  });
  const { own, shared } = aliasKeys(facts);
  return {
    kind: "alias",
    key: folders.length > 0 || local ? own : shared,
    projectHash: Uint8Array.fromHex(hash),
    interpreterSize: BigInt(size),
    interpreterMtimeNs: mtimeNs,
    interpreterPath: executable,
    watched,
  };
}

function watch(path: string): WatchedFile {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return { path, size: stats?.size ?? 0n, mtimeNs: stats?.mtimeNs ?? 0n };
}
