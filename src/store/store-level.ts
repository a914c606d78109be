import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import { badPackage, HEADER_SIZE } from "./dxpkg-layout.ts";
import { type DxpkgHeader, readHeader, readMetadata } from "./dxpkg-reader.ts";
import type { PackageObject } from "./package-object.ts";

/** One store folder: where things are in it, and cheap questions to it. */

const HASH = /^[0-9a-f]{64}$/;

/** Hashes become paths: anything that is not 64 digits of lower-case hex is refused (Failure `DXPY_BAD_HASH`). */
export function checkHash(hash: string): string {
  if (HASH.test(hash)) return hash;
  throw new Failure("DXPY_BAD_HASH", `${JSON.stringify(hash.slice(0, 80))} is not a hash of the store`, {
    exitCode: 2,
  });
}

/** `store/ab/cd/<hash>`: the unpacked tree. */
export function treePath(root: string, hash: string): string {
  return `${root}/${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}`;
}

/** `store/ab/cd/<hash>.dxpkg`. */
export function indexPath(root: string, hash: string): string {
  return `${treePath(root, hash)}.dxpkg`;
}

/** `store/links/ab/<blake3>`, with `x` for executables: one more name of a content that several files share. */
export function contentPath(root: string, blake3: string, executable: boolean): string {
  return `${root}/links/${blake3.slice(0, 2)}/${blake3}${executable ? "x" : ""}`;
}

export function levelHas(root: string, hash: string): boolean {
  return statSync(indexPath(root, hash), { throwIfNoEntry: false })?.isFile() === true;
}

/** Enough for the header and the metadata of nearly every package. */
const FIRST_READ = 8192;
let buffer: Uint8Array | undefined;

/** The object's metadata by one small read; `undefined` when the level does not have it. Failure `DXPY_BAD_PACKAGE`. */
export function readLevelObject(
  root: string,
  hash: string,
): { header: DxpkgHeader; object: PackageObject } | undefined {
  const path = indexPath(root, hash);
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw badPackage(path, (error as Error).message);
  }
  try {
    buffer ??= new Uint8Array(FIRST_READ);
    const got = readSync(file, buffer, 0, FIRST_READ, 0);
    // A file that fits into the buffer has told its size by ending.
    const size = got < FIRST_READ ? got : statSync(path).size;
    const header = readHeader(buffer.subarray(0, got), size, path);
    if (header.outputHash !== hash) throw badPackage(path, `it holds another package (${header.outputHash})`);
    const end = HEADER_SIZE + header.metadataLength;
    if (end <= got) return { header, object: readMetadata(buffer.subarray(0, got), header, path) };
    const whole = new Uint8Array(end);
    readSync(file, whole, 0, end, 0);
    return { header, object: readMetadata(whole, header, path) };
  } finally {
    closeSync(file);
  }
}

/** The output hashes in a store folder, sorted. Names that are not of the store are passed over. */
export function listLevel(root: string): string[] {
  const hashes: string[] = [];
  for (const first of names(root)) {
    if (!/^[0-9a-f]{2}$/.test(first)) continue;
    for (const second of names(`${root}/${first}`)) {
      if (!/^[0-9a-f]{2}$/.test(second)) continue;
      for (const name of names(`${root}/${first}/${second}`)) {
        const hash = name.endsWith(".dxpkg") ? name.slice(0, -".dxpkg".length) : "";
        if (HASH.test(hash) && hash.startsWith(first + second)) hashes.push(hash);
      }
    }
  }
  return hashes.sort();
}

export function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
