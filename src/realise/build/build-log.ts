/**
 * The log of a build: `store/log/<build-hash>.log` while it runs, so that it can be followed; compressed to `.log.zst` when it ends,
 * however it ends; replaced by the next run; quoted when it fails.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { ensureDir, writeFileAtomic } from "../../platform/atomic-file.ts";
import { Failure } from "../../platform/errors.ts";
import { hardlinkOrCopy } from "../../platform/links.ts";

export interface BuildLog {
  readonly path: string;
  /** Open for appending; a hook's process writes to it. */
  readonly file: number;
  note(line: string): void;
  /** Compresses it, and leaves it under the further path (of another build hash) too, where one is given. */
  close(also?: string): void;
}

/** More than this is compressed no more and shown no more, in bytes. */
const logLimit = 256 * 1024 * 1024;

/** Loaded when a build ran or its log is read: an editable project that moved is not built again, and needs neither. */
function zlib(): typeof import("node:zlib") {
  return require("node:zlib") as typeof import("node:zlib");
}

export function logPath(storeRoot: string, buildHash: string): string {
  return `${storeRoot}/log/${buildHash}.log`;
}

export function openLog(path: string): BuildLog {
  ensureDir(path.slice(0, path.lastIndexOf("/")));
  // Emptied first, then appended to: the processes of several hooks share the file.
  closeSync(openSync(path, "w", 0o644));
  rmSync(`${path}.zst`, { force: true });
  const file = openSync(path, "a");
  let open = true;
  return {
    path,
    file,
    note(line) {
      writeSync(file, `dx-py: ${line}\n`);
    },
    close(also) {
      if (!open) return;
      open = false;
      const { size } = fstatSync(file);
      closeSync(file);
      if (size > logLimit) return;
      writeFileAtomic(`${path}.zst`, zlib().zstdCompressSync(readFileSync(path)));
      rmSync(path, { force: true });
      if (also === undefined) return;
      rmSync(`${also}.zst`, { force: true });
      hardlinkOrCopy(`${path}.zst`, `${also}.zst`);
    },
  };
}

/** The whole log of the path that `logPath` gives, as text without terminal escapes. `undefined`: there is none. */
export function readLog(path: string): string | undefined {
  // A file that is not compressed is of a build that runs, or that was killed: it is the newest.
  if (existsSync(path)) return logTail(path, logLimit);
  try {
    const packed = readFileSync(`${path}.zst`);
    return withoutEscapes(zlib().zstdDecompressSync(packed, { maxOutputLength: logLimit }).toString("utf8"));
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOENT") return undefined;
    throw new Failure("DXPY_BAD_LOG", "The log cannot be read", { context: { path: `${path}.zst` }, cause });
  }
}

/** Paths (as `logPath` gives them) of the logs whose build hash begins with `digits`; none for fewer than six. */
export function logsNamed(storeRoot: string, digits: string): string[] {
  if (!/^[0-9a-f]{6,64}$/.test(digits)) return [];
  let names: string[];
  try {
    names = readdirSync(`${storeRoot}/log`);
  } catch {
    return [];
  }
  const hashes = names
    .map((name) => /^([0-9a-f]{64})\.log(\.zst)?$/.exec(name)?.[1])
    .filter((hash) => hash?.startsWith(digits));
  return [...new Set(hashes)].map((hash) => logPath(storeRoot, hash!));
}

/** The last `bytes` of a log that is being written, as text without terminal escapes. */
export function logTail(path: string, bytes = 64 * 1024): string {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const buffer = new Uint8Array(Math.min(size, bytes));
    const got = readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return withoutEscapes(new TextDecoder().decode(buffer.subarray(0, got)));
  } finally {
    closeSync(file);
  }
}

/**
 * The last lines that say something, for an error message: without the frames of tracebacks that are in the backend and in what
 * calls it, which stand between a compiler's words and the end.
 */
export function lastLines(text: string, count = 25, width = 300): string {
  const lines = withoutMachinery(text.split(/\r?\n/).filter((line) => line.trim() !== ""));
  return lines
    .slice(-count)
    .map((line) => (line.length > width ? `${line.slice(0, width)}…` : line))
    .join("\n");
}

/** Files of a build environment, of the standard library, of Python itself, and the program that calls hooks. */
const machinery =
  /^\s*(?:\| )?File "(?:<frozen [^"]*|[^"]*\/call\/hook_runner\.py|[^"]*\/layouts\/[0-9a-f]{64}\/[^"]*|[^"]*\/lib\/python[\d.]+\/(?!site-packages)[^"]*)", line \d+/;

/** A frame is its `File` line and the more deeply indented ones after it. */
function withoutMachinery(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let frame: number | undefined;
  for (const line of lines) {
    const indent = line.search(/\S/);
    if (machinery.test(line)) {
      frame = indent;
      if (kept.at(-1)?.trim() !== "…") kept.push(`${" ".repeat(indent)}…`);
    } else if (frame === undefined || indent <= frame) {
      frame = undefined;
      // The whole command stands where it was started, if anywhere.
      kept.push(line.replace(/(Command '\['[^']+'), .{80,}/, "$1, …"));
    }
  }
  return kept;
}

function withoutEscapes(text: string): string {
  return text
    .replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)/g, "")
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, "");
}
