import { Failure } from "../platform/errors.ts";
import { isValidName, normalizeName } from "../standards/names.ts";
import { isFileName } from "./file-name.ts";
import type { Lock, LockedDependency, LockedFile, LockedPackage, LockedSource } from "./lock-model.ts";
import { wheelBuildHash } from "./package-identity.ts";
import { edgeTarget, nameInLocation } from "./pylock-writer.ts";
import { type Table, tableReader } from "./toml-table.ts";

/** Maps a parsed `pylock.toml` (PEP 751) to a lock, checking every value; dx-py's own facts are in `tool.dx-py`. */

const DOCUMENT_KEYS = new Set(
  "lock-version environments requires-python extras dependency-groups default-groups created-by packages tool".split(
    " ",
  ),
);
const PACKAGE_KEYS = new Set(
  "name version marker requires-python dependencies vcs directory archive index sdist wheels attestation-identities tool".split(
    " ",
  ),
);
const FILE_KEYS = new Set("name upload-time url path size hashes".split(" "));
const OWN_FORMAT = 1;

export function lockFromPylock(document: unknown, path: string, report: (warning: string) => void): Lock {
  const root = tableReader(path, report)(document, "");
  checkVersion(root, path, report);
  root.string("created-by");
  root.only(DOCUMENT_KEYS);
  const own = root.table("tool")?.table("dx-py");
  own?.only(OWN_KEYS);
  const format = own?.integer("format") ?? OWN_FORMAT;
  if (format !== OWN_FORMAT) {
    report(
      `${path}: [tool.dx-py] has format ${format}; this dx-py knows ${OWN_FORMAT}, and may miss something`,
    );
  }
  const requiresPython = root.string("requires-python");
  const forks = own?.strings("forks") ?? [];
  const settings = own?.table("settings")?.stringRecord() ?? {};
  const packages = root.tables("packages");
  if (packages === undefined) throw root.fault("packages", "is missing");
  return {
    ...(requiresPython === undefined ? {} : { requiresPython }),
    environments: root.strings("environments") ?? [],
    ...(forks.length === 0 ? {} : { forks }),
    extras: root.strings("extras") ?? [],
    dependencyGroups: root.strings("dependency-groups") ?? [],
    defaultGroups: root.strings("default-groups") ?? [],
    packages: packages.map(readPackage),
    fingerprint: own?.string("fingerprint") ?? "",
    options: own?.table("options")?.stringRecord() ?? {},
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
  };
}

const OWN_KEYS = new Set(["format", "fingerprint", "forks", "options", "settings"]);

function checkVersion(root: Table, path: string, report: (warning: string) => void): void {
  const version = root.string("lock-version");
  if (version === undefined) throw root.fault("lock-version", "is missing: this is not a pylock.toml");
  const match = /^(\d+)\.(\d+)$/.exec(version);
  if (match?.[1] !== "1") {
    throw new Failure(
      "DXPY_PYLOCK_VERSION",
      `${path}: lock-version ${JSON.stringify(version)} is not known`,
      {
        context: { path },
        hint: "This dx-py reads version 1 of PEP 751; use a newer one.",
        exitCode: 2,
      },
    );
  }
  if (match[2] !== "0") report(`${path}: lock-version is ${version}; what is new since 1.0 is read over`);
}

function readPackage(entry: Table): LockedPackage {
  entry.only(PACKAGE_KEYS);
  const own = entry.table("tool")?.table("dx-py");
  own?.only(OWN_PACKAGE_KEYS);
  const version = entry.string("version");
  const marker = entry.string("marker");
  const requiresPython = entry.string("requires-python");
  const source = readSource(entry, own);
  const sdist = entry.table("sdist");
  const wheels = entry.tables("wheels") ?? [];
  if (source.kind !== "index" && (sdist !== undefined || wheels.length > 0)) {
    throw entry.fault(
      sdist === undefined ? "wheels" : "sdist",
      `cannot stand beside a ${source.kind} source`,
    );
  }
  return {
    name: readName(entry),
    ...(version === undefined ? {} : { version }),
    ...(marker === undefined ? {} : { marker }),
    ...(requiresPython === undefined ? {} : { requiresPython }),
    source,
    dependencies: readDependencies(entry, own),
    ...(sdist === undefined ? {} : { sdist: readFile(sdist) }),
    ...readPinned(own, wheels.map(readFile)),
  };
}

const OWN_PACKAGE_KEYS = new Set(["dependencies", "outputs", "virtual"]);
const OUTPUT_KEYS = new Set(["file", "build", "output"]);

