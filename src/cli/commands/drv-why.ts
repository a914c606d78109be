/** `dx-py drv why` */
import { derivationsNamed, labelOfOutput } from "../../environment/derivations-named.ts";
import { listRoots } from "../../environment/roots.ts";
import { Failure } from "../../platform/errors.ts";
import { readLink } from "../../platform/links.ts";
import { whoHolds } from "../../realise/drv-queries.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { SHOWN } from "../derivation-words.ts";
import { namingContext } from "../naming.ts";
import { perform } from "../perform.ts";

export async function drvWhy(this: CliContext, flags: GeneralFlags, what: string): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter, context } = session;
    const { home } = context;
    const naming = namingContext(session);
    const roots = listRoots(home).map((root) => ({ ...root, attached: attachedLayout(root.link) }));
    const outputs = [...new Set(derivationsNamed(what, naming).flatMap(({ output }) => output ?? []))];
    if (outputs.length === 0) {
      throw new Failure("DXPY_NO_DERIVATION", `${what} is no package in the store`, {
        hint: "`drv why` answers for packages; `drv show` for layouts, environments and downloads.",
        exitCode: 2,
      });
    }
    const found = outputs.map((output) => {
      const held = whoHolds(output, naming.store, home);
      const layouts = held
        .filter(({ kind }) => kind === "layout")
        .map(({ buildHash, present }) => ({
          projectHash: buildHash,
          present: present === true,
          roots: roots.flatMap(({ link, generations, attached }) => {
            const of = generations.filter(({ layout }) => layout === buildHash).map(({ n }) => n);
            return of.length === 0 && attached !== buildHash
              ? []
              : [{ link, attached: attached === buildHash, generations: of }];
          }),
        }));
      const builds = held.filter(({ kind }) => kind === "build");
      return { output, label: labelOfOutput(output, naming.store), layouts, builds };
    });
    reporter.result(
      found
        .flatMap(({ output, label, layouts, builds }) => [
          `${label} ${reporter.paint.dim(output.slice(0, SHOWN))}`,
          ...layouts.flatMap(({ projectHash, present, roots: by }) => [
            `  layout ${projectHash.slice(0, SHOWN)}${present ? "" : " (not there any more)"}`,
            ...by.map(
              ({ link, attached, generations }) =>
                `    ${link}${attached ? ": attached" : ""}${generations.length > 0 ? `${attached ? "," : ":"} generation ${generations.join(", ")}` : ""}`,
            ),
            ...(by.length === 0 ? ["    no project: a build environment, or one that is gone"] : []),
          ]),
          ...builds.map(({ what: made, buildHash }) => `  build of ${made} ${buildHash.slice(0, SHOWN)}`),
          ...(layouts.length + builds.length === 0 ? ["  nothing: it may be collected"] : []),
        ])
        .join("\n"),
    );
    reporter.json(found);
  });
}

function attachedLayout(link: string): string | undefined {
  const target = readLink(link);
  return typeof target === "string" ? target.slice(target.lastIndexOf("/") + 1) : undefined;
}
