import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { writeFileAtomic } from "../platform/atomic-file.ts";
import { loadBulkBlake3 } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import { sweepLeftovers } from "../platform/leftovers.ts";
import { sha256Hex } from "../platform/sha256.ts";
import { decodeDpl } from "./dpl-decode.ts";
import { changedInputs, DPL_FILE, hashFile, PYLOCK_FILE, unreadable } from "./dpl-freshness.ts";
import { type Dpl, openDpl } from "./dpl-reader.ts";
import { type DplInput, encodeDpl, withInputs } from "./dpl-writer.ts";
import type { Lock } from "./lock-model.ts";
import { type LockConflict, splitConflict } from "./pylock-conflict.ts";
import { conflictFailure, formatPylock, parsePylock } from "./pylock-file.ts";

/**
 * The two files of a lock, kept in step: `pylock.toml` leads, `dx-py.dpl` is compiled from it, and either is enough where
 * the other is missing or damaged.
 */

/** What state the lock of a folder is in. The DPL that a state carries is to be closed by the caller. */
export type Freshness =
  /** As the inputs are now. */
  | { state: "fresh"; dpl: Dpl }
  /** Compiled from a text that came from elsewhere (a merge): complete, but nobody knows of which inputs. */
  | { state: "unconfirmed"; dpl: Dpl }
  | { state: "inputs-changed"; dpl: Dpl; changed: string[] }
  /** The text is not the one that the DPL was compiled from, or the DPL is missing or damaged (`damage`). */
  | { state: "text-changed"; damage?: Failure }
  | { state: "conflict"; conflict: LockConflict | undefined }
  | { state: "missing" };

export interface ReadLock {
  dpl: Dpl;
  /** How the DPL came to be what it is. */
  state: "fresh" | "unconfirmed" | "inputs-changed";
  /** Inputs that changed, for `inputs-changed`. */
  changed: string[];
  /** The DPL was compiled again from the text just now. */
  recompiled: boolean;
  /** The whole lock, decoded when it is first asked for. */
  readonly lock: Lock;
}

type Report = (warning: string) => void;
const silent: Report = () => {};

/** An input with its digest, or its path relative to the project (then it is hashed now). */
export type Input = string | DplInput;

/** A lock as its two files have it, before it is known what it was compiled from. */
export interface CompiledLock {
  /** `pylock.toml`, UTF-8. */
  text: Uint8Array;
  /** A DPL without inputs. */
  dpl: Uint8Array;
}

export async function compileLock(lock: Lock): Promise<CompiledLock> {
  const text = new TextEncoder().encode(formatPylock(lock));
  return { text, dpl: await compile(lock, text, []) };
}

/**
 * The DPL of a compiled lock that was kept somewhere, if it is what was kept: compiled from this very text, for a request with this
 * fingerprint.
 */
