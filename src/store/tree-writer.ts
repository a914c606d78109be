import { closeSync, fchmodSync, linkSync, mkdirSync, openSync, renameSync } from "node:fs";
import { writeWhole } from "../platform/atomic-file.ts";
import type { BulkBlake3 } from "../platform/blake3.ts";
import type { ManifestEntry } from "./manifest.ts";

/** Writes the files of a tree, each content once, and hashes them on the way. */
export interface TreeWriter {
  /** `produce` hands over the content in pieces, each valid only during the call; `size` is what it promises. */
  add(
    path: string,
    executable: boolean,
    size: number,
    produce: (sink: (piece: Uint8Array) => void) => void,
  ): void;
  readonly entries: ManifestEntry[];
}

/** The loader knows libraries by their inode: two modules that are one file would share their variables. */
const MAY_BE_LOADED = /\.(so|dylib|pyd|dll)(\.|$)/;
/** The filesystem has no hardlinks, or the file has as many names as it can have. */
const NOT_LINKED = /^(EMLINK|EPERM|EACCES|ENOTSUP|EOPNOTSUPP|ENOSYS)$/;

/**
 * `root` is an empty folder of our own. Paths have been checked before. A file with the content and mode of another
 * becomes a second name of it (hardlink): a link costs less than a file, on the disk and to make.
 */
export function createTreeWriter(root: string, blake3: Pick<BulkBlake3, "hash" | "create">): TreeWriter {
  const folders = new Set<string>();
  const entries: ManifestEntry[] = [];
  /** Where each content is, by mode and hash. */
  const contents = new Map<string, string>();
  // A umask that takes away reading would make files that another user of the store cannot read.
  const masked = process.platform !== "win32" && (process.umask() & 0o555) !== 0;

  const ensureFolder = (path: string): void => {
    if (path === "" || folders.has(path)) return;
    folders.add(path);
    ensureFolder(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    mkdirSync(`${root}/${path}`);
  };

  const create = (place: string, mode: number, content: Uint8Array): void => {
    const file = openSync(place, "wx", mode);
    try {
      if (content.length > 0) writeWhole(file, content);
      if (masked) fchmodSync(file, mode);
    } finally {
      closeSync(file);
    }
  };

  /** True when the content was there, and `place` is one more name of it. */
  const link = (place: string, executable: boolean, hash: Uint8Array): boolean => {
    const key = keyOf(executable, hash);
    const known = contents.get(key);
    if (known !== undefined) {
      try {
        linkSync(known, place);
        return true;
      } catch (error) {
        if (!NOT_LINKED.test((error as { code?: string }).code ?? "")) throw error;
      }
    }
    contents.set(key, place);
    return false;
  };

  /** The same for what had to be written before its hash was known. */
  const linkWritten = (place: string, executable: boolean, hash: Uint8Array): void => {
    // At the top there are only folders of the format.
    const linked = `${root}/linked`;
    if (!link(linked, executable, hash)) contents.set(keyOf(executable, hash), place);
    else renameSync(linked, place);
  };

  const writeContent = (path: string, executable: boolean, content: Uint8Array): Uint8Array => {
    const hash = blake3.hash(content);
    const place = `${root}/${path}`;
    if (MAY_BE_LOADED.test(path) || !link(place, executable, hash)) {
      create(place, modeOf(executable), content);
    }
    return hash;
  };

  const beginPieces = (path: string, executable: boolean) => {
    const place = `${root}/${path}`;
    const file = openSync(place, "wx", modeOf(executable));
    const stream = blake3.create();
    return {
      write(piece: Uint8Array): void {
        stream.update(piece);
        writeWhole(file, piece);
      },
      end(): Uint8Array {
        if (masked) fchmodSync(file, modeOf(executable));
        const hash = stream.digest();
        if (!MAY_BE_LOADED.test(path)) linkWritten(place, executable, hash);
        return hash;
      },
      close: () => closeSync(file),
    };
  };

  return {
    entries,
    add(path, executable, size, produce) {
      ensureFolder(path.slice(0, path.lastIndexOf("/")));
      const state: { hash?: Uint8Array; pieces?: ReturnType<typeof beginPieces> } = {};
      try {
        produce((piece) => {
          if (piece.length === size && state.pieces === undefined) {
            state.hash = writeContent(path, executable, piece);
            return;
          }
          state.pieces ??= beginPieces(path, executable);
          state.pieces.write(piece);
        });
        state.hash ??= state.pieces?.end() ?? writeContent(path, executable, new Uint8Array());
      } finally {
        state.pieces?.close();
      }
      entries.push({ path, executable, size, blake3: state.hash });
    },
  };
}

function keyOf(executable: boolean, hash: Uint8Array): string {
  return `${executable ? "x" : ""}${hash.toHex()}`;
}

function modeOf(executable: boolean): number {
  return executable ? 0o555 : 0o444;
}
