/** The RECORD of an installed package ("Recording installed projects"): the wheel's own with what installing adds. */
import { Failure } from "../platform/errors.ts";

/** A file that installing made or moved, by its path relative to site-packages. */
export interface AddedFile {
  path: string;
  /** Absent: it differs between prefixes that share the RECORD, and is listed without hash and size. */
  content?: string | Uint8Array;
}

export interface RecordPlaces {
  /** "numpy-2.0.0.dist-info" */
  distInfo: string;
  /** From site-packages to the prefix: `../../../`. */
  toPrefix: string;
  /** Of scripts, relative to the prefix: `bin`. */
  scripts: string;
  /** Of this package's headers, relative to the prefix: `include/site/python3.12/greenlet`. */
  headers: string;
}

/** A line of RECORD for a file with this content. */
export function recordLine(path: string, content?: string | Uint8Array): string {
  if (content === undefined) return `${quoted(path)},,\n`;
  const hasher = new Bun.CryptoHasher("sha256");
  hasher.update(content);
  const digest = hasher.digest("base64url");
  const size = typeof content === "string" ? new TextEncoder().encode(content).length : content.length;
  return `${quoted(path)},sha256=${digest},${size}\n`;
}

/**
 * The wheel's RECORD as the installed package's: entries of the `.data` folder are where they were put, scripts that were
 * rewritten have their new hash, and `added` is at the end. `plain` says that there is nothing in it to move.
 */
export function installedRecord(
  wheelRecord: string,
  places: RecordPlaces,
  added: readonly AddedFile[],
  plain: boolean,
): string {
  const lines: string[] = [];
  const own = new Set(added.map((file) => file.path));
  const replaced = (path: string) => own.has(path);
  let text = wheelRecord.endsWith("\n") || wheelRecord === "" ? wheelRecord : `${wheelRecord}\n`;
  if (!plain || added.some((file) => text.includes(file.path))) {
    text = "";
    for (const row of wheelRecord.split(/\r?\n/)) {
      if (row === "") continue;
      const { path, rest } = splitRow(row);
      const moved = movedPath(path, places);
      if (moved !== undefined && !replaced(moved)) lines.push(`${quoted(moved)}${rest}\n`);
    }
    text = lines.join("");
  }
  return text + added.map((file) => recordLine(file.path, file.content)).join("");
}

/** Where a path of the wheel is once installed; `undefined` for signatures, which do not hold for the new RECORD. */
function movedPath(path: string, places: RecordPlaces): string | undefined {
  if (/\.dist-info\/RECORD\.(jws|p7s)$/.test(path)) return undefined;
  const data = /^[^/]+\.data\/(purelib|platlib|scripts|data|headers)\/(.+)$/.exec(path);
  if (data === null || !path.startsWith(`${places.distInfo.replace(/\.dist-info$/, "")}.data/`)) return path;
  const [, scheme, rest] = data as unknown as [string, string, string];
  switch (scheme) {
    case "scripts":
      return `${places.toPrefix}${places.scripts}/${rest}`;
    case "data":
      return `${places.toPrefix}${rest}`;
    case "headers":
      return `${places.toPrefix}${places.headers}/${rest}`;
    default:
      return rest;
  }
}

/** The first field of a CSV row, and the rest with its comma. */
function splitRow(row: string): { path: string; rest: string } {
  if (!row.startsWith('"')) {
    const comma = row.indexOf(",");
    return comma === -1 ? { path: row, rest: ",," } : { path: row.slice(0, comma), rest: row.slice(comma) };
  }
  const match = /^"((?:[^"]|"")*)"(.*)$/.exec(row);
  if (match === null) {
    throw new Failure("DXPY_BAD_RECORD", `RECORD has a row that is not CSV: ${row.slice(0, 80)}`);
  }
  return { path: match[1]!.replaceAll('""', '"'), rest: match[2] || ",," };
}

function quoted(path: string): string {
  return /[",\r\n]/.test(path) ? `"${path.replaceAll('"', '""')}"` : path;
}
