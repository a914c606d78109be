/** ELF files: where the dynamic loader is told to look for libraries (System V ABI, "Dynamic Section"). */

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_RPATH = 15;
const DT_RUNPATH = 29;

/** More of either than any real library has. */
const MAX_SEGMENTS = 4096;
const MAX_DYNAMIC = 65536;
const MAX_STRING = 65536;

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * The folders of RPATH and RUNPATH, and the folders of needed libraries that are named by a path, as they are written
 * (`$ORIGIN/../x.libs`). Empty for what is damaged: the loader would refuse it too.
 */
export function elfSearchFolders(bytes: Uint8Array): string[] {
  if (!isElf(bytes) || bytes.length < 64) return [];
  const wide = bytes[4] === 2;
  const little = bytes[5] !== 2;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fits = (at: number, length: number) => at >= 0 && at + length <= bytes.length;
  const half = (at: number) => view.getUint16(at, little);
  const word = (at: number) => view.getUint32(at, little);
  const address = (at: number) => (wide ? Number(view.getBigUint64(at, little)) : word(at));

  const headersAt = address(wide ? 32 : 28);
  const headerSize = half(wide ? 54 : 42);
  const headerCount = Math.min(half(wide ? 56 : 44), MAX_SEGMENTS);
  if (headerSize < (wide ? 56 : 32)) return [];
  const loads: { address: number; offset: number; size: number }[] = [];
  let dynamic: { offset: number; size: number } | undefined;
  for (let i = 0; i < headerCount; i += 1) {
    const at = headersAt + i * headerSize;
    if (!fits(at, headerSize)) return [];
    const segment = {
      offset: address(at + (wide ? 8 : 4)),
      address: address(at + (wide ? 16 : 8)),
      size: address(at + (wide ? 32 : 16)),
    };
    if (word(at) === PT_LOAD) loads.push(segment);
    if (word(at) === PT_DYNAMIC) dynamic = segment;
  }
  if (dynamic === undefined) return [];

  const entrySize = wide ? 16 : 8;
  const names: { tag: number; at: number }[] = [];
  let table: number | undefined;
  const count = Math.min(Math.floor(dynamic.size / entrySize), MAX_DYNAMIC);
  for (let i = 0; i < count; i += 1) {
    const at = dynamic.offset + i * entrySize;
    if (!fits(at, entrySize)) return [];
    const tag = address(at);
    const value = address(at + entrySize / 2);
    if (tag === DT_NULL) break;
    if (tag === DT_STRTAB) table = value;
    if (tag === DT_RPATH || tag === DT_RUNPATH || tag === DT_NEEDED) names.push({ tag, at: value });
  }
  if (table === undefined) return [];
  const strings = table;
  const load = loads.find(
    (segment) => strings >= segment.address && strings < segment.address + segment.size,
  );
  const stringsAt = load === undefined ? strings : strings - load.address + load.offset;

  return names.flatMap(({ tag, at }) => {
    const text = stringAt(bytes, stringsAt + at);
    if (tag !== DT_NEEDED) return text.split(":").filter((folder) => folder !== "");
    const slash = text.lastIndexOf("/");
    return slash === -1 ? [] : [text.slice(0, slash)];
  });
}

function stringAt(bytes: Uint8Array, at: number): string {
  if (!(at >= 0 && at < bytes.length)) return "";
  const end = bytes.indexOf(0, at);
  if (end === -1 || end - at > MAX_STRING) return "";
  return new TextDecoder().decode(bytes.subarray(at, end));
}
