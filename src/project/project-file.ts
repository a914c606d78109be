/** One `pyproject.toml`, read and checked: what it declares, as plain data. */
import { Failure } from "../platform/errors.ts";
import { includingGroups, resolveGroups } from "../standards/dependency-groups.ts";
import { normalizeName } from "../standards/names.ts";
import { type ProjectMetadata, readBuildSystem, readProjectTable } from "../standards/pyproject.ts";
import { parseRequirement, type Requirement } from "../standards/requirements.ts";
import { badSetting, nearest, SettingFailure } from "./setting-checks.ts";
import { parseKeyPath, placeFailure, readTomlFile, type TomlDocument } from "./toml-document.ts";
import { readToolSettings, type ToolSettings } from "./tool-settings.ts";

export interface ProjectFile {
  /** Absolute folder. */
  dir: string;
  document: TomlDocument;
  /** `[project]`; absent for a file that only holds settings or a workspace. */
  metadata?: ProjectMetadata;
  /** Normalised name. */
  name?: string;
  /** Names of the groups (normalised) to their requirements, includes resolved (PEP 735). */
  groups: ReadonlyMap<string, readonly Requirement[]>;
  /** Which groups include a group, themselves or through others. */
  includedBy: ReadonlyMap<string, readonly string[]>;
  /** It is built and installed itself: it has a `[build-system]`, unless `package` in the settings says otherwise. */
  packaged: boolean;
  settings: ToolSettings;
  /** Visible warnings about settings. */
  warnings: string[];
}

/** `undefined` when the folder has no `pyproject.toml`. Errors point at line and column. */
export async function readProjectFile(dir: string): Promise<ProjectFile | undefined> {
  const document = await readTomlFile(`${dir === "/" ? "" : dir}/pyproject.toml`);
  return document === undefined ? undefined : await interpretProjectFile(dir, document);
}

export async function interpretProjectFile(dir: string, document: TomlDocument): Promise<ProjectFile> {
  try {
    return interpret(dir, document);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const place = error instanceof SettingFailure ? error.at : keyPathIn(error.message);
    throw place === undefined
      ? withPath(error, document.path)
      : await placeFailure(error, document, parseKeyPath(place));
  }
}

function interpret(dir: string, document: TomlDocument): ProjectFile {
  const warnings: string[] = [];
  const { table } = document;
  const settings = readToolSettings(table, (message) => warnings.push(message));
  const metadata = table["project"] === undefined ? undefined : readProjectTable(table);
  const groups = new Map(
    table["dependency-groups"] === undefined ? [] : resolveGroups(table["dependency-groups"]),
  );
  if (settings["dev-dependencies"] !== undefined) {
    const legacy = settings["dev-dependencies"].map((text, i) =>
      requirementAt(text, `tool.uv.dev-dependencies[${i}]`),
    );
    groups.set("dev", [...(groups.get("dev") ?? []), ...legacy]);
  }
  for (const key of metadata?.unknownKeys ?? []) {
    const near = nearest(key, PROJECT_KEYS);
    warnings.push(
      `\`project.${key}\` is not a key of PEP 621${near === undefined ? "" : ` (did you mean \`${near}\`?)`}: it is ignored`,
    );
  }
  for (const key of Object.keys(table)) {
    const near = TABLES.includes(key) ? undefined : nearest(key, TABLES);
    if (near !== undefined) warnings.push(`\`[${key}]\` is ignored: did you mean \`[${near}]\`?`);
  }
  const packaged = settings.package ?? readBuildSystem(table) !== undefined;
  const name = metadata?.name === undefined ? undefined : normalizeName(metadata.name);
  return {
    dir,
    document,
    ...(metadata === undefined ? {} : { metadata }),
    ...(name === undefined ? {} : { name }),
    groups,
    includedBy: includingGroups(table["dependency-groups"]),
    packaged: packaged && metadata !== undefined,
    settings,
    warnings,
  };
}

/** Tables at the top of the file, and keys of `[project]`, which are mistyped most: for suggestions. */
const TABLES = ["project", "build-system", "dependency-groups", "tool"];
const PROJECT_KEYS = [
  ...[
    "name",
    "version",
    "description",
    "readme",
    "requires-python",
    "license",
    "authors",
    "keywords",
    "classifiers",
  ],
  ...["urls", "scripts", "gui-scripts", "entry-points", "dependencies", "optional-dependencies", "dynamic"],
];

/** Reads a PEP 508 requirement that stands at a key path. */
export function requirementAt(text: string, at: string): Requirement {
  try {
    return parseRequirement(text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new SettingRequirementFailure(at, error);
  }
}

class SettingRequirementFailure extends SettingFailure {
  constructor(at: string, from: Failure) {
    super(at, `is not a valid requirement: ${from.message}`, from.hint);
    if (from.context.detail !== undefined) this.context.detail = from.context.detail;
  }
}

/** Whether only the build backend knows what the project requires (PEP 621 `dynamic`). */
export function isDynamic({ metadata }: ProjectFile): boolean {
  const dynamic = metadata?.dynamic ?? [];
  return dynamic.includes("dependencies") || dynamic.includes("optional-dependencies");
}

export function noProjectTable(file: ProjectFile): Failure {
  const tool = file.document.table["tool"];
  const poetry = typeof tool === "object" && tool !== null && Object.hasOwn(tool, "poetry");
  const failure = badSetting(
    "project",
    "is missing",
    poetry
      ? "This is a project of Poetry's own form. Write its name, version, Python and dependencies in a `[project]` table (PEP 621), which Poetry 2 reads too: `dx-py init` begins one."
      : "Add a `[project]` table with a `name` and a `version`: `dx-py init` does.",
  );
  return withPath(failure, file.document.path);
}

/** Messages of standards/ name the key path in the text: `project.dependencies[3]`, in backquotes or plain. */
function keyPathIn(message: string): string | undefined {
  return /(?:project|build-system|dependency-groups|tool)(?:\.(?:[A-Za-z0-9_-]+|"[^"]*")|\[\d+\])+/.exec(
    message,
  )?.[0];
}

function withPath(failure: Failure, path: string): Failure {
  if (failure.context.path === undefined) failure.context.path = path;
  return failure;
}

/** Which of the two tables a setting came from, for messages. */
export function toolOf(file: ProjectFile, key: string): "dx-py" | "uv" {
  const tool = file.document.table["tool"] as Record<string, Record<string, unknown>> | undefined;
  return tool?.["dx-py"]?.[key] === undefined && tool?.["uv"]?.[key] !== undefined ? "uv" : "dx-py";
}
