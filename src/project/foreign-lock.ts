/**
 * The versions that another tool's lock holds, for the first lock of a project that comes from there: nobody expects
 * that a change of tools changes the versions. `uv.lock`, `poetry.lock` and `pdm.lock` all list `[[package]]` with
 * `name` and `version`.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import type { Preference } from "../resolver/request.ts";
import { isValidName, normalizeName } from "../standards/names.ts";
import { tryParseVersion } from "../standards/version.ts";

export interface ForeignLock {
  /** `uv.lock` */
  file: string;
  preferences: Preference[];
}

const FILES = ["uv.lock", "poetry.lock", "pdm.lock"];
const MOST_BYTES = 64 << 20;

/** `undefined` where there is none, or none that can be read: a preference is no promise. */
export function foreignLock(folder: string): ForeignLock | undefined {
  const file = FILES.find((name) => existsSync(`${folder}/${name}`));
  if (file === undefined) return undefined;
  try {
    const path = `${folder}/${file}`;
    if (statSync(path).size > MOST_BYTES) return undefined;
    const table = Bun.TOML.parse(readFileSync(path, "utf8")) as { package?: unknown };
    if (!Array.isArray(table.package)) return undefined;
    const preferences = table.package.flatMap(preferenceOf);
    return preferences.length === 0 ? undefined : { file, preferences };
  } catch {
    return undefined;
  }
}

/** What comes from a folder, a URL or a repository has no choice of versions. */
function preferenceOf(entry: unknown): Preference[] {
  const { name, version, source } = (entry ?? {}) as Record<string, unknown>;
  if (typeof name !== "string" || typeof version !== "string" || !isValidName(name)) return [];
  const parsed = tryParseVersion(version);
  if (parsed === undefined) return [];
  if (typeof source === "object" && source !== null && !("registry" in source) && !("reference" in source))
    return [];
  return [{ name: normalizeName(name), version: parsed.text }];
}
