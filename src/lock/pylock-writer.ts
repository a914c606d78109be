import { Failure } from "../platform/errors.ts";
import type { Lock, LockedDependency, LockedFile, LockedPackage, LockedSource } from "./lock-model.ts";
import { compareText } from "./lock-order.ts";
import { wheelBuildHash } from "./package-identity.ts";

/**
 * Writes PEP 751 so that two people's changes seldom touch the same lines: one block for each package, sorted; one line
 * for each file, dependency and environment.
 */
export function writePylock(lock: Lock): string {
  const lines: string[] = [
    "# Written by `dx-py lock`: every version and file that this project installs, on every platform. To be committed.",
    'lock-version = "1.0"',
  ];
  if (lock.environments.length > 0) lines.push(`environments = ${rows(lock.environments.map(text))}`);
  if (lock.requiresPython !== undefined) lines.push(`requires-python = ${text(lock.requiresPython)}`);
  if (lock.extras.length > 0) lines.push(`extras = ${list(lock.extras)}`);
  if (lock.dependencyGroups.length > 0) lines.push(`dependency-groups = ${list(lock.dependencyGroups)}`);
  if (lock.defaultGroups.length > 0) lines.push(`default-groups = ${list(lock.defaultGroups)}`);
  lines.push('created-by = "dx-py"');
  // PEP 751 requires the key: an array of tables without elements cannot be written in any other way.
  if (lock.packages.length === 0) lines.push("packages = []");
  for (const entry of lock.packages) putPackage(lines, entry);
  lines.push("", "[tool.dx-py]", "format = 1");
  if (lock.fingerprint !== "") lines.push(`fingerprint = ${text(lock.fingerprint)}`);
  if (lock.forks !== undefined && lock.forks.length > 0) lines.push(`forks = ${rows(lock.forks.map(text))}`);
  const options = Object.entries(lock.options).sort(([a], [b]) => compareText(a, b));
  if (options.length > 0) lines.push("", "[tool.dx-py.options]");
  for (const [name, value] of options) lines.push(`${key(name)} = ${text(value)}`);
  const settings = Object.entries(lock.settings ?? {}).sort(([a], [b]) => compareText(a, b));
  if (settings.length > 0) lines.push("", "[tool.dx-py.settings]");
  for (const [name, value] of settings) lines.push(`${key(name)} = ${text(value)}`);
  lines.push("");
  return lines.join("\n");
}

function putPackage(lines: string[], entry: LockedPackage): void {
  lines.push("", "[[packages]]", `name = ${text(entry.name)}`);
  if (entry.version !== undefined) lines.push(`version = ${text(entry.version)}`);
  if (entry.marker !== undefined) lines.push(`marker = ${text(entry.marker)}`);
  if (entry.requiresPython !== undefined) lines.push(`requires-python = ${text(entry.requiresPython)}`);
  putDependencies(lines, entry.dependencies);
  putSource(lines, entry.source);
  if (entry.sdist !== undefined) lines.push(`sdist = ${file(entry.sdist)}`);
  if (entry.wheels.length > 0) lines.push(`wheels = ${rows(entry.wheels.map(file))}`);
  const extended = extendedEdges(entry.dependencies);
  if (extended.length > 0) lines.push(`tool.dx-py.dependencies = ${rows(extended.map(extendedEdge))}`);
  const outputs = pinnedOutputs(entry);
  if (outputs.length > 0) lines.push(`tool.dx-py.outputs = ${rows(outputs)}`);
  if (entry.source.kind === "directory" && entry.source.virtual !== undefined) {
    lines.push(`tool.dx-py.virtual = ${entry.source.virtual}`);
  }
}

/** Those of wheels by the file's name, which says more than a build hash; then what was built. */
function pinnedOutputs({ wheels, outputs }: LockedPackage): string[] {
  if (outputs === undefined) return [];
  const left = new Map(Object.entries(outputs));
  const files = wheels.flatMap((wheel) => {
    const alone = wheels.every((other) => other === wheel || other.name !== wheel.name);
    const build = alone ? wheelBuildHash(wheel) : undefined;
    const output = build === undefined ? undefined : left.get(build);
    if (output === undefined || !left.delete(build!)) return [];
    return [
      inline([
        ["file", text(wheel.name)],
        ["output", text(output)],
      ]),
    ];
  });
  const builds = [...left].sort(([a], [b]) => compareText(a, b));
  return [
    ...files,
    ...builds.map(([build, output]) =>
      inline([
        ["build", text(build)],
        ["output", text(output)],
      ]),
    ),
  ];
}

/** What PEP 751 has a place for: which entries an edge leads to. */
function putDependencies(lines: string[], edges: readonly LockedDependency[]): void {
  const plain = edges.map(({ name, version }) =>
    inline([
      ["name", text(name)],
      ["version", optional(version)],
    ]),
  );
  if (plain.length > 0) lines.push(`dependencies = ${rows([...new Set(plain)])}`);
}

