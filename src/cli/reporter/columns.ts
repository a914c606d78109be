/** A table as lines of text: columns as wide as their widest cell, the last one as it comes. */
export interface Column {
  title: string;
  /** Numbers stand to the right. */
  right?: boolean;
}

export function columns(head: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const titles = head.map(({ title }) => title);
  const widths = head.map((_, i) =>
    Math.max(...[titles, ...rows].map((row) => Bun.stringWidth(row[i] ?? ""))),
  );
  const line = (row: readonly string[]) =>
    head
      .map(({ right }, i) => {
        const cell = row[i] ?? "";
        const gap = " ".repeat((widths[i] ?? 0) - Bun.stringWidth(cell));
        return right === true ? gap + cell : i === head.length - 1 ? cell : cell + gap;
      })
      .join("  ")
      .trimEnd();
  return rows.length === 0 ? [] : [titles, ...rows].map(line);
}
