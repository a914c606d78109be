/** What the benches have in common: tables of aligned text, medians, the bytes that an answer depends on. */
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";

export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  for (const row of rows)
    console.log(
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
    );
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** Microseconds of one call: the median of `rounds` rounds of `repeats` calls. */
export function microseconds(act: (i: number) => unknown, repeats: number, rounds = 15): number {
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    for (let i = 0; i < repeats; i += 1) act(i);
    return performance.now() - start;
  });
  return (median(times) / repeats) * 1000;
}

/** Reads a file once, so that every measurement finds it in the page cache. */
export function readOnce(path: string): void {
  const file = openSync(path, "r");
  const buffer = new Uint8Array(1 << 16);
  while (readSync(file, buffer, 0, buffer.length, null) > 0);
  closeSync(file);
}

/**
 * How many bytes an answer depends on: blocks are inverted and, where that changes the answer or makes it an error, halved down
 * to single bytes. What is not found so was not looked at.
 */
export function bytesTouched(bytes: Uint8Array, ask: () => unknown): number {
  const right = JSON.stringify(ask());
  const matters = (from: number, to: number): boolean => {
    invert(bytes, from, to);
    try {
      return JSON.stringify(ask()) !== right;
    } catch {
      return true;
    } finally {
      invert(bytes, from, to);
    }
  };
  const count = (from: number, to: number): number => {
    if (!matters(from, to)) return 0;
    if (to - from === 1) return 1;
    const middle = (from + to) >> 1;
    return count(from, middle) + count(middle, to);
  };
  return count(0, bytes.length);
}

function invert(bytes: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to; at += 1) bytes[at] = (bytes[at] as number) ^ 0xff;
}

/** The text of a page between `<!-- mark -->` and `<!-- /mark -->` is the bench's own. */
export function replaceBetweenMarks(path: string, mark: string, text: string): void {
  const [open, close] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const before = readFileSync(path, "utf8");
  const from = before.indexOf(open);
  const to = before.indexOf(close);
  if (from < 0 || to < from) throw new Error(`${path} has no place for the table: ${open} … ${close}`);
  writeFileSync(path, `${before.slice(0, from + open.length)}\n${text}\n${before.slice(to)}`);
}
