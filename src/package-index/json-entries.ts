import { isRecord } from "./page-entry.ts";

/**
 * Finds the entries of a JSON page (PEP 691) in its text, without parsing them. A page of some megabytes lists thousands of files, of which
 * a resolution looks at a few: those are parsed where they are looked at.
 *
 * Pages are written by programs, in one of two ways: without white space, or with a space after each comma and colon. A page that
 * is not like that, or has anything in it by which it could be misread, is left to who parses it whole.
 */

interface Style {
  filesKey: string;
  /** Up to the name's first letter. */
  nameKey: string;
  /** Between two entries. */
  separator: string;
}

const STYLES: readonly Style[] = [
  { filesKey: '"files": [{', nameKey: '"filename": "', separator: "}, {" },
  { filesKey: '"files":[{', nameKey: '"filename":"', separator: "},{" },
];

const COMMA = 44;
const BRACKET = 93;

/**
 * Calls `found` for each entry, in the page's order, with where it starts and ends in the text. Returns what the page says besides, with an
 * empty list of files; `undefined` for a page that has to be parsed whole, whatever was found until then.
 */
export function scanEntries(
  text: string,
  found: (filename: string, start: number, end: number) => void,
): Record<string, unknown> | undefined {
  let style: Style | undefined;
  let list = -1;
  for (const one of STYLES) {
    list = text.indexOf(one.filesKey);
    style = one;
    if (list >= 0) break;
  }
  if (style === undefined || list < 0) return undefined;
  const { nameKey, separator, filesKey } = style;
  const first = list + filesKey.length - 1;
  const gap = separator.length - 2;
  let start = first;
  while (true) {
    // Keys are usually sorted: the name comes first, or after what PEP 714 adds.
    let nameAt = start + 1;
    if (!text.startsWith(nameKey, nameAt)) {
      nameAt = text.indexOf(nameKey, nameAt);
      if (nameAt < 0 || text.slice(start, nameAt).includes(separator)) return undefined;
    }
    nameAt += nameKey.length;
    const nameEnd = text.indexOf('"', nameAt);
    if (nameEnd < 0) return undefined;
    const filename = text.slice(nameAt, nameEnd);
    if (filename.includes("\\")) return undefined;
    // An entry ends at a brace that another follows, or the end of the list; those within it are followed by something else.
    let end = nameEnd;
    let next: number;
    do {
      end = text.indexOf("}", end) + 1;
      if (end === 0) return undefined;
      next = text.charCodeAt(end);
    } while (next !== BRACKET && !(next === COMMA && text.startsWith(separator, end - 1)));
    found(filename, start, end);
    if (next === BRACKET) return frameOf(text, first, end);
    start = end + gap;
  }
}

/** The page without its files. Where an entry has lists of its own, this is not JSON, or has files. */
function frameOf(text: string, first: number, end: number): Record<string, unknown> | undefined {
  let frame: unknown;
  try {
    frame = JSON.parse(text.slice(0, first) + text.slice(end));
  } catch {
    return undefined;
  }
  if (!isRecord(frame)) return undefined;
  const { files } = frame;
  return Array.isArray(files) && files.length === 0 ? frame : undefined;
}
