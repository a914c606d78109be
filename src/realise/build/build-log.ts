/** The log of a build: `store/log/<build-hash>.log`, readable while it runs, replaced by the next run, and quoted when it fails. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { ensureDir } from "../../platform/atomic-file.ts";

export interface BuildLog {
  readonly path: string;
  /** Open for appending; a hook's process writes to it. */
  readonly file: number;
  note(line: string): void;
  close(): void;
}

export function logPath(storeRoot: string, buildHash: string): string {
  return `${storeRoot}/log/${buildHash}.log`;
}

export function openLog(path: string): BuildLog {
  ensureDir(path.slice(0, path.lastIndexOf("/")));
  // Emptied first, then appended to: the processes of several hooks share the file.
  closeSync(openSync(path, "w", 0o644));
  const file = openSync(path, "a");
  let open = true;
  return {
    path,
    file,
    note(line) {
      writeSync(file, `dx-py: ${line}\n`);
    },
    close() {
      if (open) closeSync(file);
      open = false;
    },
  };
}

/** The last `bytes` of a log as text without terminal escapes. */
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

/** The last lines that say something, for an error message. */
export function lastLines(text: string, count = 25, width = 400): string {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return lines
    .slice(-count)
    .map((line) => (line.length > width ? `${line.slice(0, width)}…` : line))
    .join("\n");
}

function withoutEscapes(text: string): string {
  return text
    .replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)/g, "")
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, "");
}
