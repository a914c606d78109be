import { closeSync, fchmodSync, mkdirSync, openSync } from "node:fs";
import { writeWhole } from "../platform/atomic-file.ts";
import type { BulkBlake3 } from "../platform/blake3.ts";
import type { ManifestEntry } from "./manifest.ts";

/** Writes the files of a tree, each once, and hashes them on the way. */
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

/** `root` is an empty folder of our own. Paths have been checked before. */
export function createTreeWriter(root: string, blake3: BulkBlake3): TreeWriter {
  const folders = new Set<string>();
  const entries: ManifestEntry[] = [];
  // A umask that takes away reading would make files that another user of the store cannot read.
  const masked = process.platform !== "win32" && (process.umask() & 0o555) !== 0;

  const ensureFolder = (path: string): void => {
    if (path === "" || folders.has(path)) return;
    folders.add(path);
    ensureFolder(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    mkdirSync(`${root}/${path}`);
  };

  return {
    entries,
    add(path, executable, size, produce) {
      ensureFolder(path.slice(0, path.lastIndexOf("/")));
      const mode = executable ? 0o555 : 0o444;
      const file = openSync(`${root}/${path}`, "wx", mode);
      let hash: Uint8Array | undefined;
      try {
        let done = 0;
        let stream: ReturnType<BulkBlake3["create"]> | undefined;
        produce((piece) => {
          done += piece.length;
          if (done === size && stream === undefined) hash = blake3.hash(piece);
          else {
            stream ??= blake3.create();
            stream.update(piece);
          }
          writeWhole(file, piece);
        });
        hash ??= stream?.digest() ?? blake3.hash(new Uint8Array());
        if (masked) fchmodSync(file, mode);
      } finally {
        closeSync(file);
      }
      entries.push({ path, executable, size, blake3: hash });
    },
  };
}
