import { closeSync, lstatSync, openSync, readSync } from "node:fs";
import { type BulkBlake3, loadBulkBlake3 } from "../platform/blake3.ts";
import { mapReadOnly } from "../platform/mapping.ts";
import { manifestBytes, readHeader, readMetadata } from "./dxpkg-reader.ts";
import { encodePackage } from "./dxpkg-writer.ts";
import { decodeManifest, type ManifestEntry } from "./manifest.ts";
import { indexPath, treePath } from "./store-level.ts";

/** Compares a package object with what its hash says: the manifest with the hash, the files with the manifest. */
export interface VerifyResult {
  /** Lower-case hex. */
  outputHash: string;
  ok: boolean;
  /** Everything that is wrong, in words; empty when `ok`. */
  faults: string[];
  /** Paths in the tree. */
  missing: string[];
  /** Content, size or kind is not that of the manifest. */
  changed: string[];
  /** The content is right, the execute bit is not. */
  wrongMode: string[];
}

const PIECE = 1024 * 1024;

export async function verifyObject(level: string, hash: string): Promise<VerifyResult> {
  const result: VerifyResult = {
    outputHash: hash,
    ok: false,
    faults: [],
    missing: [],
    changed: [],
    wrongMode: [],
  };
  const blake3 = await loadBulkBlake3();
  const path = indexPath(level, hash);
  try {
    const mapping = mapReadOnly(path);
    try {
      const header = readHeader(mapping.bytes, mapping.bytes.length, path);
      const object = readMetadata(mapping.bytes, header, path);
      const manifest = manifestBytes(mapping.bytes, header, path);
      const decoded = decodeManifest(manifest);
      if (header.outputHash !== hash) result.faults.push("it holds another package");
      else if (blake3.hash(manifest).toHex() !== hash)
        result.faults.push("its manifest does not have its hash");
      else if (typeof decoded === "string") result.faults.push(decoded);
      else {
        const { entries } = decoded;
        const again = encodePackage(object, decoded, header.packed);
        if (Buffer.compare(again.bytes, mapping.bytes.subarray(0, again.bytes.length)) !== 0) {
          result.faults.push("its index is damaged");
        }
        if (header.packed) {
          entries.forEach((entry, i) => {
            const at = again.dataOffsets[i] ?? 0;
            const content = mapping.bytes.subarray(at, at + entry.size);
            if (Buffer.compare(blake3.hash(content), entry.blake3) !== 0) result.changed.push(entry.path);
          });
        }
        if (!header.packed || lstatSync(treePath(level, hash), { throwIfNoEntry: false })) {
          verifyTree(treePath(level, hash), entries, blake3, result);
        }
      }
    } finally {
      mapping.close();
    }
  } catch (error) {
    result.faults.push((error as Error).message);
  }
  result.faults.push(
    ...result.missing.map((name) => `${name} is missing`),
    ...result.changed.map((name) => `${name} is not what it was`),
    ...result.wrongMode.map((name) => `${name} has lost or gained its execute bit`),
  );
  result.ok = result.faults.length === 0;
  return result;
}

function verifyTree(
  tree: string,
  entries: readonly ManifestEntry[],
  blake3: BulkBlake3,
  result: VerifyResult,
): void {
  const buffer = new Uint8Array(PIECE);
  for (const entry of entries) {
    const path = `${tree}/${entry.path}`;
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) {
      result.missing.push(entry.path);
    } else if (!stats.isFile() || stats.size !== entry.size) {
      // An interpreter may write anew the bytecode that a wheel brought; nobody is misled by that.
      if (!isBytecode(entry.path)) result.changed.push(entry.path);
    } else if (Buffer.compare(hashFile(path, buffer, blake3), entry.blake3) !== 0) {
      if (!isBytecode(entry.path)) result.changed.push(entry.path);
    } else if (process.platform !== "win32" && ((stats.mode & 0o111) !== 0) !== entry.executable) {
      result.wrongMode.push(entry.path);
    }
  }
}

function isBytecode(path: string): boolean {
  return /\/__pycache__\/[^/]+\.pyc$/.test(path);
}

function hashFile(path: string, buffer: Uint8Array, blake3: BulkBlake3): Uint8Array {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return new Uint8Array(32);
  }
  try {
    const stream = blake3.create();
    for (;;) {
      const got = readSync(file, buffer, 0, buffer.length, null);
      if (got === 0) return stream.digest();
      stream.update(buffer.subarray(0, got));
    }
  } finally {
    closeSync(file);
  }
}
