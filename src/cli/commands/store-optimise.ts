/** `dx-py store optimise` */
import { optimiseStore } from "../../store/optimise.ts";
import { whileInstalling } from "../../store/store-lock.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { perform } from "../perform.ts";
import { count, formatBytes } from "../reporter/amounts.ts";

export async function storeOptimise(this: CliContext, flags: GeneralFlags): Promise<void> {
  await perform(this, flags, async ({ reporter }) => {
    const result = await whileInstalling(this.home, () => optimiseStore(this.home));
    reporter.note(
      `Linked ${count(result.linked, "file")} of ${result.files} in ${count(result.objects, "package")}: ${formatBytes(result.saved)} saved`,
    );
    if (result.damaged > 0) {
      reporter.warn(`${count(result.damaged, "file")} are damaged: run \`dx-py store verify --repair\``);
    }
    reporter.json(result);
  });
}
