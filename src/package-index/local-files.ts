import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { sha256Stream } from "../platform/sha256.ts";
import type { DistributionFile } from "./distribution.ts";
import { distributionKind, possibleProjects } from "./listing.ts";

/** Wheels and sdists in folders of this machine: find-links, flat indexes, `file://` indexes. */
export interface FolderListing {
  /** What lies in the folder, by the normalised projects that it may be of. */
  byProject: ReadonlyMap<string, readonly string[]>;
}

/** `undefined` when there is no such folder. */
export function listFolder(folder: string): FolderListing | undefined {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  const byProject = new Map<string, string[]>();
  for (const name of names.sort()) {
    if (distributionKind(name) === undefined) continue;
    for (const project of possibleProjects(name)) {
      const list = byProject.get(project);
      if (list === undefined) byProject.set(project, [name]);
      else list.push(name);
    }
  }
  return { byProject };
}

/** Digests of local files, remembered by path, size and modification time: a lock records them. */
export interface LocalDigests {
  sha256(path: string): { sha256: string; size: number } | undefined;
  save(): void;
}

export function openLocalDigests(indexFolder: string): LocalDigests {
  const memory = `${indexFolder}/local.json`;
  let known: Record<string, [stamp: string, sha256: string]> | undefined;
  const fresh: Record<string, [stamp: string, sha256: string]> = {};
  return {
    sha256(path) {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (!stat?.isFile()) return undefined;
      const stamp = `${stat.size} ${stat.mtimeMs}`;
      known ??= readMemory(memory);
      const entry = fresh[path] ?? known[path];
      if (entry !== undefined && entry[0] === stamp) return { sha256: entry[1], size: stat.size };
      const sha256 = digestOf(path);
      if (sha256 === undefined) return undefined;
      fresh[path] = [stamp, sha256];
      return { sha256, size: stat.size };
    },
    save() {
      if (Object.keys(fresh).length === 0) return;
      try {
        ensureDir(indexFolder);
        writeFileAtomic(memory, JSON.stringify({ ...readMemory(memory), ...fresh }));
      } catch {
        // Hashed again the next time.
      }
    },
  };
}

function readMemory(path: string): Record<string, [string, string]> {
  const memory: Record<string, [string, string]> = Object.create(null);
  try {
    const parsed = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    for (const [file, entry] of Object.entries(parsed)) {
      const valid =
        Array.isArray(entry) && typeof entry[0] === "string" && /^[0-9a-f]{64}$/.test(String(entry[1]));
      if (valid) memory[file] = [entry[0], String(entry[1])];
    }
  } catch {
    // Nothing remembered.
  }
  return memory;
}

function digestOf(path: string): string | undefined {
  try {
    const file = openSync(path, "r");
    try {
      const hash = sha256Stream();
      const piece = new Uint8Array(Math.min(1 << 20, Math.max(1, fstatSync(file).size)));
      for (let length = readSync(file, piece); length > 0; length = readSync(file, piece)) {
        hash.update(piece.subarray(0, length));
      }
      return hash.hex();
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** A project's files in a folder. `index` names the place in messages and locks. */
export function folderFiles(
  folder: string,
  names: readonly string[],
  index: string,
  digests: LocalDigests,
): DistributionFile[] {
  return names.flatMap((filename): DistributionFile[] => {
    const kind = distributionKind(filename);
    const digest = digests.sha256(`${folder}/${filename}`);
    if (kind === undefined || digest === undefined) return [];
    const url = Bun.pathToFileURL(`${folder}/${filename}`).href;
    return [
      { filename, kind, url, hashes: { sha256: digest.sha256 }, size: digest.size, yanked: false, index },
    ];
  });
}

/** The path of a `file://` URL. Failure DXPY_BAD_INDEX_URL for one that names no file of this machine. */
export function pathOfFileUrl(url: string): string {
  try {
    return Bun.fileURLToPath(url);
  } catch (error) {
    throw new Failure("DXPY_BAD_INDEX_URL", `${url} names no file of this machine`, { cause: error });
  }
}

/** Failure DXPY_INDEX_UNREACHABLE when it cannot be read. */
export function readLocalFile(url: string): Uint8Array {
  const path = pathOfFileUrl(url);
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure("DXPY_INDEX_UNREACHABLE", `${path} cannot be read`, {
      context: { path, url },
      cause: error,
    });
  }
}
