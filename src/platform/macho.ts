/** Mach-O files: where `dyld` is told to look for libraries (mach-o/loader.h). */

const LC_RPATH = 0x8000001c;
/** Load, weak, re-export, lazy and upward dylib commands. */
const DYLIB_COMMANDS = new Set([0x0c, 0x80000018, 0x8000001f, 0x20, 0x80000023]);
const MAX_COMMANDS = 65536;
const MAX_ARCHITECTURES = 32;

type Shape = { little: boolean; wide: boolean } | "fat" | "fat64";

function shapeOf(bytes: Uint8Array): Shape | undefined {
  if (bytes.length < 32) return undefined;
  const magic = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, false);
  if (magic === 0xcffaedfe) return { little: true, wide: true };
  if (magic === 0xcefaedfe) return { little: true, wide: false };
  if (magic === 0xfeedfacf) return { little: false, wide: true };
  if (magic === 0xfeedface) return { little: false, wide: false };
  if (magic === 0xcafebabe) return "fat";
  if (magic === 0xcafebabf) return "fat64";
  return undefined;
}

export function isMachO(bytes: Uint8Array): boolean {
  return shapeOf(bytes) !== undefined;
}

/**
 * The folders of LC_RPATH, and those of libraries that are named by a path, as they are written
 * (`@loader_path/../.dylibs`), of all architectures. Empty for what is damaged.
 */
export function machoSearchFolders(bytes: Uint8Array): string[] {
  const shape = shapeOf(bytes);
  if (shape === undefined) return [];
  if (shape !== "fat" && shape !== "fat64") return ofOne(bytes, shape);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(4, false);
  const size = shape === "fat" ? 20 : 32;
  // A Java class file has the same magic, and its version here: far more than there are architectures.
  if (count > MAX_ARCHITECTURES || 8 + count * size > bytes.length) return [];
  const folders: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const at = 8 + i * size;
    const offset = shape === "fat" ? view.getUint32(at + 8, false) : Number(view.getBigUint64(at + 8, false));
    const length =
      shape === "fat" ? view.getUint32(at + 12, false) : Number(view.getBigUint64(at + 16, false));
    if (offset + length > bytes.length) continue;
    const slice = bytes.subarray(offset, offset + length);
    const inner = shapeOf(slice);
    if (typeof inner === "object") folders.push(...ofOne(slice, inner));
  }
  return folders;
}

function ofOne(bytes: Uint8Array, { little, wide }: { little: boolean; wide: boolean }): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.min(view.getUint32(16, little), MAX_COMMANDS);
  const folders: string[] = [];
  let at = wide ? 32 : 28;
  for (let i = 0; i < count; i += 1) {
    if (at + 12 > bytes.length) break;
    const command = view.getUint32(at, little);
    const size = view.getUint32(at + 4, little);
    if (size < 8 || at + size > bytes.length) break;
    if (command === LC_RPATH || DYLIB_COMMANDS.has(command)) {
      const text = commandString(bytes.subarray(at, at + size), view.getUint32(at + 8, little));
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
