import { deflateRawSync } from "node:zlib";

/** Zip files byte by byte, with every field open to a lie: for tests of what a reader must refuse. */
export interface CraftedEntry {
  name: string | Uint8Array;
  content?: string | Uint8Array;
  method?: number;
  flags?: number;
  /** Written in both headers instead of the truth. */
  crc?: number;
  size?: number;
  compressedSize?: number;
  /** Instead of the deflated content. */
  raw?: Uint8Array;
  /** The upper half of the external attributes. Default: a regular file, 0644. */
  attributes?: number;
  extra?: Uint8Array;
  localExtra?: Uint8Array;
  /** The local header differs in these. */
  local?: {
    name?: string;
    method?: number;
    flags?: number;
    crc?: number;
    size?: number;
    compressedSize?: number;
  };
  /** Bytes after the data: a data descriptor, or what does not belong there. */
  after?: Uint8Array;
  /** Where the central directory says that the local header is. */
  offset?: number;
  /** Not written again: the central directory names an entry that is there already. */
  onlyCentral?: boolean;
}

export interface CraftedArchive {
  prefix?: Uint8Array;
  suffix?: Uint8Array;
  comment?: Uint8Array;
  count?: number;
  directoryOffset?: number;
  directorySize?: number;
  /** Zip64 end records, with these lies. */
  zip64?: { count?: number; offset?: number; recordOffset?: number } | undefined;
  disk?: number;
}

export function craftZip(entries: readonly CraftedEntry[], archive: CraftedArchive = {}): Uint8Array {
  const parts: Uint8Array[] = [archive.prefix ?? new Uint8Array()];
  let offset = parts[0]?.length ?? 0;
  const directory: Uint8Array[] = [];
  for (const entry of entries) {
    const content = bytesOf(entry.content ?? "");
    const method = entry.method ?? 8;
    const raw = entry.raw ?? (method === 8 ? new Uint8Array(deflateRawSync(content)) : content);
    const name = bytesOf(entry.name);
    const truth = {
      flags: entry.flags ?? 0x800,
      method,
      crc: entry.crc ?? Bun.hash.crc32(content),
      compressedSize: entry.compressedSize ?? raw.length,
      size: entry.size ?? content.length,
    };
    const local = { ...truth, ...entry.local };
    const localName = entry.local?.name === undefined ? name : bytesOf(entry.local.name);
    const localExtra = entry.localExtra ?? new Uint8Array();
    const extra = entry.extra ?? new Uint8Array();
    const at = offset;
    if (!entry.onlyCentral) {
      const header = numbers(
        [4, 0x04034b50],
        [2, 20],
        [2, local.flags],
        [2, local.method],
        [4, 0x00210000],
        [4, local.crc],
        [4, local.compressedSize],
        [4, local.size],
        [2, localName.length],
        [2, localExtra.length],
      );
      const whole = Buffer.concat([header, localName, localExtra, raw, entry.after ?? new Uint8Array()]);
      parts.push(whole);
      offset += whole.length;
    }
    const central = numbers(
      [4, 0x02014b50],
      [2, 0x0314],
      [2, 20],
      [2, truth.flags],
      [2, truth.method],
      [4, 0x00210000],
      [4, truth.crc],
      [4, truth.compressedSize],
      [4, truth.size],
      [2, name.length],
      [2, extra.length],
      [2, 0],
      [2, 0],
      [2, 0],
      [4, ((entry.attributes ?? 0o100644) << 16) >>> 0],
      [4, entry.offset ?? at],
    );
    directory.push(central, name, extra);
  }
  const central = Buffer.concat(directory);
  parts.push(central);
  const comment = archive.comment ?? new Uint8Array();
  const { zip64 } = archive;
  if (zip64 !== undefined) {
    parts.push(
      numbers([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0]),
      numbers([8, zip64.count ?? entries.length], [8, zip64.count ?? entries.length]),
      numbers([8, central.length], [8, zip64.offset ?? offset]),
      numbers([4, 0x07064b50], [4, 0], [8, zip64.recordOffset ?? offset + central.length], [4, 1]),
    );
  }
  parts.push(
    numbers(
      [4, 0x06054b50],
      [2, archive.disk ?? 0],
      [2, archive.disk ?? 0],
      [2, zip64 ? 0xffff : (archive.count ?? entries.length)],
      [2, zip64 ? 0xffff : (archive.count ?? entries.length)],
      [4, archive.directorySize ?? (zip64 ? 0xffffffff : central.length)],
      [4, archive.directoryOffset ?? (zip64 ? 0xffffffff : offset)],
      [2, comment.length],
    ),
    comment,
    archive.suffix ?? new Uint8Array(),
  );
  return new Uint8Array(Buffer.concat(parts));
}

export function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}

/** Little-endian numbers of the given widths. */
export function numbers(...values: readonly (readonly [width: 2 | 4 | 8, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(values.reduce((sum, [width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of values) {
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value >>> 0, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
}
