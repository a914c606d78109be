/** Where the frames of zstd data begin and end (RFC 8878, 3.1), read from their headers without decompressing anything. */
export interface ZstdFrame {
  start: number;
  end: number;
  /** Bytes of its content as its header promises; `undefined`: it does not say. */
  content: number | undefined;
}

const MAGIC = 0xfd2fb528;

/** `undefined` for what is not whole zstd frames one after the other, for skippable ones, and for more than `most`. */
export function zstdFrames(bytes: Uint8Array, most: number): ZstdFrame[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: ZstdFrame[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    if (frames.length >= most) return undefined;
    if (at + 6 > bytes.length || view.getUint32(at, true) !== MAGIC) return undefined;
    const descriptor = bytes[at + 4] as number;
    const single = (descriptor & 0x20) !== 0;
    const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
    at += 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] as number);
    if (at + sizeBytes > bytes.length) return undefined;
    const content = contentSize(view, at, sizeBytes);
    at += sizeBytes;
    for (let last = false; !last; ) {
      if (at + 3 > bytes.length) return undefined;
      const header = view.getUint16(at, true) | ((bytes[at + 2] as number) << 16);
      last = (header & 1) !== 0;
      const kind = (header >> 1) & 3;
      if (kind === 3) return undefined;
      // A run-length block holds one byte, however long its content.
      at += 3 + (kind === 1 ? 1 : header >> 3);
    }
    if ((descriptor & 4) !== 0) at += 4;
    if (at > bytes.length) return undefined;
    frames.push({ start, end: at, content });
  }
  return frames;
}

function contentSize(view: DataView, at: number, bytes: number): number | undefined {
  switch (bytes) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
    default:
      return undefined;
  }
}
