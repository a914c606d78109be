/**
 * Makes an sdist's archive the same each time: backends put the moment, the user and the mode bits of the day into it. The files
 * and their order stay; of a file that is in it twice (PKG-INFO, where a backend packs an unpacked sdist), the last, as tar has it.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { Failure } from "../../platform/errors.ts";

const BLOCK = 512;
/** More than this is no source distribution, in bytes. */
const limit = 2 * 1024 * 1024 * 1024;

/** `time` in seconds since the epoch. Failure DXPY_BAD_SDIST for an archive that cannot be read. */
export function plainSdist(archive: Uint8Array, time: number): Uint8Array {
  let tar: Buffer;
  try {
    tar = gunzipSync(archive, { maxOutputLength: limit });
  } catch (cause) {
    throw new Failure("DXPY_BAD_SDIST", "The backend's sdist is not a gzip archive", { cause });
  }
  const kept: Uint8Array[][] = [];
  const places = new Map<string, number>();
  let extended: Uint8Array[] = [];
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const header = tar.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const size = octal(header, 124, 12);
    const end = at + BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (!Number.isSafeInteger(size) || end > tar.length) {
      throw new Failure("DXPY_BAD_SDIST", "The backend's sdist is cut short");
    }
    const type = String.fromCharCode(header[156]!);
    if (type === "x" || type === "g") {
      const records = plainRecords(tar.subarray(at + BLOCK, at + BLOCK + size));
      if (records.length > 0) extended.push(plainHeader(header, time, records.length), padded(records));
    } else if (type === "L" || type === "K") {
      extended.push(plainHeader(header, time), tar.subarray(at + BLOCK, end));
    } else {
      const path = extended.length === 0 ? pathIn(header) : undefined;
      const before = path === undefined ? undefined : places.get(path);
      if (before !== undefined) kept[before] = [];
      if (path !== undefined) places.set(path, kept.length);
      kept.push([...extended, plainHeader(header, time), tar.subarray(at + BLOCK, end)]);
      extended = [];
    }
    at = end;
  }
  kept.push(extended, [new Uint8Array(2 * BLOCK)]);
  const packed = gzipSync(Buffer.concat(kept.flat()), { level: 9 });
  // The system that packed it, by RFC 1952: unknown, wherever it was.
  packed[9] = 255;
  return packed;
}

/** ustar: the name, behind the prefix at 345. */
function pathIn(header: Uint8Array): string {
  const text = (at: number, length: number) =>
    new TextDecoder("latin1").decode(header.subarray(at, at + length)).replace(/\0.*$/s, "");
  const ustar = text(257, 6).trim() === "ustar";
  const prefix = ustar && header[262] === 0 ? text(345, 155) : "";
  return prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`;
}

/** ustar: mode at 100, uid 108, gid 116, size 124, mtime 136, checksum 148, names of user and group 265 and 297. */
function plainHeader(from: Uint8Array, time: number, size?: number): Uint8Array {
  const header = new Uint8Array(from);
  const type = String.fromCharCode(header[156]!);
  const executable = type === "5" || (octal(header, 100, 8) & 0o100) !== 0;
  put(header, 100, 8, executable ? 0o755 : 0o644);
  put(header, 108, 8, 0);
  put(header, 116, 8, 0);
  if (size !== undefined) put(header, 124, 12, size);
  put(header, 136, 12, time);
  header.fill(0, 265, 329);
  header.fill(32, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return header;
}

/** PAX records (`length key=value\n`) without those that say when and by whom. */
function plainRecords(bytes: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const length = Number(new TextDecoder().decode(bytes.subarray(at, space)));
    if (space === -1 || !Number.isInteger(length) || length <= space - at || at + length > bytes.length) {
      throw new Failure("DXPY_BAD_SDIST", "The backend's sdist has a broken extended header");
    }
    const record = bytes.subarray(at, at + length);
    const key = new TextDecoder().decode(bytes.subarray(space + 1, bytes.indexOf(61, space)));
    if (!/^([amc]time|uid|gid|uname|gname)$/.test(key)) kept.push(record);
    at += length;
  }
  return Buffer.concat(kept);
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / BLOCK) * BLOCK);
  whole.set(bytes);
  return whole;
}

function octal(header: Uint8Array, at: number, length: number): number {
  const text = new TextDecoder()
    .decode(header.subarray(at, at + length))
    .replace(/[\0 ]+$/, "")
    .trim();
  return text === "" ? 0 : /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

function put(header: Uint8Array, at: number, length: number, value: number): void {
  header.set(new TextEncoder().encode(`${value.toString(8).padStart(length - 1, "0")}\0`), at);
}
