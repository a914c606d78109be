/** `dx-py drv rebuild` */
import { buildBehind, derivationNamed, type NamingContext } from "../../environment/derivations-named.ts";
import { describedLayouts } from "../../environment/described-layouts.ts";
import { Failure } from "../../platform/errors.ts";
import { whileBuilding } from "../../project/while-building.ts";
import { type RebuildRequest, type Rebuilt, rebuild } from "../../realise/build/rebuild.ts";
import { actContext } from "../act-reporting.ts";
import { settingFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { SHOWN } from "../derivation-words.ts";
import type { DrvRebuildFlags } from "../flags/provenance-flags.ts";
import { namingContext } from "../naming.ts";
import { perform } from "../perform.ts";
import { count, formatDuration } from "../reporter/amounts.ts";
import { fileLines } from "./drv-diff.ts";

/** Exit code 1 when something came out otherwise. */
export async function drvRebuild(this: CliContext, flags: DrvRebuildFlags, ...what: string[]): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter, start } = session;
    if (what.length === 0) {
      throw new Failure("DXPY_USAGE", "Nothing is named that could be built again", {
        hint: "`dx-py drv rebuild --check PACKAGE…`",
        exitCode: 2,
      });
    }
    const context = await actContext(session);
    const naming = namingContext(session);
    const results: (Rebuilt & { what: string; buildHash: string })[] = [];
    for (const one of what) {
      const request = requestFor(one, naming);
      const { name, version, python } = request.build.derivation;
      const rebuilt = await whileBuilding(
        { start, flags: settingFlags(flags), context, python: flags.python ?? python.version },
        (realising) => rebuild(request, realising),
      );
      reporter.settle();
      results.push({ what: one, buildHash: request.build.buildHash, ...rebuilt });
      const { same, files, before, after, milliseconds } = rebuilt;
      const took = reporter.paint.dim(`(${formatDuration(milliseconds)})`);
      reporter.result(
        same
          ? `${reporter.paint.green("the same")} ${name} ${version} ${before.slice(0, SHOWN)} ${took}`
          : [
              `${reporter.paint.red("differs")} ${name} ${version} ${before.slice(0, SHOWN)} ${after.slice(0, SHOWN)} ${took}`,
              ...files.flatMap(fileLines).map((line) => `  ${line}`),
            ].join("\n"),
      );
    }
    const different = results.filter(({ same }) => !same).length;
    reporter.note(`${count(results.length, "package")} built again, ${different} otherwise`);
    reporter.json(results);
    return different > 0 ? 1 : 0;
  });
}

/** Failure DXPY_NOT_BUILT for what came as a wheel. */
function requestFor(what: string, naming: NamingContext): RebuildRequest {
  const { store } = naming;
  const found = derivationNamed(what, naming);
  const build = buildBehind(found, store);
  const { derivation } = found;
  if (derivation.kind !== "package" || !("build" in derivation) || build?.derivation.kind !== "build") {
    throw new Failure("DXPY_NOT_BUILT", `${what} was not built here`, {
      hint: "`dx-py drv show` says where it came from. `--no-binary-package` builds a package although it has a wheel.",
    });
  }
  const folder = folderOf(found.output, naming);
  return {
    asked: { ...found, derivation },
    build: { ...build, derivation: build.derivation },
    ...(folder === undefined ? {} : { folder }),
  };
}

/** The derivation of a folder knows its content only; environments say where it was (PEP 610). */
function folderOf(output: string | undefined, { home }: NamingContext): string | undefined {
  for (const { description } of describedLayouts(home)) {
    for (const { outputHash, directUrl } of description?.packages ?? []) {
      if (outputHash !== output || directUrl === undefined) continue;
      const { url, dir_info: isFolder } = JSON.parse(directUrl) as { url?: string; dir_info?: object };
      if (isFolder !== undefined && url?.startsWith("file:")) return Bun.fileURLToPath(url);
    }
  }
  return undefined;
}
