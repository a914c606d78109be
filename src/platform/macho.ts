import type { RandomAccess } from "./random-access.ts";

/** Mach-O files: where `dyld` is told to look for libraries (mach-o/loader.h). */

const LC_RPATH = 0x8000001c;
/** Load, weak, re-export, lazy and upward dylib commands. */
const DYLIB_COMMANDS = new Set([0x0c, 0x80000018, 0x8000001f, 0x20, 0x80000023]);
const MAX_COMMANDS = 4 * 1024 * 1024;
const MAX_ARCHITECTURES = 32;

type Shape = { little: boolean; wide: boolean } | "fat" | "fat64";

function shapeOf(start: Uint8Array): Shape | undefined {
  if (start.length < 28) return undefined;
  const magic = new DataView(start.buffer, start.byteOffset, start.byteLength).getUint32(0, false);
  if (magic === 0xcffaedfe) return { little: true, wide: true };
  if (magic === 0xcefaedfe) return { little: true, wide: false };
  if (magic === 0xfeedfacf) return { little: false, wide: true };
  if (magic === 0xfeedface) return { little: false, wide: false };
  if (magic === 0xcafebabe) return "fat";
  if (magic === 0xcafebabf) return "fat64";
  return undefined;
}

export function isMachO(start: Uint8Array): boolean {
  return shapeOf(start) !== undefined;
}

/**
 * The folders of LC_RPATH, and those of libraries that are named by a path, as they are written
 * (`@loader_path/../.dylibs`), of all architectures. Empty for what is damaged.
 */
export function machoSearchFolders(file: RandomAccess): string[] {
  const start = file.read(0, 32).slice();
  const shape = shapeOf(start);
  if (shape === undefined) return [];
  if (shape !== "fat" && shape !== "fat64") return ofOne(file, 0, start, shape);
  const wide = shape === "fat64";
  const size = wide ? 32 : 20;
  const count = new DataView(start.buffer, start.byteOffset).getUint32(4, false);
  // A Java class file has the same magic, and its version here: far more than there are architectures.
  if (count > MAX_ARCHITECTURES) return [];
  const table = file.read(8, count * size).slice();
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const folders: string[] = [];
  for (let at = 0; at + size <= table.length; at += size) {
    const offset = wide ? Number(view.getBigUint64(at + 8, false)) : view.getUint32(at + 8, false);
    const inner = offset < file.size ? file.read(offset, 32).slice() : new Uint8Array();
    const innerShape = shapeOf(inner);
    if (typeof innerShape === "object") folders.push(...ofOne(file, offset, inner, innerShape));
  }
  return folders;
}

function ofOne(
  file: RandomAccess,
  base: number,
  start: Uint8Array,
  { little, wide }: { little: boolean; wide: boolean },
): string[] {
  const length = new DataView(start.buffer, start.byteOffset).getUint32(20, little);
  const commands = file.read(base + (wide ? 32 : 28), Math.min(length, MAX_COMMANDS));
  const view = new DataView(commands.buffer, commands.byteOffset, commands.byteLength);
  const folders: string[] = [];
  for (let at = 0; at + 12 <= commands.length; ) {
    const command = view.getUint32(at, little);
    const size = view.getUint32(at + 4, little);
    if (size < 12 || at + size > commands.length) break;
    if (command === LC_RPATH || DYLIB_COMMANDS.has(command)) {
      const text = commandString(commands.subarray(at, at + size), view.getUint32(at + 8, little));
      const slash = text.lastIndexOf("/");
      if (command === LC_RPATH) folders.push(text);
      else if (slash !== -1) folders.push(text.slice(0, slash));
    }
    at += size;
  }
  return folders;
}

function commandString(command: Uint8Array, offset: number): string {
  if (offset >= command.length) return "";
  const end = command.indexOf(0, offset);
  return new TextDecoder().decode(command.subarray(offset, end === -1 ? command.length : end));
}
