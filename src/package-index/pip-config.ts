/** `pip.conf` as pip reads it: the dialect of Python's `configparser`, and the files in pip's order. */
import { readFileSync } from "node:fs";

export type IniSections = Map<string, Map<string, string>>;

/**
 * Sections and keys of an INI text. Keys are lower-case; a value may go on in deeper indented lines, joined with
 * newlines. Throws a plain message (the caller names the file) for what `configparser` refuses.
 */
export function parseIni(text: string): IniSections {
  const sections = new Map<string, Map<string, string[]>>();
  let section: Map<string, string[]> | undefined;
  let value: string[] | undefined;
  let indent = 0;
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  for (const [i, line] of lines.entries()) {
    const content = line.trim();
    const isComment = content.startsWith("#") || content.startsWith(";");
    if (content === "" || isComment) {
      if (!isComment) value?.push("");
      continue;
    }
    const depth = line.length - line.trimStart().length;
    if (value !== undefined && depth > indent) {
      value.push(content);
      continue;
    }
    indent = depth;
    const header = /^\[(.+)\]/.exec(content);
    if (header !== null) {
      const name = header[1]!;
      if (sections.has(name)) throw new Error(`line ${i + 1}: the section [${name}] is there twice`);
      section = new Map();
      value = undefined;
      sections.set(name, section);
      continue;
    }
    if (section === undefined) throw new Error(`line ${i + 1}: a setting before the first [section]`);
    const split = content.search(/[=:]/);
    const key = (split < 0 ? "" : content.slice(0, split)).trim().toLowerCase();
    if (key === "") throw new Error(`line ${i + 1}: no \`key = value\``);
    if (section.has(key)) throw new Error(`line ${i + 1}: \`${key}\` is there twice`);
    value = [content.slice(split + 1).trim()];
    section.set(key, value);
  }
  const joined = [...sections].map(
    ([name, keys]) =>
      [name, new Map([...keys].map(([key, parts]) => [key, parts.join("\n").trimEnd()] as const))] as const,
  );
  return new Map(joined);
}

export interface PipConfig {
  /** The value that `pip install` would use, with where it was said. */
  get(key: string): { value: string; origin: string } | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * pip's settings for `install`: `PIP_<KEY>` before the files; of the files, PIP_CONFIG_FILE before the interpreter's,
 * the user's and the machine's; `[install]` before `[global]`. A file that cannot be understood is reported and left.
 */
export function readPipConfig(
  env: Env,
  basePrefix: string | undefined,
  warn?: (message: string) => void,
): PipConfig {
  const found = new Map<string, { value: string; origin: string }>();
  const loaded = pipConfigFiles(env, basePrefix).flatMap((path) => {
    const sections = readFile(path, warn);
    return sections === undefined ? [] : [{ path, sections }];
  });
  for (const name of ["global", "install"]) {
    for (const { path, sections } of loaded) {
      const inherited = [...(sections.get("DEFAULT") ?? [])];
      if (!sections.has(name)) continue;
      for (const [key, value] of [...inherited, ...sections.get(name)!]) {
        found.set(key.replaceAll("_", "-"), { value, origin: path });
      }
    }
  }
  return {
    get(key) {
      const variable = `PIP_${key.replaceAll("-", "_").toUpperCase()}`;
      const value = env[variable];
      return value ? { value, origin: variable } : found.get(key);
    },
  };
}

/** From the weakest to the strongest. PIP_CONFIG_FILE set to the null device turns all files off. */
export function pipConfigFiles(env: Env, basePrefix: string | undefined): string[] {
  const own = env["PIP_CONFIG_FILE"];
  if (own === "/dev/null" || own?.toLowerCase() === "nul") return [];
  const home = env["HOME"] ?? env["USERPROFILE"] ?? "";
  const files: string[] = [];
  if (process.platform === "win32") {
    files.push(`${env["ProgramData"] ?? "C:/ProgramData"}/pip/pip.ini`, `${home}/pip/pip.ini`);
    if (env["APPDATA"]) files.push(`${env["APPDATA"]}/pip/pip.ini`);
    if (basePrefix !== undefined) files.push(`${basePrefix}/pip.ini`);
  } else {
    const shared = (env["XDG_CONFIG_DIRS"] || "/etc/xdg").split(":").filter((folder) => folder !== "");
    files.push(...shared.map((folder) => `${folder}/pip/pip.conf`), "/etc/pip.conf");
    if (process.platform === "darwin") {
      files.push(
        "/Library/Application Support/pip/pip.conf",
        `${home}/Library/Application Support/pip/pip.conf`,
      );
    }
    files.push(`${home}/.pip/pip.conf`, `${env["XDG_CONFIG_HOME"] || `${home}/.config`}/pip/pip.conf`);
    if (basePrefix !== undefined) files.push(`${basePrefix}/pip.conf`);
  }
  if (own) files.push(own);
  return files;
}

function readFile(path: string, warn: ((message: string) => void) | undefined): IniSections | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  try {
    return parseIni(text);
  } catch (error) {
    warn?.(`${path} is left out: ${(error as Error).message}`);
    return undefined;
  }
}