/** The wheels, and what is pinned of them and of builds. A file that is not there any more pins nothing. */
function readPinned(own: Table | undefined, wheels: LockedFile[]): Pick<LockedPackage, "wheels" | "outputs"> {
  const outputs: Record<string, string> = {};
  for (const row of own?.tables("outputs") ?? []) {
    row.only(OUTPUT_KEYS);
    const file = row.string("file");
    const wheel = wheels.find(({ name }) => name === file);
    const build = file === undefined ? hashIn(row, "build") : wheel && wheelBuildHash(wheel);
    const output = hashIn(row, "output");
    if (build !== undefined) outputs[build] = output;
  }
  return Object.keys(outputs).length === 0 ? { wheels } : { wheels, outputs };
}

function hashIn(row: Table, key: string): string {
  const hash = row.required(key);
  if (!/^[0-9a-f]{64}$/.test(hash)) throw row.fault(key, "is not a BLAKE3 hash: 64 lower-case hex digits");
  return hash;
}

/** Edges that dx-py knows more about replace the plain ones to the same entry. */
function readDependencies(entry: Table, own: Table | undefined): LockedDependency[] {
  const extended = (own?.tables("dependencies") ?? []).map((edge) => {
    const extras = edge.strings("extras");
    const marker = edge.string("marker");
    return {
      ...readEdge(edge),
      ...(extras === undefined ? {} : { extras }),
      ...(marker === undefined ? {} : { marker }),
    };
  });
  const known = new Set(extended.map(edgeTarget));
  const plain = (entry.tables("dependencies") ?? []).map(readEdge);
  return [...plain.filter((edge) => !known.has(edgeTarget(edge))), ...extended];
}

function readEdge(edge: Table): LockedDependency {
  const version = edge.string("version");
  return { name: readName(edge), ...(version === undefined ? {} : { version }) };
}

function readName(of: Table): string {
  const name = of.required("name");
  if (!isValidName(name)) throw of.fault("name", `${JSON.stringify(name)} is not a valid name`);
  return normalizeName(name);
}

function readSource(entry: Table, own: Table | undefined): LockedSource {
  const vcs = entry.table("vcs");
  const directory = entry.table("directory");
  const archive = entry.table("archive");
  if ([vcs, directory, archive].filter((source) => source !== undefined).length > 1) {
    throw entry.fault("", "has more than one of vcs, directory and archive");
  }
  if (vcs !== undefined) return readGit(vcs);
  if (directory !== undefined) {
    const virtual = own?.boolean("virtual");
    return {
      kind: "directory",
      path: directory.required("path"),
      editable: directory.boolean("editable") ?? false,
      ...(virtual === undefined ? {} : { virtual }),
      ...subdirectory(directory),
    };
  }
  if (archive !== undefined) {
    const url = archive.string("url");
    const path = archive.string("path");
    const size = archive.integer("size");
    return {
      kind: "archive",
      ...(url === undefined ? {} : { url }),
      ...(path === undefined ? {} : { path }),
      ...(size === undefined ? {} : { size }),
      hashes: readHashes(archive),
      ...subdirectory(archive),
    };
  }
  const url = entry.string("index");
  return url === undefined ? { kind: "index" } : { kind: "index", url };
}

function readGit(vcs: Table): LockedSource {
  const type = vcs.required("type");
  if (type !== "git") throw vcs.fault("type", `is ${JSON.stringify(type)}; dx-py knows git only`);
  const requestedRevision = vcs.string("requested-revision");
  return {
    kind: "git",
    url: vcs.string("url") ?? vcs.required("path"),
    ...(requestedRevision === undefined ? {} : { requestedRevision }),
    commitId: vcs.required("commit-id"),
    ...subdirectory(vcs),
  };
}

function subdirectory(source: Table): { subdirectory?: string } {
  const inside = source.string("subdirectory");
  return inside === undefined ? {} : { subdirectory: inside };
}

function readFile(file: Table): LockedFile {
  file.only(FILE_KEYS);
  const url = file.string("url");
  const path = file.string("path");
  const size = file.integer("size");
  const uploadTime = file.moment("upload-time");
  const name = file.string("name") ?? nameInLocation(url ?? path) ?? unquotedName(url ?? path);
  if (name === undefined) throw file.fault("name", "is missing, and there is no url or path to take it from");
  if (!isFileName(name)) throw file.fault("name", `${JSON.stringify(name)} is not the name of a file`);
  return {
    name,
    ...(url === undefined ? {} : { url }),
    ...(path === undefined ? {} : { path }),
    ...(size === undefined ? {} : { size }),
    ...(uploadTime === undefined ? {} : { uploadTime }),
    hashes: readHashes(file),
  };
}

/** Other tools leave the name out where the URL has `%2B` for the `+` of a local version, or a query. */
function unquotedName(location: string | undefined): string | undefined {
  const last = location?.split(/[?#]/, 1)[0]?.split(/[\\/]/).at(-1);
  try {
    return last === undefined || last === "" ? undefined : decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** Lower case; other tools may write hex in capitals. */
function readHashes(of: Table): Readonly<Record<string, string>> {
  return of.hashes("hashes");
}
