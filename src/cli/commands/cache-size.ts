/** `dx-py cache size` */
import { projectUsage } from "../../environment/usage.ts";
import { type CountedFiles, diskUsage } from "../../platform/disk-usage.ts";
import { names } from "../../store/store-level.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { perform } from "../perform.ts";
import { formatBytes } from "../reporter/amounts.ts";
import { columns } from "../reporter/columns.ts";

export async function cacheSize(this: CliContext, flags: GeneralFlags): Promise<void> {
  await perform(this, flags, async ({ reporter }) => {
    const { home } = this;
    // One memory for all: a content with many names counts where it is met first, so that the sum is true.
    const counted: CountedFiles = new Set();
    const inStore = (wanted: (name: string) => boolean) =>
      names(home.store)
        .filter(wanted)
        .reduce((sum, name) => sum + diskUsage(`${home.store}/${name}`, counted), 0);
    const packages = inStore((name) => /^[0-9a-f]{2}$/.test(name));
    const derivations = inStore((name) => name.startsWith("drv"));
    const logs = inStore((name) => name === "log");
    const links = inStore((name) => name === "links");
    const layouts = diskUsage(home.layouts, counted);
    const index = diskUsage(home.index, counted);
    const served = diskUsage(`${home.root}/served`, counted);
    const tmp = diskUsage(home.tmp, counted);
    const kinds = { layouts, packages, derivations, logs, links, index, served, tmp };
    const store = packages + derivations + logs + links;
    const total = store + layouts + index + served + tmp;
    const projects = projectUsage(home);
    for (const [name, size] of Object.entries(kinds)) {
      if (size > 0 || name === "layouts" || name === "packages") {
        reporter.result(`${name.padEnd(11)} ${formatBytes(size)}`);
      }
    }
    reporter.result(`${"total".padEnd(11)} ${formatBytes(total)}`);
    const rows = projects.map((one) => [formatBytes(one.bytes), formatBytes(one.alone), one.link]);
    const head = [{ title: "size", right: true }, { title: "alone", right: true }, { title: "project" }];
    for (const line of columns(head, rows)) reporter.result(line);
    reporter.json({ ...kinds, store, total, projects });
  });
}
