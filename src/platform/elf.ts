import type { RandomAccess } from "./random-access.ts";

/** ELF files: where the dynamic loader is told to look for libraries (System V ABI, "Dynamic Section"). */

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_RPATH = 15;
const DT_RUNPATH = 29;

/** More of each than any real library has. */
const MAX_SEGMENTS = 4096;
const MAX_DYNAMIC = 65536;
const MAX_STRING = 65536;

export function isElf(start: Uint8Array): boolean {
  return start[0] === 0x7f && start[1] === 0x45 && start[2] === 0x4c && start[3] === 0x46;
}

/**
 * The folders of RPATH and RUNPATH, and the folders of needed libraries that are named by a path, as they are written
 * (`$ORIGIN/../x.libs`). Empty for what is damaged: the loader would refuse it too.
 */
export function elfSearchFolders(file: RandomAccess): string[] {
  const start = file.read(0, 64).slice();
  if (!isElf(start) || start.length < 64) return [];
  const shape: Shape = { wide: start[4] === 2, little: start[5] !== 2 };
  const found = readSegments(file, start, shape);
  if (found === undefined) return [];
  const { loads, dynamic } = found;
  const { names, strings } = readDynamic(file, dynamic, shape);
  if (strings === undefined) return [];
  const load = loads.find((s) => strings >= s.address && strings < s.address + s.size);
  const stringsAt = load === undefined ? strings : strings - load.address + load.offset;
  return names.flatMap(({ tag, at }) => {
    const text = stringAt(file, stringsAt + at);
    if (tag !== DT_NEEDED) return text.split(":").filter((folder) => folder !== "");
    const slash = text.lastIndexOf("/");
    return slash === -1 ? [] : [text.slice(0, slash)];
  });
}

interface Shape {
  /** 64 bits. */
  wide: boolean;
  little: boolean;
}

interface Segment {
  address: number;
  offset: number;
  size: number;
}

function fields(bytes: Uint8Array, { wide, little }: Shape) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    half: (at: number) => view.getUint16(at, little),
    word: (at: number) => view.getUint32(at, little),
    address: (at: number) => (wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little)),
  };
}

function readSegments(
  file: RandomAccess,
  start: Uint8Array,
  shape: Shape,
): { loads: Segment[]; dynamic: Segment } | undefined {
  const { wide } = shape;
  const header = fields(start, shape);
  const size = header.half(wide ? 54 : 42);
  const count = Math.min(header.half(wide ? 56 : 44), MAX_SEGMENTS);
  if (size < (wide ? 56 : 32)) return undefined;
  const table = file.read(header.address(wide ? 32 : 28), size * count);
  if (table.length < size * count) return undefined;
  const { word, address } = fields(table, shape);
  const loads: Segment[] = [];
  let dynamic: Segment | undefined;
  for (let at = 0; at < size * count; at += size) {
    const segment = {
      offset: address(at + (wide ? 8 : 4)),
      address: address(at + (wide ? 16 : 8)),
      size: address(at + (wide ? 32 : 16)),
    };
    if (word(at) === PT_LOAD) loads.push(segment);
    if (word(at) === PT_DYNAMIC) dynamic = segment;
  }
  return dynamic === undefined ? undefined : { loads, dynamic };
}

/** The entries that name libraries and folders, and the address of the table of their strings. */
function readDynamic(file: RandomAccess, dynamic: Segment, shape: Shape) {
  const entrySize = shape.wide ? 16 : 8;
  const bytes = file.read(dynamic.offset, Math.min(dynamic.size, MAX_DYNAMIC * entrySize));
  const { address } = fields(bytes, shape);
  const names: { tag: number; at: number }[] = [];
  let strings: number | undefined;
  for (let at = 0; at + entrySize <= bytes.length; at += entrySize) {
    const tag = address(at);
    const value = address(at + entrySize / 2);
    if (tag === DT_NULL) break;
    if (tag === DT_STRTAB) strings = value;
    if (tag === DT_RPATH || tag === DT_RUNPATH || tag === DT_NEEDED) names.push({ tag, at: value });
  }
  return { names, strings };
}

function stringAt(file: RandomAccess, at: number): string {
  if (!(at >= 0 && at < file.size)) return "";
  for (let length = 256; length <= MAX_STRING; length *= 16) {
    const bytes = file.read(at, length);
    const end = bytes.indexOf(0);
    if (end !== -1) return new TextDecoder().decode(bytes.subarray(0, end));
    if (bytes.length < length) break;
  }
  return "";
}
