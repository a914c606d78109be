/** `dx-py completions SHELL` */
import { Failure } from "../../platform/errors.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { perform } from "../perform.ts";

const SHELLS = ["zsh", "bash", "fish", "powershell"];

export async function completions(this: CliContext, flags: GeneralFlags, shell: string): Promise<void> {
  await perform(this, flags, async () => {
    if (!SHELLS.includes(shell)) {
      throw new Failure("DXPY_USAGE", `There are no completions for \`${shell}\``, {
        hint: `Choose ${SHELLS.join(", ")}.`,
        exitCode: 2,
      });
    }
    const { RootCommand } = await import("@bomb.sh/tab");
    new RootCommand().setup("dx-py", "dx-py", shell);
  });
}
