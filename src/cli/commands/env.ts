/** `dx-py env list`, `diff`, `rollback` and `remove` */
import {
  chooseGeneration,
  comparePackages,
  generationsOf,
  type PackageChange,
  removeEnvironment,
  rollback,
  type ShownGeneration,
} from "../../environment/generations.ts";
import { listRoots } from "../../environment/roots.ts";
import { Failure } from "../../platform/errors.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { SHOWN } from "../derivation-words.ts";
import type { EnvListFlags } from "../flags/provenance-flags.ts";
import { attachedUpward } from "../naming.ts";
import { perform, type Session } from "../perform.ts";
import { count } from "../reporter/amounts.ts";
import { columns } from "../reporter/columns.ts";

export async function envList(this: CliContext, flags: EnvListFlags): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const links =
      flags.all === true
        ? listRoots(this.home)
            .map(({ link }) => link)
            .sort()
        : [await linkOf(session)];
    const found = links.map((link) => ({ link, generations: generationsOf(this.home, link) }));
    const head = [
      { title: "" },
      { title: "generation", right: true },
      { title: "attached (UTC)" },
      { title: "packages", right: true },
      { title: "python" },
      { title: "layout" },
    ];
    const text = found.flatMap(({ link, generations }) => [
      ...(flags.all === true ? [link] : []),
      ...columns(
        head,
        generations.map(({ n, time, description, layout, attached }) => [
          attached ? "*" : "",
          String(n),
          new Date(time).toISOString().slice(0, 19).replace("T", " "),
          String(description?.packages.length ?? "gone"),
          description?.interpreter.version ?? "",
          layout.slice(0, SHOWN),
        ]),
      ),
    ]);
    if (text.length > 0) reporter.result(text.join("\n"));
    const total = found.reduce((sum, { generations }) => sum + generations.length, 0);
    reporter.note(count(total, "generation"));
    reporter.json(
      found.map(({ link, generations }) => ({ link, generations: generations.map(generationJson) })),
    );
  });
}

export async function envDiff(this: CliContext, flags: GeneralFlags, a?: number, b?: number): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const link = await linkOf(session);
    const generations = generationsOf(this.home, link);
    const attached = generations.find((one) => one.attached) ?? generations.at(-1);
    const before = chooseGeneration(generations, link, a);
    const after = b === undefined ? (attached ?? before) : chooseGeneration(generations, link, b);
    const [left, right] = [before, after].map(({ n, description, path }) => {
      if (description !== undefined) return description;
      throw new Failure("DXPY_NO_GENERATION", `The environment of generation ${n} is not there any more`, {
        context: { path },
      });
    });
    const changes = comparePackages(left!.packages, right!.packages);
    const python =
      left!.interpreter.version === right!.interpreter.version
        ? []
        : [`~ python ${left!.interpreter.version} → ${right!.interpreter.version}`];
    const lines = [...python, ...changes.map(changeLine)];
    if (lines.length > 0) reporter.result(lines.join("\n"));
    reporter.note(`generation ${before.n} → ${after.n}: ${count(changes.length, "package")} changed`);
    reporter.json({ before: generationJson(before), after: generationJson(after), changes });
  });
}

export async function envRollback(this: CliContext, flags: GeneralFlags, n?: number): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const generation = rollback(this.home, await linkOf(session), n);
    reporter.note(
      `${reporter.paintNote.green("Attached")} generation ${generation.n} (${count(generation.description?.packages.length ?? 0, "package")})`,
    );
    reporter.note("hint: `dx-py install`, and `run` without `--no-sync`, go back to what the lock says");
    reporter.json(generationJson(generation));
  });
}

export async function envRemove(this: CliContext, flags: GeneralFlags): Promise<void> {
  await perform(this, flags, async (session) => {
    const link = await linkOf(session);
    const removed = removeEnvironment(this.home, link);
    session.reporter.note(
      removed ? `Removed ${link} and its generations` : `There is no environment at ${link}`,
    );
    session.reporter.json({ link, removed });
  });
}

/** The environment that is there, or that of the project. Neither is read: going back must work when a file is broken. */
async function linkOf({ start }: Session): Promise<string> {
  const attached = attachedUpward(start);
  if (attached !== undefined) return `${attached}/.venv`;
  const { discoverProject } = await import("../../project/discover.ts");
  return `${(await discoverProject(start)).root}/.venv`;
}

function generationJson({ description, ...rest }: ShownGeneration) {
  return {
    ...rest,
    packages: description?.packages.length,
    python: description?.interpreter.version,
    present: description !== undefined,
  };
}

function changeLine({ name, before, after, change }: PackageChange): string {
  switch (change) {
    case "added":
      return `+ ${name} ${after?.version}`;
    case "removed":
      return `- ${name} ${before?.version}`;
    case "version":
      return `~ ${name} ${before?.version} → ${after?.version}`;
    case "rebuilt":
      return `~ ${name} ${after?.version} (other content: ${before?.outputHash.slice(0, SHOWN)} → ${after?.outputHash.slice(0, SHOWN)})`;
    case "place":
      return `~ ${name} ${after?.version} (${before?.editable ?? "installed"} → ${after?.editable ?? "installed"})`;
  }
}
