/** Tags of the dynamic section. */
export const DT = { needed: 1, strtab: 5, rpath: 15, runpath: 29 };

/** The least ELF file with a dynamic section: one load segment whose addresses are 0x1000 above the offsets. */
export function craftElf(
  dynamic: [tag: number, text: string][],
  { wide = true, little = true } = {},
): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1]);
  const address = (at: number, value: number) =>
    wide ? view.setBigUint64(at, BigInt(value), little) : view.setUint32(at, value, little);
  const headerSize = wide ? 56 : 32;
  address(wide ? 32 : 28, 64);
  view.setUint16(wide ? 54 : 42, headerSize, little);
  view.setUint16(wide ? 56 : 44, 2, little);
  const segment = (i: number, type: number, offset: number, virtual: number, size: number) => {
    const at = 64 + i * headerSize;
    view.setUint32(at, type, little);
    address(at + (wide ? 8 : 4), offset);
    address(at + (wide ? 16 : 8), virtual);
    address(at + (wide ? 32 : 16), size);
  };
  segment(0, 1, 0, 0x1000, 4096);
  segment(1, 2, 512, 0x1200, 1024);
  const strings = 2048;
  let text = strings + 1;
  let at = 512;
  const entry = (tag: number, value: number) => {
    address(at, tag);
    address(at + (wide ? 8 : 4), value);
    at += wide ? 16 : 8;
  };
  for (const [tag, value] of dynamic) {
    entry(tag, text - strings);
    bytes.set(new TextEncoder().encode(value), text);
    text += value.length + 1;
  }
  entry(DT.strtab, 0x1000 + strings);
  entry(0, 0);
  return bytes;
}
