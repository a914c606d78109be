/** `dx-py remove` */
import { removeFromProject } from "../../project/change-requirements.ts";
import { changeProject, listOf } from "../change-project.ts";
import type { CliContext } from "../context.ts";
import type { RemoveFlags } from "../flags/edit-flags.ts";
import { openProject } from "../open-project.ts";
import { perform } from "../perform.ts";

export async function remove(this: CliContext, flags: RemoveFlags, ...names: string[]): Promise<void> {
  await perform(this, flags, async (session) => {
    const opened = await openProject(session, flags);
    const list = listOf(flags);
    await changeProject(session, opened, flags, "Removed", (locking) =>
      removeFromProject(opened.project, list, names, locking),
    );
  });
}
