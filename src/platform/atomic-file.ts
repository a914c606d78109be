import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";

/** Files that appear whole or not at all: written beside their place (or in a staging folder), then renamed. */
export interface AtomicWriteOptions {
  /** Permission bits, exactly (the umask does not apply). Default: 0666 less the umask. */
  mode?: number;
  /** Flush to the disk before the rename: for what would mislead if it were lost or empty after a power cut. */
  sync?: boolean;
  /** A folder on the same filesystem for the unfinished file. Default: the folder of `path`. */
  staging?: string;
}

let counter = 0;

/** A name that no other process, thread or call uses. */
export function uniqueName(prefix = ""): string {
  counter += 1;
  const random = Math.floor(Math.random() * 0x1_0000_0000).toString(36);
  return `${prefix}${process.pid.toString(36)}-${counter.toString(36)}-${random}`;
}

/**
 * Writes `data` (parts one after the other) so that a reader sees the old file or the new one. The folder must exist. Errors are those of
 * the system.
 */
export function writeFileAtomic(
  path: string,
  data: string | Uint8Array | readonly Uint8Array[],
  options: AtomicWriteOptions = {},
): void {
  const slash = path.lastIndexOf("/");
  const folder = options.staging ?? (slash === -1 ? "." : path.slice(0, slash) || "/");
  const temporary = `${folder}/${uniqueName(".tmp-")}`;
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const file = openSync(temporary, "wx", 0o666);
  try {
    try {
      for (const part of bytes instanceof Uint8Array ? [bytes] : bytes) writeWhole(file, part);
      if (options.mode !== undefined) fchmodSync(file, options.mode);
      if (options.sync) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameReplacing(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Writes a file that is not there yet, in three system calls; `EEXIST` when it is. A reader may see a part of it: for
 * folders that are not in their place yet. The umask applies to `mode`.
 */
export function writeNewFile(path: string, data: string | Uint8Array, mode = 0o666): void {
  const file = openSync(path, "wx", mode);
  try {
    writeWhole(file, typeof data === "string" ? new TextEncoder().encode(data) : data);
  } finally {
    closeSync(file);
  }
}

/** `write` may take less than it is given (a nearly full disk, more than 2 GB): until all is written or it throws. */
export function writeWhole(file: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(file, bytes, done, bytes.length - done);
}

/** `rename` that waits a little on Windows, where a virus scanner or a reader may hold the old file for a moment. */
export function renameReplacing(from: string, to: string): void {
  for (let attempt = 0; ; attempt += 1) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      const passing = process.platform === "win32" && /^(EPERM|EACCES|EBUSY)$/.test(code);
      if (!passing || attempt === 9) throw error;
      Bun.sleepSync(10 * (attempt + 1));
    }
  }
}

/** Makes the folder and its parents; nothing when it is there. */
export function ensureDir(path: string): void {
  mkdirSync(path, { recursive: true });
}
