import { readdirSync, readFileSync, statSync } from "node:fs";
import { ensureDir, writeFileAtomic } from "../platform/atomic-file.ts";
import type { Home } from "../platform/home.ts";
import type { Interpreter } from "./interpreter.ts";

/**
 * The memory of interpreters, in `home/interpreters`: one JSON file per executable, valid while path, size and
 * modification time are the same, and one per search, valid while the folders that were searched are the same.
 * All of it can be deleted at any time; a file that cannot be read counts as forgotten.
 */
const FORMAT = 1;

/** Tags are one string: an interpreter has a thousand, and splitting is cheaper than parsing. */
interface RememberedInterpreter extends Omit<Interpreter, "mtimeNs" | "tags"> {
  format: number;
  mtimeNs: string;
  tags: string;
}

export interface FileStamp {
  /** Bytes. */
  size: number;
  mtimeNs: bigint;
}

export function stampOf(path: string): FileStamp | undefined {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat?.isFile() ? { size: Number(stat.size), mtimeNs: stat.mtimeNs } : undefined;
  } catch {
    return undefined;
  }
}

/** What was remembered of the executable at this resolved path, if it has not changed since. */
export function rememberedInterpreter(home: Home, executable: string): Interpreter | undefined {
  const record = readJson(fileOf(home, "python", executable)) as RememberedInterpreter | undefined;
  if (record?.format !== FORMAT || record.executable !== executable) return undefined;
  const stamp = stampOf(executable);
  if (stamp === undefined || stamp.size !== record.size || String(stamp.mtimeNs) !== record.mtimeNs) {
    return undefined;
  }
  return fromRecord(record);
}

export function rememberInterpreter(home: Home, interpreter: Interpreter): void {
  const { mtimeNs, tags, ...rest } = interpreter;
  const record: RememberedInterpreter = {
    format: FORMAT,
    ...rest,
    mtimeNs: String(mtimeNs),
    tags: tags.join("\n"),
  };
  writeQuietly(home, fileOf(home, "python", interpreter.executable), JSON.stringify(record));
}

/** The default index that any remembered interpreter's pip names: for a Python that came without pip. */
export function rememberedDefaultIndex(home: Home): string | undefined {
  for (const name of listQuietly(home.interpreters)) {
    if (!name.startsWith("python-")) continue;
    const record = readJson(`${home.interpreters}/${name}`) as RememberedInterpreter | undefined;
    if (record?.format === FORMAT && typeof record.defaultIndex === "string") return record.defaultIndex;
  }
  return undefined;
}

/** A search that was made before: what was found, and the modification times of all that could change the answer. */
export interface RememberedSearch {
  executable: string;
  watched: readonly (readonly [path: string, stamp: string])[];
}

/** @param key everything that the search was made from. */
export function rememberedSearch(home: Home, key: string): Interpreter | undefined {
  const record = readJson(fileOf(home, "search", key)) as
    | (RememberedSearch & { format: number; key: string })
    | undefined;
  if (record?.format !== FORMAT || record.key !== key || !Array.isArray(record.watched)) return undefined;
  for (const entry of record.watched) {
    if (!Array.isArray(entry) || watchStamp(String(entry[0])) !== entry[1]) return undefined;
  }
  return rememberedInterpreter(home, String(record.executable));
}

export function rememberSearch(home: Home, key: string, executable: string, watched: Iterable<string>): void {
  const stamps = [...new Set(watched)].map((path) => [path, watchStamp(path)] as const);
  const record = { format: FORMAT, key, executable, watched: stamps };
  writeQuietly(home, fileOf(home, "search", key), JSON.stringify(record));
}

/**
 * Creating, removing or renaming an entry changes a folder's modification time. `PATH` may well name folders that
 * only another user may look into: they hold nothing for this one.
 */
function watchStamp(path: string): string {
  try {
    return String(statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? "none");
  } catch {
    return "none";
  }
}

function fileOf(home: Home, kind: "python" | "search", key: string): string {
  return `${home.interpreters}/${kind}-${Bun.hash(key).toString(16).padStart(16, "0")}.json`;
}

function fromRecord(record: RememberedInterpreter): Interpreter {
  const { format: _, mtimeNs, tags, ...rest } = record;
  return { ...rest, mtimeNs: BigInt(mtimeNs), tags: tags.split("\n") };
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** A home that cannot be written is slower, not broken. */
function writeQuietly(home: Home, path: string, text: string): void {
  try {
    ensureDir(home.interpreters);
    writeFileAtomic(path, text);
  } catch {
    // Asked again the next time.
  }
}

function listQuietly(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
