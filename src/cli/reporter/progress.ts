/** Live lines on a terminal: one for the phase, one for each thing that is on its way. */
import { formatBytes } from "./amounts.ts";
import type { Palette } from "./terminal.ts";

export interface ProgressBoard {
  /** What is being done: `Resolving`, with a count or a name. */
  phase(text: string): void;
  /** A bar: bytes so far and in all (unknown: only the bytes). */
  bar(id: string, done: number, total: number | undefined): void;
  /** A line without a bar (a build). */
  line(id: string, text: string): void;
  remove(id: string): void;
  clear(): void;
}

const MOST_LINES = 8;
const FRAME_MILLISECONDS = 80;
const WIDTH = 24;

export async function createProgressBoard(paint: Palette): Promise<ProgressBoard> {
  const { createLogUpdate } = await import("log-update");
  const draw = createLogUpdate(process.stderr);
  const items = new Map<string, { text?: string; done: number; total?: number | undefined }>();
  let phase = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let shown = false;

  const frame = () => {
    timer = undefined;
    const lines = phase === "" ? [] : [paint.cyan(phase)];
    const rows = [...items];
    for (const [id, item] of rows.slice(0, MOST_LINES)) lines.push(row(id, item, paint));
    if (rows.length > MOST_LINES) lines.push(paint.dim(`  … and ${rows.length - MOST_LINES} more`));
    if (lines.length > 0) draw(lines.join("\n"));
    shown = lines.length > 0;
  };
  const later = () => {
    timer ??= setTimeout(frame, FRAME_MILLISECONDS);
  };
  return {
    phase(text) {
      phase = text;
      later();
    },
    bar(id, done, total) {
      items.set(id, { done, total });
      later();
    },
    line(id, text) {
      items.set(id, { text, done: 0 });
      later();
    },
    remove(id) {
      items.delete(id);
      later();
    },
    clear() {
      clearTimeout(timer);
      timer = undefined;
      if (shown) draw.clear();
      draw.done();
      shown = false;
    },
  };
}

function row(
  id: string,
  item: { text?: string; done: number; total?: number | undefined },
  paint: Palette,
): string {
  const name = id.length > 28 ? `${id.slice(0, 27)}…` : id.padEnd(28);
  if (item.text !== undefined) return `  ${name} ${paint.dim(item.text)}`;
  if (item.total === undefined || item.total <= 0) return `  ${name} ${formatBytes(item.done)}`;
  const full = Math.min(WIDTH, Math.round((item.done / item.total) * WIDTH));
  const bar = paint.green("━".repeat(full)) + paint.dim("─".repeat(WIDTH - full));
  return `  ${name} ${bar} ${formatBytes(item.done)}/${formatBytes(item.total)}`;
}
