/** A cache in a folder: on this disk, on a mounted share, or what a static web server serves. */
import { closeSync, copyFileSync, fstatSync, lstatSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { ensureDir, renameReplacing, uniqueName, writeFileAtomic } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import { type CacheBackend, cacheUnreachable, emptyStats } from "./backend.ts";
import { badAnswer } from "./protocol.ts";

/** Nearly every object comes in one piece, which its reader keeps. Bytes. */
const PIECE = 64 * 1024 * 1024;

export function folderBackend(root: string): CacheBackend {
  const name = `file://${root}`;
  const stats = emptyStats();
  const placeOf = (path: string) => `${root}/${path}`;

  /** Bytes of a plain file; `undefined` when it is not there. */
  const sizeOf = (path: string, limit: number): number | undefined => {
    // Opening a pipe would wait for ever for its other end.
    const found = statSync(placeOf(path), { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    if (!found.isFile()) throw badAnswer(name, path, "it is not a file");
    if (found.size > limit) throw badAnswer(name, path, `it is larger than ${limit} bytes`);
    return found.size;
  };
  /** Whatever the system says: the folder is missing, the file is, or neither can be said. */
  const failed = (error: unknown, path: string): false => {
    if (error instanceof Failure) throw error;
    const { code } = error as { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR") return missing(root, name, path);
    throw cacheUnreachable(name, path, (error as Error).message, error);
  };

  return {
    name,
    local: true,
    stats,
    locate(path, limit) {
      stats.requests += 1;
      try {
        const size = sizeOf(path, limit);
        if (size !== undefined) {
          stats.received += size;
          return { path: placeOf(path), size };
        }
        missing(root, name, path);
      } catch (error) {
        failed(error, path);
      }
      return undefined;
    },
    async read(path, body, limit) {
      stats.requests += 1;
      const place = placeOf(path);
      try {
        if (sizeOf(path, limit) === undefined) return missing(root, name, path);
        const file = openSync(place, "r");
        try {
          const { size } = fstatSync(file);
          if (size > limit) throw badAnswer(name, path, `it is larger than ${limit} bytes`);
          body.begin(size);
          for (let left = size; left > 0; ) {
            const buffer = new Uint8Array(Math.min(PIECE, left));
            const got = readSync(file, buffer, 0, buffer.length, null);
            if (got === 0) throw badAnswer(name, path, "it became shorter while it was read");
            left -= got;
            stats.received += got;
            body.take(buffer.subarray(0, got));
          }
          return true;
        } finally {
          closeSync(file);
        }
      } catch (error) {
        return failed(error, path);
      }
    },
    create: () => ensureDir(root),
    async has(path) {
      stats.requests += 1;
      try {
        return lstatSync(placeOf(path), { throwIfNoEntry: false })?.isFile() === true;
      } catch (error) {
        throw cacheUnreachable(name, path, (error as Error).message, error);
      }
    },
    async write(path, body) {
      stats.requests += 1;
      const place = placeOf(path);
      try {
        ensureDir(place.slice(0, place.lastIndexOf("/")));
        if (body instanceof Uint8Array) {
          writeFileAtomic(place, body, { mode: 0o644 });
          stats.sent += body.length;
          return;
        }
        const temporary = `${place}.${uniqueName()}`;
        try {
          copyFileSync(body.file, temporary);
          renameReplacing(temporary, place);
          stats.sent += body.size;
        } finally {
          rmSync(temporary, { force: true });
        }
      } catch (error) {
        throw new Failure("DXPY_CACHE_READ_ONLY", `${path} could not be written to ${name}`, {
          context: { url: name, detail: (error as Error).message },
          cause: error,
        });
      }
    },
  };
}

/** A folder that is not there at all (a share that is not mounted) is another thing than a file that it does not have. */
function missing(root: string, name: string, path: string): false {
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() === true) return false;
  throw cacheUnreachable(name, path, "there is no such folder");
}
