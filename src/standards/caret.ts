/** How much of the quoted input is shown on each side of the place, in UTF-16 units. */
const CONTEXT = 60;

/**
 * Two lines that quote `source` and mark `start` to `end` (UTF-16 offsets) below it, for `FailureContext.detail`:
 * `name >= 1.0 foo` over `     ~~~~~~~^`. Long inputs are cut around the place; control characters become spaces.
 */
export function caretDetail(source: string, start: number, end: number = start): string {
  const last = Math.max(start, Math.min(end, start + CONTEXT));
  const from = start > CONTEXT ? start - CONTEXT : 0;
  const to = Math.min(source.length, last + CONTEXT);
  const head = from > 0 ? "…" : "";
  const tail = to < source.length ? "…" : "";
  const shown = head + printable(source.slice(from, to)) + tail;
  const mark = " ".repeat(head.length + start - from) + "~".repeat(last - start);
  return `${shown}\n${mark}^`;
}

/** A short quotation of foreign text for the middle of a message: control characters become spaces, long text is cut. */
export function quote(text: string): string {
  const short = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return `\`${printable(short)}\``;
}

function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, " ");
}
