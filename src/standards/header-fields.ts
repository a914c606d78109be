/** The header block of METADATA, PKG-INFO and WHEEL: e-mail headers as Python's `email` parser reads them (RFC 822, 5322). */

/** A field's name in lower case, and its value: continuation lines keep their line break and indentation. */
export type HeaderField = readonly [name: string, value: string];

export interface HeaderBlock {
  readonly fields: readonly HeaderField[];
  /** What follows the first empty line, or the first line that is no header. */
  readonly body: string;
}

const LINE = /[^\r\n]*(?:\r\n|\r|\n|$)/y;
const FIELD = /^[\x21-\x39\x3b-\x7e]*:/;

/** UTF-8, a byte order mark dropped, bytes that are not UTF-8 replaced. */
export function decodeHeaderText(data: string | Uint8Array): string {
  if (typeof data !== "string") return new TextDecoder().decode(data);
  return data.charCodeAt(0) === 0xfeff ? data.slice(1) : data;
}

/** Reads the fields and nothing of the body; never fails, whatever the text. */
export function readHeaderBlock(text: string): HeaderBlock {
  const fields: [string, string][] = [];
  let current: { name: string; lines: string[] } | undefined;
  const close = () => {
    if (current !== undefined) fields.push([current.name, current.lines.join("").replace(/[\r\n]+$/, "")]);
    current = undefined;
  };
  let at = 0;
  while (at < text.length) {
    LINE.lastIndex = at;
    const line = LINE.exec(text)![0];
    const code = line.charCodeAt(0);
    if (code === 0x20 || code === 0x09) {
      // A continuation of nothing is dropped.
      current?.lines.push(line);
      at += line.length;
      continue;
    }
    // The separator of mailboxes is stepped over.
    if (!FIELD.test(line) && !line.startsWith("From ")) break;
    close();
    at += line.length;
    const colon = line.indexOf(":");
    if (colon < 1 || line.startsWith("From ")) continue;
    current = {
      name: line.slice(0, colon).toLowerCase(),
      lines: [line.slice(colon + 1).replace(/^[ \t]+/, "")],
    };
  }
  close();
  return { fields, body: text.slice(at).replace(/^(?:\r\n|\r|\n)/, "") };
}

/** A value on one line: line breaks and the indentation after them become one space. */
export function unfold(value: string): string {
  return value.replace(/[ \t]*(?:\r\n|\r|\n)[ \t]*/g, " ").trim();
}

export function firstField(block: HeaderBlock, name: string): string | undefined {
  const found = block.fields.find((field) => field[0] === name);
  return found === undefined ? undefined : unfold(found[1]);
}

export function allFields(block: HeaderBlock, name: string): string[] {
  return block.fields.filter((field) => field[0] === name).map((field) => unfold(field[1]));
}
