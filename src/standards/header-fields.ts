/** The header block of METADATA, PKG-INFO and WHEEL: e-mail headers as Python's `email` parser reads them (RFC 822, 5322). */

/** A field's name in lower case, and its value: continuation lines keep their line break and indentation. */
export type HeaderField = readonly [name: string, value: string];

export interface HeaderBlock {
  readonly fields: readonly HeaderField[];
  /** What follows the first empty line, or the first line that is no header. */
  readonly body: string;
}

/** The offset of the colon that ends a field's name, `undefined` when the line is no field. */
function fieldColon(text: string, at: number): number | undefined {
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3a) return i;
    if (code < 0x21 || code > 0x7e) return undefined;
  }
  return undefined;
}

/** UTF-8, a byte order mark dropped, bytes that are not UTF-8 replaced. */
export function decodeHeaderText(data: string | Uint8Array): string {
  if (typeof data !== "string") return new TextDecoder().decode(data);
  return data.charCodeAt(0) === 0xfeff ? data.slice(1) : data;
}

/** As `decodeHeaderText`, the text cut before the body where an empty line shows where that begins. */
export function decodeHeadOnly(data: string | Uint8Array): string {
  if (typeof data === "string") return decodeHeaderText(data);
  for (let at = data.indexOf(0x0a); at !== -1; at = data.indexOf(0x0a, at + 1)) {
    if (data[at + 1] === 0x0a || (data[at + 1] === 0x0d && data[at + 2] === 0x0a)) {
      return decodeHeaderText(data.subarray(0, at + 1));
    }
  }
  return decodeHeaderText(data);
}

/** Reads the fields and nothing of the body; never fails, whatever the text. */
export function readHeaderBlock(text: string): HeaderBlock {
  const fields: [string, string][] = [];
  let inField = false;
  let at = 0;
  // Lines end with `\n`, `\r\n` or `\r`. Each of the two is looked for once until it is passed, not for every line.
  let feed = -1;
  let carriage = -1;
  while (at < text.length) {
    if (feed < at) feed = indexOrEnd(text, "\n", at);
    if (carriage < at) carriage = indexOrEnd(text, "\r", at);
    const end = Math.min(text.length, carriage < feed - 1 ? carriage + 1 : feed + 1);
    const code = text.charCodeAt(at);
    if (code === 0x20 || code === 0x09) {
      // A continuation of nothing is dropped.
      if (inField) fields.at(-1)![1] += text.slice(at, end);
      at = end;
      continue;
    }
    const colon = fieldColon(text, at);
    // The separator of mailboxes is stepped over, and so is a field without a name.
    inField = colon !== undefined && colon > at;
    if (colon === undefined && !text.startsWith("From ", at)) break;
    if (inField)
      fields.push([text.slice(at, colon).toLowerCase(), withoutIndent(text.slice(colon! + 1, end))]);
    at = end;
  }
  for (const field of fields) field[1] = withoutLineEnd(field[1]);
  return { fields, body: text.slice(at).replace(/^(?:\r\n|\r|\n)/, "") };
}

function indexOrEnd(text: string, character: string, at: number): number {
  const index = text.indexOf(character, at);
  return index === -1 ? text.length : index;
}

function withoutIndent(value: string): string {
  let start = 0;
  while (value[start] === " " || value[start] === "\t") start++;
  return value.slice(start);
}

function withoutLineEnd(value: string): string {
  let end = value.length;
  while (value[end - 1] === "\n" || value[end - 1] === "\r") end--;
  return value.slice(0, end);
}

/** A value on one line: line breaks and the indentation after them become one space. */
export function unfold(value: string): string {
  if (!value.includes("\n") && !value.includes("\r")) return value.trim();
  const lines = value.split(/\r\n|\r|\n/).map((line) => line.trim());
  return lines.join(" ").trim();
}

export function firstField(block: HeaderBlock, name: string): string | undefined {
  const found = block.fields.find((field) => field[0] === name);
  return found === undefined ? undefined : unfold(found[1]);
}

export function allFields(block: HeaderBlock, name: string): string[] {
  return block.fields.filter((field) => field[0] === name).map((field) => unfold(field[1]));
}
