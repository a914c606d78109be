/** `dx-py cache prune` */
import { type Pruned, pruneHome } from "../../environment/prune.ts";
import { Failure } from "../../platform/errors.ts";
import { systemStoreBelow } from "../../store/system-store.ts";
import type { CliContext } from "../context.ts";
import type { PruneFlags } from "../flags/cache-flags.ts";
import { perform } from "../perform.ts";
import { count, formatBytes } from "../reporter/amounts.ts";
import { columns } from "../reporter/columns.ts";
import type { Reporter } from "../reporter/reporter.ts";

export async function cachePrune(this: CliContext, flags: PruneFlags): Promise<void> {
  await perform(this, flags, async ({ reporter }) => {
    const { keepDays } = flags;
    if (keepDays !== undefined && !(keepDays >= 0)) {
      throw new Failure("DXPY_USAGE", "`--keep-days` is a number of days, 0 or more", { exitCode: 2 });
    }
    const system = systemStoreBelow(this.home, this.env);
    const pruned = await pruneHome({
      home: this.home,
      dryRun: flags.dryRun ?? false,
      ...(keepDays === undefined ? {} : { keepDays }),
      ...(flags.maxSize === undefined ? {} : { maxSize: sizeOf(flags.maxSize) }),
      ...(system === undefined ? {} : { system }),
    });
    sayPruned(reporter, pruned, flags.dryRun ?? false);
  });
}

export function sayPruned(reporter: Reporter, pruned: Pruned, dryRun: boolean): void {
  const { items, bytes, left, gone, kept } = pruned;
  const rows = items.map(({ kind, name, hash, bytes: size, made, why }) => [
    kind,
    name,
    hash.slice(0, 12),
    formatBytes(size),
    age(made),
    why,
  ]);
  const head = [
    { title: "kind" },
    { title: "name" },
    { title: "hash" },
    { title: "size", right: true },
    { title: "age", right: true },
    { title: "why" },
  ];
  if (dryRun) for (const line of columns(head, rows)) reporter.result(line);
  else for (const line of columns(head, rows)) reporter.detail(line);
  for (const { link, since } of gone) {
    reporter.note(`${link} is not there any more (noticed ${age(since)} ago): moved, or deleted`);
  }
  const packages = items.filter(({ kind }) => kind === "package").length;
  const layouts = items.filter(({ kind }) => kind === "layout").length;
  reporter.note(
    `${dryRun ? "Would remove" : "Removed"} ${count(packages, "package")} and ${count(layouts, "layout")}: ${formatBytes(bytes)}; ` +
      `${kept.packages} and ${kept.layouts} stay (${formatBytes(left)})`,
  );
  reporter.json({ dryRun, ...pruned });
}

function age(time: number): string {
  const days = (Date.now() - time) / 86_400_000;
  return days >= 1 ? `${Math.floor(days)} d` : `${Math.max(0, Math.floor(days * 24))} h`;
}

/** `10GB`, `500 MB`, `1.5GiB`, or bytes. Failure `DXPY_USAGE`. */
export function sizeOf(text: string): number {
  const match = /^([\d.]{1,15})\s*([kmgt]?)(i?)b?$/i.exec(text.trim());
  const number = Number(match?.[1]);
  if (match === null || !Number.isFinite(number)) {
    throw new Failure("DXPY_USAGE", `\`${text.slice(0, 40)}\` is not a size`, {
      hint: "Write it as 10GB, 500MB or 2GiB.",
      exitCode: 2,
    });
  }
  const power = ["", "k", "m", "g", "t"].indexOf((match[2] ?? "").toLowerCase());
  return Math.round(number * (match[3] === "" ? 1000 : 1024) ** power);
}
