/** The tables of `pyproject.toml` that are standards: `[project]` (PEP 621, 639, 685) and `[build-system]` (PEP 517, 518). */
import { quote } from "./caret.ts";
import { isValidName, normalizeExtra, normalizeName } from "./names.ts";
import { parseRequirement, type Requirement } from "./requirements.ts";
import { tryParseSpecifierSet } from "./specifiers.ts";
import {
  asArray,
  asString,
  asTable,
  keyPath,
  missing,
  optionalArray,
  optionalString,
  optionalStrings,
  optionalTable,
  own,
  requiredString,
  shapeFailure,
  type TomlTable,
} from "./toml-shape.ts";
import { tryParseVersion } from "./version.ts";

export interface ProjectMetadata {
  /** As written. */
  readonly name: string;
  readonly normalizedName: string;
  /** As written; absent when dynamic. */
  readonly version?: string;
  /** Keys of the table that the build backend fills in. */
  readonly dynamic: readonly string[];
  readonly description?: string;
  /** A set of specifiers, as written. */
  readonly requiresPython?: string;
  readonly dependencies: readonly Requirement[];
  /** By normalised name. */
  readonly optionalDependencies: ReadonlyMap<string, readonly Requirement[]>;
  /** Command to object reference. */
  readonly scripts: ReadonlyMap<string, string>;
  readonly guiScripts: ReadonlyMap<string, string>;
  /** Group to name to object reference. */
  readonly entryPoints: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Keys that no standard names: for a warning. */
  readonly unknownKeys: readonly string[];
}

export interface BuildSystem {
  readonly requires: readonly Requirement[];
  /** `setuptools.build_meta:__legacy__` where the table names none (PEP 517). */
  readonly backend: string;
  /** Folders within the project, in which the backend itself lies; empty when it is installed. */
  readonly backendPath: readonly string[];
}

const SUBJECT = { code: "DXPY_BAD_PYPROJECT", subject: "pyproject.toml" } as const;

const KNOWN_KEYS: ReadonlySet<string> = new Set([
  "name",
  "version",
  "description",
  "readme",
  "requires-python",
  "license",
  "license-files",
  "authors",
  "maintainers",
  "keywords",
  "classifiers",
  "urls",
  "scripts",
  "gui-scripts",
  "entry-points",
  "dependencies",
  "optional-dependencies",
  "import-names",
  "import-namespaces",
  "dynamic",
]);

/**
 * Reads `[project]` of a parsed `pyproject.toml`; `undefined` when there is none. What is of no use to resolving or installing
 * (authors, URLs) is not looked at. Failures name the key: DXPY_BAD_PYPROJECT, DXPY_BAD_REQUIREMENT.
 */
export function readProjectTable(document: unknown): ProjectMetadata | undefined {
  const project = optionalTable(SUBJECT, asTable(SUBJECT, document, ""), "project", "");
  if (project === undefined) return undefined;
  const name = requiredString(SUBJECT, project, "name", "project");
  if (!isValidName(name)) throw shapeFailure(SUBJECT, "project.name", `${quote(name)} is not a valid name`);
  const dynamic = readDynamic(project);
  const version = optionalString(SUBJECT, project, "version", "project");
  if (version === undefined && !dynamic.includes("version")) {
    throw shapeFailure(
      SUBJECT,
      "project.version",
      "the key is missing",
      'Give a version, or name it in `dynamic = ["version"]` when the build backend computes it.',
    );
  }
  if (version !== undefined && tryParseVersion(version) === undefined) {
    throw shapeFailure(SUBJECT, "project.version", `${quote(version)} is not a version (PEP 440)`);
  }
  const description = optionalString(SUBJECT, project, "description", "project");
  const requiresPython = optionalString(SUBJECT, project, "requires-python", "project");
  if (requiresPython !== undefined && tryParseSpecifierSet(requiresPython) === undefined) {
    throw shapeFailure(
      SUBJECT,
      "project.requires-python",
      `${quote(requiresPython)} is not a set of version specifiers (PEP 440)`,
    );
  }
  return {
    name,
    normalizedName: normalizeName(name),
    ...(version === undefined ? undefined : { version }),
    dynamic,
    ...(description === undefined ? undefined : { description }),
    ...(requiresPython === undefined ? undefined : { requiresPython }),
    dependencies: readRequirements(own(project, "dependencies") ?? [], "project.dependencies"),
    optionalDependencies: readExtras(project),
    scripts: readReferences(project, "scripts", "project"),
    guiScripts: readReferences(project, "gui-scripts", "project"),
    entryPoints: readEntryPoints(project),
    unknownKeys: Object.keys(project).filter((key) => !KNOWN_KEYS.has(key)),
  };
}

