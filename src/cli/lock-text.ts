/**
 * A binary lock as text: the same lines for the same lock, one fact a line, so that `git diff` can compare two of them.
 */
import type { DplEntry } from "../lock/dpl-entry.ts";
import type { Dpl } from "../lock/dpl-reader.ts";
import type { LockedFile, LockedSource } from "../lock/lock-model.ts";
import { formatBytes } from "./reporter/amounts.ts";

/** What stands before the packages. */
export function lockHead({ header, lock }: Dpl): string[] {
  const lines = [`packages: ${header.packages}`];
  const list = (title: string, values: readonly string[]) => {
    if (values.length > 0) lines.push(`${title}: ${values.join(", ")}`);
  };
  list("requires-python", header.requiresPython === undefined ? [] : [header.requiresPython]);
  list("environments", lock.environments);
  list("extras", lock.extras);
  list("groups", lock.dependencyGroups);
  list("default groups", lock.defaultGroups);
  list(
    "options",
    Object.entries(lock.options).map(([name, value]) => `${name} = ${value}`),
  );
  list("fingerprint", header.fingerprint === "" ? [] : [header.fingerprint]);
  lines.push(`compiled from: pylock.toml sha256 ${header.pylockSha256}`);
  for (const { path, sha256 } of header.inputs)
    lines.push(`input: ${path} ${sha256 === "" ? "(absent)" : `sha256 ${sha256}`}`);
  return lines;
}

/** One package with everything that the lock says about it. */
export function entryText(entry: DplEntry): string[] {
  const lines = [entryTitle(entry)];
  const add = (title: string, value: string | undefined) => {
    if (value !== undefined && value !== "") lines.push(`  ${title}: ${value}`);
  };
  add("requires-python", entry.requiresPython);
  add("source", sourceText(entry.source));
  add("asked extras", entry.extras.join(", "));
  for (const { name, version, extras, marker } of entry.dependencies) {
    const wanted = extras === undefined ? "" : `[${extras.join(",")}]`;
    lines.push(
      `  needs: ${name}${wanted}${version === undefined ? "" : ` ${version}`}${marker === undefined ? "" : ` ; ${marker}`}`,
    );
  }
  if (entry.sdist !== undefined) lines.push(`  sdist: ${fileText(entry.sdist)}`);
  for (const wheel of entry.wheels) lines.push(`  wheel: ${fileText(wheel)}`);
  return lines;
}

export function entryTitle({ name, version, marker }: DplEntry): string {
  return `${name}${version === undefined ? "" : ` ${version}`}${marker === undefined ? "" : ` ; ${marker}`}`;
}

function fileText({ name, size, hashes }: LockedFile): string {
  const digests = Object.entries(hashes).map(([algorithm, digest]) => `${algorithm} ${digest}`);
  return [name, ...(size === undefined ? [] : [formatBytes(size)]), ...digests].join(" ");
}

export function sourceText(source: LockedSource): string {
  switch (source.kind) {
    case "index":
      return source.url === undefined ? "index" : `index ${source.url}`;
    case "git":
      return `git ${source.url} ${source.commitId}${source.requestedRevision === undefined ? "" : ` (${source.requestedRevision})`}`;
    case "directory":
      return `folder ${source.path}${source.editable ? " (editable)" : ""}${source.virtual === true ? " (virtual)" : ""}`;
    case "archive":
      return `archive ${source.url ?? source.path ?? ""}`;
  }
}
