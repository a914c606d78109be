/** RECORD, the list of a distribution's installed files (recording installed projects; PEP 376, PEP 627). */
import { Failure } from "../platform/errors.ts";
import { quote } from "./caret.ts";

export interface RecordRow {
  /** Relative to the folder that holds the `.dist-info`, with `/`. */
  readonly path: string;
  readonly hash?: { readonly algorithm: string /** base64url without padding. */; readonly digest: string };
  /** Bytes. */
  readonly size?: number;
}

/** Reads the CSV. Empty lines are skipped. Failure: DXPY_BAD_RECORD with the line. */
export function parseRecord(text: string, options: { file?: string } = {}): RecordRow[] {
  const rows: RecordRow[] = [];
  for (const { cells, line } of readCsv(text, options.file)) {
    const row = cells.length === 3 ? readRow(cells) : `${cells.length} columns instead of 3`;
    if (typeof row === "string") throw badRecord(row, line, options.file);
    rows.push(row);
  }
  return rows;
}

function readRow(cells: readonly string[]): RecordRow | string {
  const [rawPath, hash, size] = cells as [string, string, string];
  if (rawPath === "") return "an empty path";
  // Old tools wrote the separators of Windows.
  const path = rawPath.replaceAll("\\", "/");
  const equals = hash.indexOf("=");
  if (hash !== "" && equals < 1) return `${quote(hash)} is not a hash like \`sha256=…\``;
  if (!/^[0-9]{0,15}$/.test(size)) return `${quote(size)} is not a size`;
  return {
    path,
    ...(hash === ""
      ? undefined
      : { hash: { algorithm: hash.slice(0, equals), digest: hash.slice(equals + 1) } }),
    ...(size === "" ? undefined : { size: Number(size) }),
  };
}

const UNQUOTED = /[^,\r\n]*/y;

interface CsvRow {
  cells: string[];
  line: number;
}

/** Python's `csv.reader` with its defaults; empty lines give no row. */
function* readCsv(text: string, file: string | undefined): Generator<CsvRow> {
  let at = 0;
  for (let line = 1; at < text.length; ) {
    const cells: string[] = [];
    const start = line;
    for (let more = true; more; ) {
      let cell = "";
      if (text[at] === '"') {
        for (at++; ; at++) {
          const close = text.indexOf('"', at);
          if (close === -1) throw badRecord("a quote is not closed", start, file);
          const part = text.slice(at, close);
          line += countLines(part);
          cell += part;
          at = close + 1;
          if (text[at] !== '"') break;
          cell += '"';
        }
      }
      UNQUOTED.lastIndex = at;
      cell += UNQUOTED.exec(text)![0];
      at = UNQUOTED.lastIndex;
      cells.push(cell);
      more = text[at] === ",";
      if (more) at++;
    }
    at += text.startsWith("\r\n", at) ? 2 : 1;
    line++;
    if (cells.length > 1 || cells[0] !== "") yield { cells, line: start };
  }
}

function countLines(text: string): number {
  return text.split(/\r\n|\r|\n/).length - 1;
}

function badRecord(message: string, line: number, file: string | undefined): Failure {
  return new Failure("DXPY_BAD_RECORD", `${file ?? "RECORD"}, line ${line}: ${message}`, {
    context: file === undefined ? { line } : { file, line },
  });
}

/** The rows as CSV in the given order, cells quoted only where they must be: what `installer` writes. */
export function formatRecord(rows: Iterable<RecordRow>): string {
  let text = "";
  for (const { path, hash, size } of rows) {
    text += `${cell(path)},${hash === undefined ? "" : cell(`${hash.algorithm}=${hash.digest}`)},${size ?? ""}\n`;
  }
  return text;
}

function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
