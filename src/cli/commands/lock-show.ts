/** `dx-py lock show`: what the binary lock says, for people, for `git diff` and as JSON */
import { existsSync } from "node:fs";
import { DPL_FILE, textMatches } from "../../lock/dpl-freshness.ts";
import { type Dpl, openDpl } from "../../lock/dpl-reader.ts";
import { Failure } from "../../platform/errors.ts";
import { discoverProject } from "../../project/discover.ts";
import { normalizeName } from "../../standards/names.ts";
import type { CliContext } from "../context.ts";
import type { LockShowFlags } from "../flags/inspect-flags.ts";
import { entryText, lockHead, sourceText } from "../lock-text.ts";
import { perform } from "../perform.ts";
import { columns } from "../reporter/columns.ts";

export async function lockShow(this: CliContext, flags: LockShowFlags, name?: string): Promise<void> {
  await perform(this, flags, async ({ reporter, start }) => {
    const root = flags.file === undefined ? (await discoverProject(start)).root : undefined;
    const path = root === undefined ? resolved(flags.file as string, this.cwd) : `${root}/${DPL_FILE}`;
    const dpl = open(path, flags.file);
    try {
      if (root !== undefined && !textMatches(root, dpl))
        reporter.warn(
          "pylock.toml is not the one that this lock was compiled from: `dx-py lock` compiles it",
        );
      const entries = name === undefined ? dpl.entries() : dpl.find(normalizeName(name));
      if (name !== undefined && entries.length === 0) {
        throw new Failure("DXPY_NOT_IN_LOCK", `The lock has no package ${name}`, {
          context: { path },
          hint: "`dx-py lock show` lists what it has.",
        });
      }
      reporter.json({
        ...(name === undefined ? { header: dpl.header, digest: dpl.digest.toHex(), lock: dpl.lock } : {}),
        packages: entries.map((entry) => ({ ...entry.toLocked(), wheels: entry.wheels })),
      });
      if (flags.file === undefined && name === undefined) {
        const rows = entries.map((entry) => [
          entry.name,
          entry.version ?? "",
          `${entry.wheelCount}${entry.sdist === undefined ? "" : "+1"}`,
          entry.source.kind === "index"
            ? (entry.marker ?? "")
            : `${sourceText(entry.source)} ${entry.marker ?? ""}`,
        ]);
        const head = [
          { title: "package" },
          { title: "version" },
          { title: "files", right: true },
          { title: "where" },
        ];
        reporter.result([...lockHead(dpl), "", ...columns(head, rows)].join("\n"));
      } else {
        const blocks = entries.map((entry) => entryText(entry).join("\n"));
        reporter.result([...(name === undefined ? [lockHead(dpl).join("\n")] : []), ...blocks].join("\n\n"));
      }
    } finally {
      dpl.close();
    }
  });
}

function open(path: string, given: string | undefined): Dpl {
  if (existsSync(path)) return openDpl(path);
  throw new Failure(
    "DXPY_NO_LOCK",
    given === undefined ? "There is no binary lock here" : `There is no file ${given}`,
    {
      context: { path },
      hint: "`dx-py lock` makes it, from pyproject.toml or from pylock.toml.",
    },
  );
}

function resolved(path: string, cwd: string): string {
  return path.startsWith("/") ? path : `${cwd}/${path}`;
}
