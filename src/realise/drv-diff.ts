/** Why two builds of one thing differ: inputs, environment and settings first, then the files that came out, down to the text. */

import { readDrvOutNotes } from "../store/drv-out.ts";
import type { ManifestEntry } from "../store/manifest.ts";
import type { Store, StoredPackage } from "../store/store.ts";
import { canonicalJson } from "./canonical-json.ts";
import { requireDerivation } from "./drv-store.ts";

export interface DerivationDiff {
  /** Members that differ, by path (`build.environment.CFLAGS`, `requires.setuptools`). `undefined`: not there. */
  asked: { path: string; before: string | undefined; after: string | undefined }[];
  /** Files that differ; empty when the outputs are equal or not in the store. */
  files: FileDiff[];
  sameOutput: boolean;
}

export interface FileDiff {
  path: string;
  change: "added" | "removed" | "content" | "mode";
  /** Bytes. */
  sizes: [number | undefined, number | undefined];
  /** For text: the first line that differs, 1-based. For other content: the first byte, 0-based. */
  line?: number;
  texts?: [string, string];
  byte?: number;
}

export function diffDerivations(before: string, after: string, store: Store): DerivationDiff {
  const asked: DerivationDiff["asked"] = [];
  const [one, two] = [before, after].map((hash) => flatten(requireDerivation(store.levels, hash)));
  for (const path of [...new Set([...one!.keys(), ...two!.keys()])].sort()) {
    const [left, right] = [one!.get(path), two!.get(path)];
    if (left !== right) asked.push({ path, before: left, after: right });
  }
  const [first, second] = [outputOf(before, store), outputOf(after, store)];
  const sameOutput = first !== undefined && first === second;
  const comparable =
    !sameOutput && first !== undefined && second !== undefined && store.has(first) && store.has(second);
  return { asked, files: comparable ? diffOutputs(first, second, store) : [], sameOutput };
}

/** The files in which two package objects differ, sorted by path. */
export function diffOutputs(before: string, after: string, store: Store): FileDiff[] {
  const one = store.open(before);
  const two = store.open(after);
  try {
    const left = new Map([...one.manifest()].map((entry) => [entry.path, entry]));
    const right = new Map([...two.manifest()].map((entry) => [entry.path, entry]));
    return [...new Set([...left.keys(), ...right.keys()])].sort().flatMap((path) => {
      const diff = diffFile(path, left.get(path), right.get(path), one, two);
      return diff === undefined ? [] : [diff];
    });
  } finally {
    one.close();
    two.close();
  }
}

function diffFile(
  path: string,
  left: ManifestEntry | undefined,
  right: ManifestEntry | undefined,
  one: StoredPackage,
  two: StoredPackage,
): FileDiff | undefined {
  const sizes: FileDiff["sizes"] = [left?.size, right?.size];
  if (left === undefined) return { path, change: "added", sizes };
  if (right === undefined) return { path, change: "removed", sizes };
  if (Buffer.compare(left.blake3, right.blake3) !== 0) {
    return { path, change: "content", sizes, ...diffBytes(one.file(path), two.file(path)) };
  }
  return left.executable === right.executable ? undefined : { path, change: "mode", sizes };
}

/** Text is what is UTF-8 without NUL in its first 8 kB. */
function diffBytes(left: Uint8Array, right: Uint8Array): Pick<FileDiff, "line" | "texts" | "byte"> {
  let byte = 0;
  while (byte < left.length && byte < right.length && left[byte] === right[byte]) byte += 1;
  if (isBinary(left) || isBinary(right)) return { byte };
  let line = 1;
  let start = 0;
  for (let at = 0; at < byte; at += 1) {
    if (left[at] !== 10) continue;
    line += 1;
    start = at + 1;
  }
  return { line, texts: [lineAt(left, start), lineAt(right, start)] };
}

function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 8192).includes(0);
}

function lineAt(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(10, start);
  const line = bytes.subarray(start, Math.min(end === -1 ? bytes.length : end, start + 400));
  return new TextDecoder().decode(line);
}

/**
 * Every leaf by its path; the entries of `requires` by their names, so that a changed version is one difference, and those of a
 * layout's packages by their output hashes, so that one more package is one.
 */
function flatten(value: unknown, path = "", leaves = new Map<string, string>()): Map<string, string> {
  if (path === "packages" && Array.isArray(value)) {
    for (const one of value) {
      const output: unknown = typeof one === "string" ? one : one?.output;
      leaves.set(`${path}.${output}`, typeof one === "string" ? "" : canonicalJson(one));
    }
  } else if (Array.isArray(value) && value.every((item) => typeof item?.name === "string")) {
    for (const { name, ...rest } of value) flatten(rest, `${path}.${name}`, leaves);
  } else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [key, member] of Object.entries(value))
      flatten(member, path === "" ? key : `${path}.${key}`, leaves);
  } else {
    leaves.set(path, typeof value === "string" ? value : canonicalJson(value));
  }
  return leaves;
}

function outputOf(hash: string, store: Store): string | undefined {
  return store.levels
    .map((level) => readDrvOutNotes(level, hash)?.outputHash)
    .find((one) => one !== undefined);
}