export function openCompiled({ text, dpl }: CompiledLock, fingerprint: string): Dpl | undefined {
  try {
    const opened = openDpl(dpl);
    const same = opened.header.fingerprint === fingerprint && opened.header.inputs.length === 0;
    return same && opened.header.pylockSha256 === sha256Hex(text) ? opened : undefined;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Writes both files; one whose content would be the same is left alone, with its time. Whether each was written. */
export function writeCompiled(
  projectDir: string,
  { text, dpl }: CompiledLock,
  inputs: readonly Input[],
): { pylock: boolean; dpl: boolean } {
  const bytes = withInputs(dpl, hashInputs(projectDir, inputs));
  // The text first: killed in between, the next command sees a text that the DPL does not know, and compiles it.
  const pylock = writeIfChanged(`${projectDir}/${PYLOCK_FILE}`, text, true);
  return { pylock, dpl: writeIfChanged(`${projectDir}/${DPL_FILE}`, bytes) };
}

/** Compiles a lock and writes both files, as {@link writeCompiled} does. */
export async function writeLock(
  projectDir: string,
  lock: Lock,
  inputs: readonly Input[],
): Promise<{ pylock: boolean; dpl: boolean }> {
  return writeCompiled(projectDir, await compileLock(lock), inputs);
}

/**
 * Says that the lock was found to be right for these inputs: only the DPL changes. For a caller that compared
 * fingerprints after `unconfirmed` or `inputs-changed`.
 */
export async function confirmInputs(
  projectDir: string,
  read: ReadLock,
  inputs: readonly Input[],
): Promise<void> {
  const digests = { pylockSha256: read.dpl.header.pylockSha256, inputs: hashInputs(projectDir, inputs) };
  const bytes = encodeDpl(read.lock, digests, await engineFor(read.lock));
  writeIfChanged(`${projectDir}/${DPL_FILE}`, bytes);
}

function hashInputs(projectDir: string, inputs: readonly Input[]): DplInput[] {
  return inputs.map((input) =>
    typeof input === "string" ? { path: input, sha256: hashFile(`${projectDir}/${input}`) ?? "" } : input,
  );
}

async function compile(lock: Lock, text: string | Uint8Array, inputs: DplInput[]): Promise<Uint8Array> {
  const pylockSha256 = sha256Hex(text);
  return encodeDpl(lock, { pylockSha256, inputs }, await engineFor(lock));
}

/** Loading the native engine costs as much as it saves on some hundred wheels. */
const BULK_WHEELS = 500;

async function engineFor(lock: Lock): Promise<{ blake3?: (data: Uint8Array) => Uint8Array }> {
  const wheels = lock.packages.reduce((count, entry) => count + entry.wheels.length, 0);
  return wheels < BULK_WHEELS ? {} : { blake3: (await loadBulkBlake3()).hash };
}

/** Only the text is flushed to the disk: a DPL that a power cut damaged is noticed, and compiled again. */
function writeIfChanged(path: string, bytes: Uint8Array, sync = false): boolean {
  const before = readBytes(path);
  if (before !== undefined && before.length === bytes.length && Buffer.compare(before, bytes) === 0)
    return false;
  writeFileAtomic(path, bytes, { sync });
  // The project's folder is where people look: what killed processes left goes.
  sweepLeftovers(dirname(path), { prefix: ".tmp-" });
  return true;
}

function readBytes(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw unreadable(path, error);
  }
}

/** Looks, and changes nothing. */
export function freshness(projectDir: string): Freshness {
  const dplPath = `${projectDir}/${DPL_FILE}`;
  const text = readBytes(`${projectDir}/${PYLOCK_FILE}`);
  const dpl = openWhole(dplPath);
  if (text === undefined) {
    if (dpl === undefined) return { state: "missing" };
    // Both damaged, in the sense that matters: nothing is left to compile from.
    if (dpl instanceof Failure) throw dpl;
    return stateOfInputs(projectDir, dpl);
  }
  const digest = new Bun.CryptoHasher("sha256").update(text).digest("hex");
  if (dpl !== undefined && !(dpl instanceof Failure)) {
    if (dpl.header.pylockSha256 === digest) return stateOfInputs(projectDir, dpl);
    dpl.close();
  }
  const conflict = conflictIn(text);
  if (conflict !== undefined) return { state: "conflict", ...conflict };
  return { state: "text-changed", ...(dpl instanceof Failure ? { damage: dpl } : {}) };
}

function conflictIn(bytes: Uint8Array): { conflict: LockConflict | undefined } | undefined {
  const text = new TextDecoder().decode(bytes);
  const conflict = splitConflict(text);
  if (conflict !== undefined) return { conflict };
  return /^(?:<{7}|>{7})(?: |\r?$)/m.test(text) ? { conflict: undefined } : undefined;
}

/** Every entry is checked: what is slow to find out later (in the middle of an installation) is found out now. */
function openWhole(path: string): Dpl | Failure | undefined {
  const bytes = readBytes(path);
  if (bytes === undefined) return undefined;
  try {
    const dpl = openDpl(bytes, path);
    dpl.entries();
    void dpl.lock;
    return dpl;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function stateOfInputs(projectDir: string, dpl: Dpl): Freshness {
  const changed = changedInputs(projectDir, dpl);
  if (changed === undefined) return { state: "unconfirmed", dpl };
  return changed.length === 0 ? { state: "fresh", dpl } : { state: "inputs-changed", dpl, changed };
}

/**
 * The lock of a folder, whichever file it is in; `undefined` where there is none. A text that the DPL does not know is
 * compiled, without resolving. Failures: DXPY_LOCK_CONFLICT, those of `parsePylock`, DXPY_LOCK_DAMAGED (neither file is
 * usable).
 */
export async function readLock(
  projectDir: string,
  options: { report?: Report } = {},
): Promise<ReadLock | undefined> {
  const report = options.report ?? silent;
  const found = freshness(projectDir);
  switch (found.state) {
    case "missing":
      return undefined;
    case "conflict":
      throw conflictFailure(`${projectDir}/${PYLOCK_FILE}`);
    case "text-changed":
      return recompile(projectDir, found.damage, report);
    case "inputs-changed":
      return readResult(found.dpl, found.state, found.changed, false);
    default:
      return readResult(found.dpl, found.state, [], false);
  }
}

async function recompile(projectDir: string, damage: Failure | undefined, report: Report): Promise<ReadLock> {
  const path = `${projectDir}/${PYLOCK_FILE}`;
  const text = new TextDecoder().decode(readBytes(path) ?? new Uint8Array());
  let lock: Lock;
  try {
    lock = parsePylock(text, path, { report });
  } catch (error) {
    if (damage === undefined) throw error;
    throw new Failure("DXPY_LOCK_DAMAGED", `Neither ${PYLOCK_FILE} nor ${DPL_FILE} can be used`, {
      context: { path: projectDir, detail: `${(error as Error).message}\n${damage.message}` },
      hint: `Restore ${PYLOCK_FILE} from version control, or remove both and run \`dx-py lock\`.`,
    });
  }
  if (damage !== undefined) report(`${damage.message}; compiled again from ${PYLOCK_FILE}`);
  const bytes = await compile(lock, text, []);
  const dplPath = `${projectDir}/${DPL_FILE}`;
  try {
    writeIfChanged(dplPath, bytes);
  } catch (cause) {
    // A read-only checkout: the compiled lock serves from memory.
    report(`${DPL_FILE} could not be written: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  return readResult(openDpl(bytes, dplPath), "unconfirmed", [], true);
}

function readResult(dpl: Dpl, state: ReadLock["state"], changed: string[], recompiled: boolean): ReadLock {
  let lock: Lock | undefined;
  return {
    dpl,
    state,
    changed,
    recompiled,
    get lock() {
      lock ??= { ...dpl.lock, packages: dpl.entries().map((entry) => entry.toLocked()) };
      return lock;
    },
  };
}

/** Writes `pylock.toml` again from a DPL that outlived it. Whether it was written. */
export function restoreText(projectDir: string): boolean {
  const bytes = readBytes(`${projectDir}/${DPL_FILE}`);
  if (bytes === undefined || readBytes(`${projectDir}/${PYLOCK_FILE}`) !== undefined) return false;
  const { lock } = decodeDpl(bytes, `${projectDir}/${DPL_FILE}`);
  writeFileAtomic(`${projectDir}/${PYLOCK_FILE}`, formatPylock(lock), { sync: true });
  return true;
}
