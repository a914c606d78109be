/** `sources` of the settings: where single packages come from when not from the configured indexes. */
import { statSync } from "node:fs";
import type { PackageSource } from "../resolver/request.ts";
import { normalizeExtra, normalizeName } from "../standards/names.ts";
import type { ProjectFile } from "./project-file.ts";
import { badSetting, join, SettingFailure } from "./setting-checks.ts";
import type { SourceEntry } from "./tool-settings.ts";
import { tidy } from "./workspace.ts";

/**
 * The sources that a file declares, by normalised name. Paths become absolute. `members` are the projects that
 * `workspace = true` may name.
 */
export function declaredSources(
  file: ProjectFile,
  members: ReadonlyMap<string, ProjectFile>,
): Record<string, PackageSource[]> {
  const result: Record<string, PackageSource[]> = Object.create(null);
  if (file.settings["no-sources"] === true) return result;
  const at = Object.hasOwn(ownTool(file), "sources") ? "tool.dx-py.sources" : "tool.uv.sources";
  try {
    for (const [name, entries] of Object.entries(file.settings.sources ?? {})) {
      const normalized = normalizeName(name);
      const here = join(at, name);
      result[normalized] = entries.map((entry, i) =>
        sourceOf(entry, entries.length > 1 ? `${here}[${i}]` : here, normalized, file, members),
      );
    }
  } catch (error) {
    if (error instanceof SettingFailure) error.document ??= file.document;
    throw error;
  }
  return result;
}

const KINDS = ["git", "url", "path", "workspace", "index"] as const;

function sourceOf(
  entry: SourceEntry,
  at: string,
  name: string,
  file: ProjectFile,
  members: ReadonlyMap<string, ProjectFile>,
): PackageSource {
  const kinds = KINDS.filter((kind) => entry[kind] !== undefined);
  if (kinds.length !== 1) {
    throw badSetting(at, `must have exactly one of \`git\`, \`url\`, \`path\`, \`workspace\` or \`index\``);
  }
  const when = {
    ...(entry.marker === undefined ? {} : { marker: entry.marker }),
    ...(entry.extra === undefined ? {} : { extra: normalizeExtra(entry.extra) }),
    ...(entry.group === undefined ? {} : { group: normalizeName(entry.group) }),
  };
  const subdirectory = entry.subdirectory === undefined ? {} : { subdirectory: entry.subdirectory };
  if (entry.git !== undefined) {
    const chosen = (["rev", "tag", "branch"] as const).filter((key) => entry[key] !== undefined);
    if (chosen.length > 1) throw badSetting(at, "must have at most one of `rev`, `tag` and `branch`");
    const revision = Object.fromEntries(chosen.map((key) => [key, entry[key]]));
    return { kind: "git", url: entry.git, ...revision, ...subdirectory, ...when };
  }
  if (entry.url !== undefined) return { kind: "url", url: entry.url, ...subdirectory, ...when };
  if (entry.index !== undefined) return { kind: "index", index: entry.index, ...when };
  if (entry.path !== undefined) {
    const path = absolute(file.dir, entry.path);
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (!isFolder && entry.editable === true)
      throw badSetting(at, `cannot be editable: ${entry.path} is not a folder`);
    return { kind: "path", path, editable: entry.editable ?? false, ...when };
  }
  if (entry.workspace !== true) throw badSetting(`${at}.workspace`, "must be true");
  const member = members.get(name);
  if (member === undefined) {
    throw badSetting(
      at,
      "names a member of the workspace, but the workspace has no such member",
      "Add its folder to `members` of the workspace.",
    );
  }
  return { kind: "workspace", path: member.dir, editable: entry.editable ?? true, ...when };
}

function absolute(dir: string, path: string): string {
  return tidy(path.startsWith("/") ? path : `${dir}/${path}`);
}

function ownTool(file: ProjectFile): object {
  const tool = file.document.table["tool"] as Record<string, unknown> | undefined;
  return (tool?.["dx-py"] as object | undefined) ?? {};
}
