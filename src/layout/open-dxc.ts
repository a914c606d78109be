/** Opens `layouts.dxc` wherever it is: mapped where that can be, read where not. */
import { readFileSync } from "node:fs";
import { type Dxc, dxcOf, findRecord } from "./dxc.ts";
import type { AliasRecord, DxcRecord, LayoutRecord } from "./dxc-format.ts";

/**
 * Maps the index. `undefined` when there is none. Failures: `DXPY_DXC_CORRUPT`, `DXPY_DXC_VERSION`; a system error
 * when it cannot be read at all.
 */
export function openDxc(path: string): Dxc | undefined {
  const bytes = mapOrRead(path);
  return bytes === undefined ? undefined : dxcOf(bytes, path);
}

/**
 * `Bun.mmap` opens for writing: in a home that is somebody else's it fails, and the file is read instead. It also
 * refuses an empty file, which is then found to have no header.
 */
function mapOrRead(path: string): Uint8Array | undefined {
  try {
    return Bun.mmap(path);
  } catch {
    try {
      return new Uint8Array(readFileSync(path));
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return undefined;
      throw error;
    }
  }
}

/** Opens, looks up, and does it once more when that fails: the file grew meanwhile, or a slot was being written. */
function lookup(indexPath: string, key: Uint8Array): DxcRecord | undefined {
  const first = openDxc(indexPath);
  if (first === undefined) return undefined;
  try {
    return findRecord(first, key);
  } catch (error) {
    const again = openDxc(indexPath);
    if (again === undefined) throw error;
    return findRecord(again, key);
  }
}

/** The layout of a project hash (32 bytes), or `undefined`. Failures as {@link openDxc} and {@link findRecord}. */
export function lookupLayout(indexPath: string, key: Uint8Array): LayoutRecord | undefined {
  const record = lookup(indexPath, key);
  return record?.kind === "layout" ? record : undefined;
}

/** What an alias key (32 bytes) stands for, or `undefined`. Failures as {@link openDxc} and {@link findRecord}. */
export function lookupAlias(indexPath: string, key: Uint8Array): AliasRecord | undefined {
  const record = lookup(indexPath, key);
  return record?.kind === "alias" ? record : undefined;
}
