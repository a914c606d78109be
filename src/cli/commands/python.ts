/** `dx-py python list` and `dx-py python find` */
import { findInterpreter, listInterpreters } from "../../interpreters/find.ts";
import { nearestUpward } from "../../project/discover.ts";
import { readProjectFile } from "../../project/project-file.ts";
import type { CommonFlags, GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { perform } from "../perform.ts";

export async function pythonList(this: CliContext, flags: GeneralFlags): Promise<void> {
  await perform(this, flags, async ({ reporter, start }) => {
    const found = await listInterpreters({ home: this.home, env: this.env, projectDir: start });
    const width = Math.max(0, ...found.map((each) => each.version.length));
    for (const each of found) {
      const kind = each.implementation === "cpython" ? "" : ` ${each.implementation}`;
      reporter.result(
        `${each.version.padEnd(width)}${kind}${each.freeThreaded ? " free-threaded" : ""}  ${reporter.paint.dim(each.executable)}`,
      );
    }
    if (found.length === 0) reporter.note("No interpreter was found");
    reporter.json(
      found.map(({ version, executable, implementation, freeThreaded }) => ({
        version,
        executable,
        implementation,
        freeThreaded,
      })),
    );
  });
}

export async function pythonFind(this: CliContext, flags: CommonFlags, asked?: string): Promise<void> {
  await perform(this, flags, async ({ reporter, start }) => {
    const dir = nearestUpward(start);
    const file = dir === undefined ? undefined : await readProjectFile(dir);
    const python = asked ?? flags.python;
    const requiresPython = file?.metadata?.requiresPython;
    const found = await findInterpreter(
      {
        ...(python === undefined ? {} : { python }),
        ...(requiresPython === undefined || asked !== undefined ? {} : { requiresPython }),
        projectDir: dir ?? start,
      },
      { home: this.home, env: this.env },
    );
    reporter.result(found.executable);
    reporter.detail(`${found.implementation} ${found.version}`);
    reporter.json({
      version: found.version,
      executable: found.executable,
      implementation: found.implementation,
    });
  });
}