function readDynamic(project: TomlTable): string[] {
  const dynamic = optionalStrings(SUBJECT, project, "dynamic", "project") ?? [];
  dynamic.forEach((key, i) => {
    const path = `project.dynamic[${i}]`;
    if (key === "name") throw shapeFailure(SUBJECT, path, "the name cannot be dynamic");
    if (own(project, key) !== undefined) {
      throw shapeFailure(SUBJECT, path, `${quote(key)} is both given and said to be dynamic`);
    }
  });
  return dynamic;
}

function readRequirements(value: unknown, path: string): Requirement[] {
  return asArray(SUBJECT, value, path).map((one, i) => {
    const where = `${path}[${i}]`;
    return parseRequirement(asString(SUBJECT, one, where), { where });
  });
}

function readExtras(project: TomlTable): Map<string, Requirement[]> {
  const extras = new Map<string, Requirement[]>();
  const table = optionalTable(SUBJECT, project, "optional-dependencies", "project") ?? {};
  for (const [extra, requirements] of Object.entries(table)) {
    const path = keyPath("project.optional-dependencies", extra);
    if (!isValidName(extra)) throw shapeFailure(SUBJECT, path, "this is not a valid name of an extra");
    const normal = normalizeExtra(extra);
    if (extras.has(normal)) {
      throw shapeFailure(SUBJECT, path, `the extra \`${normal}\` is given twice (PEP 685)`);
    }
    extras.set(normal, readRequirements(requirements, path));
  }
  return extras;
}

function readReferences(table: TomlTable, key: string, parent: string): Map<string, string> {
  const path = keyPath(parent, key);
  const entries = Object.entries(optionalTable(SUBJECT, table, key, parent) ?? {});
  return new Map(entries.map(([name, value]) => [name, asString(SUBJECT, value, keyPath(path, name))]));
}

function readEntryPoints(project: TomlTable): Map<string, Map<string, string>> {
  const groups = new Map<string, Map<string, string>>();
  const table = optionalTable(SUBJECT, project, "entry-points", "project") ?? {};
  for (const group of Object.keys(table)) {
    const instead = group === "console_scripts" ? "scripts" : group === "gui_scripts" ? "gui-scripts" : "";
    if (instead !== "") {
      const path = keyPath("project.entry-points", group);
      throw shapeFailure(SUBJECT, path, `these belong in \`[project.${instead}]\` (PEP 621)`);
    }
    groups.set(group, readReferences(table, group, "project.entry-points"));
  }
  return groups;
}

/** Reads `[build-system]`; `undefined` when there is none: see `legacyBuildSystem`. Failures as `readProjectTable`. */
export function readBuildSystem(document: unknown): BuildSystem | undefined {
  const table = optionalTable(SUBJECT, asTable(SUBJECT, document, ""), "build-system", "");
  if (table === undefined) return undefined;
  const requires = optionalArray(SUBJECT, table, "requires", "build-system");
  if (requires === undefined) throw missing(SUBJECT, "requires", "build-system");
  const backendPath = optionalStrings(SUBJECT, table, "backend-path", "build-system") ?? [];
  backendPath.forEach((path, i) => {
    if (!staysInside(path)) {
      throw shapeFailure(
        SUBJECT,
        `build-system.backend-path[${i}]`,
        `${quote(path)} is outside of the project`,
      );
    }
  });
  const backend = optionalString(SUBJECT, table, "build-backend", "build-system");
  if (backend === undefined && backendPath.length > 0) {
    throw missing(SUBJECT, "build-backend", "build-system");
  }
  return {
    requires: readRequirements(requires, "build-system.requires"),
    backend: backend ?? LEGACY_BACKEND,
    backendPath,
  };
}

const LEGACY_BACKEND = "setuptools.build_meta:__legacy__";

/** What to build with where nothing is said (PEP 517, "Source trees"; PEP 518). */
export function legacyBuildSystem(): BuildSystem {
  return { requires: [parseRequirement("setuptools>=40.8.0")], backend: LEGACY_BACKEND, backendPath: [] };
}

function staysInside(path: string): boolean {
  if (/^(?:[\\/]|[A-Za-z]:)/.test(path)) return false;
  let depth = 0;
  for (const part of path.split(/[\\/]/)) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return false;
  }
  return true;
}
