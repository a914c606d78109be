/** `dx-py build` */
import { resolve } from "node:path";
import { Failure } from "../../platform/errors.ts";
import type { Project } from "../../project/discover.ts";
import type { ProjectFile } from "../../project/project-file.ts";
import { whileBuilding } from "../../project/while-building.ts";
import { buildDistributions } from "../../realise/build/build-distributions.ts";
import { normalizeName } from "../../standards/names.ts";
import { actContext } from "../act-reporting.ts";
import { settingFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import type { BuildFlags } from "../flags/provenance-flags.ts";
import { perform } from "../perform.ts";
import { formatBytes } from "../reporter/amounts.ts";

export async function build(this: CliContext, flags: BuildFlags): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter, start } = session;
    const context = await actContext(session);
    const made = await whileBuilding(
      { start, flags: settingFlags(flags), context },
      async (realising, project) => {
        const file = projectNamed(project, flags.package);
        return await buildDistributions(
          {
            folder: file.dir,
            name: file.name ?? "",
            wanted: flags.wheel === flags.sdist ? "both" : flags.wheel === true ? "wheel" : "sdist",
            into: flags.outDir === undefined ? `${project.root}/dist` : resolve(this.cwd, flags.outDir),
          },
          realising,
        );
      },
    );
    reporter.settle();
    for (const { path, size, sha256 } of made) {
      reporter.result(path);
      reporter.detail(`${formatBytes(size)}, sha256 ${sha256}`);
    }
    reporter.json(made);
  });
}

function projectNamed(project: Project, wanted: string | undefined): ProjectFile {
  if (wanted === undefined) return project.current;
  const name = normalizeName(wanted);
  const found = [project.main, ...project.members].find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new Failure("DXPY_NO_MEMBER", `The workspace has no member \`${wanted}\``, {
    context: { path: project.main.document.path },
    exitCode: 2,
  });
}