/** An edge with extras or a marker, and its plain neighbours to the same entry, which would be lost beside it. */
function extendedEdges(edges: readonly LockedDependency[]): LockedDependency[] {
  const targets = new Map<string, number>();
  for (const edge of edges) {
    const weight = edge.extras !== undefined || edge.marker !== undefined ? 2 : 1;
    targets.set(edgeTarget(edge), (targets.get(edgeTarget(edge)) ?? 0) + weight);
  }
  return edges.filter((edge) => targets.get(edgeTarget(edge))! > 1);
}

/** Which entry an edge leads to, as a key. */
export function edgeTarget({ name, version }: { name: string; version?: string | undefined }): string {
  return version === undefined ? name : `${name}\n${version}`;
}

function extendedEdge({ name, version, extras, marker }: LockedDependency): string {
  return inline([
    ["name", text(name)],
    ["version", optional(version)],
    ["extras", extras === undefined ? undefined : list(extras)],
    ["marker", optional(marker)],
  ]);
}

function putSource(lines: string[], source: LockedSource): void {
  switch (source.kind) {
    case "index":
      if (source.url !== undefined) lines.push(`index = ${text(source.url)}`);
      return;
    case "git":
      lines.push(
        `vcs = ${inline([
          ["type", '"git"'],
          ["url", text(source.url)],
          ["requested-revision", optional(source.requestedRevision)],
          ["commit-id", text(source.commitId)],
          ["subdirectory", optional(source.subdirectory)],
        ])}`,
      );
      return;
    case "directory":
      lines.push(
        `directory = ${inline([
          ["path", text(source.path)],
          ["editable", source.editable ? "true" : undefined],
          ["subdirectory", optional(source.subdirectory)],
        ])}`,
      );
      return;
    case "archive":
      lines.push(
        `archive = ${inline([
          ["url", optional(source.url)],
          ["path", optional(source.path)],
          ["size", number(source.size)],
          ["hashes", hashTable(source.hashes)],
          ["subdirectory", optional(source.subdirectory)],
        ])}`,
      );
  }
}

/** One line. The name is left out where the URL or path says it (PEP 751, `packages.wheels.name`). */
function file({ name, url, path, size, uploadTime, hashes }: LockedFile): string {
  let line = nameInLocation(url ?? path) === name ? "{" : `{name = ${text(name)}, `;
  if (uploadTime !== undefined) line += `upload-time = ${dateTime(uploadTime)}, `;
  if (url !== undefined) line += `url = ${text(url)}, `;
  if (path !== undefined) line += `path = ${text(path)}, `;
  if (size !== undefined) line += `size = ${number(size)}, `;
  return `${line}hashes = ${hashTable(hashes)}}`;
}

/** The last component of a URL or path, as readers of PEP 751 take it for the file's name. */
export function nameInLocation(location: string | undefined): string | undefined {
  if (location === undefined) return undefined;
  const name = location.slice(location.lastIndexOf("/") + 1);
  return /[?#%\\]/.test(name) ? undefined : name;
}

function hashTable(hashes: Readonly<Record<string, string>>): string {
  const algorithms = Object.keys(hashes);
  if (algorithms.length === 1 && algorithms[0] === "sha256") return `{sha256 = ${text(hashes["sha256"]!)}}`;
  return inline(algorithms.sort(compareText).map((algorithm) => [key(algorithm), text(hashes[algorithm]!)]));
}

/** 9999-12-31T23:59:59.999Z, the last that TOML can write. */
const LAST_MOMENT = 253_402_300_799_999;

function dateTime(milliseconds: number): string {
  if (!Number.isInteger(milliseconds) || milliseconds < 0 || milliseconds > LAST_MOMENT) {
    throw badValue(`the upload time ${milliseconds}`);
  }
  const moment = new Date(milliseconds).toISOString();
  return milliseconds % 1000 === 0 ? `${moment.slice(0, -5)}Z` : moment;
}

function number(value: number | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!Number.isSafeInteger(value) || value < 0) throw badValue(`the size ${value}`);
  return String(value);
}

function optional(value: string | undefined): string | undefined {
  return value === undefined ? undefined : text(value);
}

function inline(members: readonly (readonly [key: string, value: string | undefined])[]): string {
  const given = members.filter(([, value]) => value !== undefined);
  return `{${given.map(([name, value]) => `${name} = ${value}`).join(", ")}}`;
}

function list(texts: readonly string[]): string {
  return `[${texts.map(text).join(", ")}]`;
}

function rows(values: readonly string[]): string {
  return values.length === 0 ? "[]" : `[\n    ${values.join(",\n    ")},\n]`;
}

const PLAIN = /^[ !#-&(-[\]-~]*$/;
const LITERAL = /^[ -&(-~]*$/;

/** Markers hold quotes: a literal string shows them as they are. */
function text(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`;
  if (LITERAL.test(value)) return `'${value}'`;
  if (!value.isWellFormed()) throw badValue(`${JSON.stringify(value.slice(0, 80))} (a lone surrogate)`);
  return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
}

function key(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name).replaceAll("\x7f", "\\u007f");
}

function badValue(what: string): Failure {
  return new Failure("DXPY_PYLOCK_BAD_VALUE", `pylock.toml cannot hold ${what}`);
}
