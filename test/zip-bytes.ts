import { crc32, deflateRawSync } from "node:zlib";

/** One file of a zip that a test makes. */
export interface ZipFile {
  path: string;
  bytes: Uint8Array;
  /** Unix permission bits. Default 0644. */
  mode?: number;
}

const encoder = new TextEncoder();

/** The bytes of a zip as ordinary tools write it: deflated, no data descriptors, dates of 1980. */
export function zipBytes(files: readonly ZipFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const file of files) {
    const name = encoder.encode(file.path);
    const deflated = new Uint8Array(deflateRawSync(file.bytes));
    const shared = fields([
      [2, 20],
      [2, 0x0800],
      [2, 8],
      [4, 0x00210000],
      [4, crc32(file.bytes)],
      [4, deflated.length],
      [4, file.bytes.length],
      [2, name.length],
      [2, 0],
    ]);
    const local = joinBytes([fields([[4, 0x04034b50]]), shared, name, deflated]);
    const attributes = ((0o100000 | (file.mode ?? 0o644)) << 16) >>> 0;
    const tail = fields([
      [2, 0],
      [2, 0],
      [2, 0],
      [4, attributes],
      [4, offset],
    ]);
    const head = fields([
      [4, 0x02014b50],
      [2, 0x0314],
    ]);
    directory.push(joinBytes([head, shared, tail, name]));
    parts.push(local);
    offset += local.length;
  }
  const central = joinBytes(directory);
  const end = fields([
    [4, 0x06054b50],
    [4, 0],
    [2, files.length],
    [2, files.length],
    [4, central.length],
    [4, offset],
    [2, 0],
  ]);
  return joinBytes([...parts, central, end]);
}

/** Little-endian numbers of 2 or 4 bytes. */
function fields(values: readonly (readonly [width: 2 | 4, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(values.reduce((sum, [width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of values) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value >>> 0, true);
    at += width;
  }
  return bytes;
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
