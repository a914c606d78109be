/** `dx-py layout ls`, `show` and `verify` */
import { statSync } from "node:fs";
import {
  checkLayout,
  type DescribedLayout,
  describedLayouts,
  layoutNamed,
  rebuildLayout,
} from "../../environment/described-layouts.ts";
import { listRoots } from "../../environment/roots.ts";
import { Failure } from "../../platform/errors.ts";
import { readLink } from "../../platform/links.ts";
import { discoverProject } from "../../project/discover.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import type { LayoutVerifyFlags } from "../flags/inspect-flags.ts";
import { perform, type Session } from "../perform.ts";
import { count } from "../reporter/amounts.ts";
import { columns } from "../reporter/columns.ts";
import { storeOf } from "./store.ts";

const SHOWN = 12;

export async function layoutLs(this: CliContext, flags: GeneralFlags): Promise<void> {
  await perform(this, flags, async ({ reporter }) => {
    const used = usersOf(this);
    const layouts = describedLayouts(this.home).map((layout) => ({
      ...layout,
      users: used.get(layout.projectHash) ?? [],
    }));
    const rows = layouts.map(({ projectHash, description, users }) => [
      projectHash.slice(0, SHOWN),
      String(description?.packages.length ?? "?"),
      description?.interpreter.version ?? "?",
      description === undefined
        ? "?"
        : new Date(description.created).toISOString().slice(0, 16).replace("T", " "),
      users.join(", "),
    ]);
    const head = [
      { title: "layout" },
      { title: "packages", right: true },
      { title: "python" },
      { title: "made (UTC)" },
      { title: "used by" },
    ];
    if (rows.length > 0) reporter.result(columns(head, rows).join("\n"));
    reporter.note(count(layouts.length, "layout"));
    reporter.json(
      layouts.map(({ projectHash, path, description, users }) => ({
        projectHash,
        path,
        packages: description?.packages.length,
        python: description?.interpreter.version,
        created: description?.created,
        usedBy: users,
      })),
    );
  });
}

export async function layoutShow(this: CliContext, flags: GeneralFlags, what?: string): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const { description, path, projectHash } = await layoutFor(session, what);
    if (description === undefined)
      throw new Failure("DXPY_BAD_LAYOUT", `${path} does not say any more what it is`, {
        context: { path },
        hint: "`dx-py layout verify --all` lists such layouts; `dx-py install` makes them again.",
      });
    const users = usersOf(this).get(projectHash) ?? [];
    const facts = [
      ["path", path],
      ["python", `${description.interpreter.version} ${description.interpreter.executable}`],
      ["made", new Date(description.created).toISOString()],
      ["links", description.linkMode],
      ["real paths", description.realPaths.join(", ")],
      ["used by", users.join(", ")],
    ].filter(([, value]) => value !== "");
    const rows = description.packages.map(({ name, version, outputHash, editable }) => [
      name,
      version,
      outputHash.slice(0, SHOWN),
      editable === undefined ? "" : `editable ${editable}`,
    ]);
    reporter.result(
      [
        `layout ${projectHash}`,
        ...facts.map(([title, value]) => `  ${title}: ${value}`),
        "",
        ...columns([{ title: "package" }, { title: "version" }, { title: "hash" }, { title: "" }], rows),
      ].join("\n"),
    );
    reporter.json({ ...description, path, usedBy: users });
  });
}

/** Exit code 1 when a layout, or a package that it links to, is not as it was made and stays so. */
export async function layoutVerify(
  this: CliContext,
  flags: LayoutVerifyFlags,
  ...wanted: string[]
): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const layouts =
      flags.all === true
        ? describedLayouts(this.home)
        : await Promise.all(
            (wanted.length === 0 ? [undefined] : wanted).map((what) => layoutFor(session, what)),
          );
    const store = storeOf(this);
    const verified = new Map<string, Promise<string[]>>();
    const faultsOf = (hash: string) => {
      const known = verified.get(hash) ?? store.verify(hash).then(({ faults }) => faults);
      verified.set(hash, known);
      return known;
    };
    const results = [];
    let lack = false;
    for (const layout of layouts) {
      const { faults, unknown, lacking, plan } = checkLayout(layout, this.home, store);
      lack ||= lacking === true;
      const damaged = [];
      for (const { object, outputHash } of [...(plan?.packages ?? []), ...(plan?.editables ?? [])]) {
        const inStore = await faultsOf(outputHash);
        if (inStore.length > 0)
          damaged.push({ name: object.name, version: object.version, outputHash, faults: inStore });
      }
      const wrong = faults.length > 0 || unknown !== undefined;
      const mend = wrong && flags.repair === true && plan !== undefined && damaged.length === 0;
      if (mend) await rebuildLayout(plan, layout.projectHash, this.home);
      results.push({ projectHash: layout.projectHash, faults, unknown, packages: damaged, repaired: mend });
      const title = `layout ${layout.projectHash.slice(0, SHOWN)}`;
      if (unknown !== undefined) reporter.result(`${reporter.paint.red("damaged")} ${title}: ${unknown}`);
      else if (wrong || damaged.length > 0) reporter.result(`${reporter.paint.red("damaged")} ${title}`);
      for (const { path, fault } of faults) reporter.result(`  ${path} is ${fault}`);
      for (const { name, version, faults: of } of damaged)
        reporter.result(
          `  ${name} ${version} is damaged in the store: ${of[0]}${of.length > 1 ? `, and ${of.length - 1} more` : ""}`,
        );
      if (mend) reporter.note(`${reporter.paintNote.green("repaired")} ${title}`);
    }
    const open = results.filter(
      ({ faults, unknown, packages, repaired }) =>
        !repaired && (faults.length > 0 || unknown !== undefined || packages.length > 0),
    );
    reporter.note(`${count(layouts.length, "layout")} verified, ${open.length} damaged`);
    if (lack || open.some(({ packages }) => packages.length > 0))
      reporter.note("hint: `dx-py store verify --repair` fetches such packages again");
    else if (open.length > 0)
      reporter.note("hint: `dx-py layout verify --repair` or `dx-py install` makes them again");
    reporter.json(results);
    return open.length > 0 ? 1 : 0;
  });
}

/** The layout that is named, or the one behind the project's `.venv`. */
async function layoutFor({ start, context }: Session, what: string | undefined): Promise<DescribedLayout> {
  if (what !== undefined) return layoutNamed(context.home, what);
  const { root } = await discoverProject(start);
  const target = readLink(`${root}/.venv`);
  const hash = typeof target === "string" ? target.slice(target.lastIndexOf("/") + 1) : "";
  if (typeof target === "string" && statSync(target, { throwIfNoEntry: false }) !== undefined)
    return layoutNamed(context.home, hash);
  throw new Failure("DXPY_NOT_ATTACHED", `${root}/.venv is not a link to a layout`, {
    context: { path: `${root}/.venv` },
    hint: target === null ? "It is a folder of the project's own." : "`dx-py install` makes it.",
  });
}

/** The links that lead to each layout now. */
function usersOf({ home }: CliContext): Map<string, string[]> {
  const used = new Map<string, string[]>();
  for (const { link } of listRoots(home)) {
    const target = readLink(link);
    if (typeof target !== "string" || !target.startsWith(`${home.layouts}/`)) continue;
    const hash = target.slice(home.layouts.length + 1);
    used.set(hash, [...(used.get(hash) ?? []), link]);
  }
  return used;
}
