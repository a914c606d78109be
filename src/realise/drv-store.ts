/**
 * The derivations of a store: `drv/<build-hash>.drv`, named by the hash of their own content. Written once, never
 * changed; a file whose content does not have its name (a crash cut it short) is as good as missing.
 */
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { ensureDir, writeFileAtomic, writeWhole } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { namesIn } from "../platform/names-in.ts";
import { type Derivation, derivationText, parseDerivation, textHash } from "./derivation.ts";

const made = new Set<string>();

export function derivationPath(storeRoot: string, hash: string): string {
  return `${storeRoot}/drv/${hash}.drv`;
}

/** Writes the `.drv` unless it is there, and returns its build hash. One file, three system calls: cheap on purpose. */
export function writeDerivation(storeRoot: string, derivation: Derivation): string {
  const text = derivationText(derivation);
  const hash = textHash(text);
  writeDerivationText(storeRoot, hash, text);
  return hash;
}

/** The same for a canonical text whose hash is known. */
export function writeDerivationText(storeRoot: string, hash: string, text: string): void {
  const path = derivationPath(storeRoot, hash);
  const bytes = new TextEncoder().encode(text);
  if (!made.has(storeRoot)) {
    ensureDir(`${storeRoot}/drv`);
    made.add(storeRoot);
  }
  let file: number;
  try {
    // In place, not beside it and renamed: the name is the content's hash, so a reader sees a torn file for what it is,
    // and this is the only file that the store writes for every package of a cold install.
    file = openSync(path, "wx", 0o444);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") {
      ensureDir(`${storeRoot}/drv`);
      writeFileAtomic(path, bytes, { mode: 0o444 });
      return;
    }
    if ((error as { code?: string }).code !== "EEXIST") throw error;
    // Somebody else may be writing it at this moment; a torn one is shorter.
    if (statSync(path, { throwIfNoEntry: false })?.size === bytes.length) return;
    writeFileAtomic(path, bytes, { mode: 0o444 });
    return;
  }
  try {
    writeWhole(file, bytes);
  } finally {
    closeSync(file);
  }
}

/**
 * Reads a derivation from the first of `storeRoots` that has it whole. `undefined`: none has. Failure
 * DXPY_BAD_DERIVATION for a file that has its name's hash and is no derivation of a known format.
 */
export function readDerivation(storeRoots: readonly string[], hash: string): Derivation | undefined {
  if (!isHash(hash)) return undefined;
  for (const root of storeRoots) {
    const path = derivationPath(root, hash);
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch {
      continue;
    }
    if (textHash(text) === hash) return parseDerivation(text, path);
  }
  return undefined;
}

/** Like {@link readDerivation}; Failure DXPY_NO_DERIVATION when there is none. */
export function requireDerivation(storeRoots: readonly string[], hash: string): Derivation {
  const derivation = readDerivation(storeRoots, hash);
  if (derivation !== undefined) return derivation;
  throw new Failure("DXPY_NO_DERIVATION", `The store has no derivation ${hash}`, {
    context: { path: derivationPath(storeRoots[0] ?? "", hash) },
    hint: "Install the package again: its derivation is written with it.",
  });
}

/** Build hashes of all derivations in one store, unsorted. */
export function listDerivations(storeRoot: string): string[] {
  return namesIn(`${storeRoot}/drv`)
    .filter((name) => name.endsWith(".drv") && isHash(name.slice(0, -4)))
    .map((name) => name.slice(0, -4));
}

/** Build hashes that `drv-out` knows, unsorted. */
export function listOutputs(storeRoot: string): string[] {
  return namesIn(`${storeRoot}/drv-out`).filter(isHash);
}

export function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
