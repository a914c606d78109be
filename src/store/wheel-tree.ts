import { createPathRegister, quoted } from "../platform/archive-path.ts";
import { Failure } from "../platform/errors.ts";
import type { ZipEntry } from "../platform/zip-directory.ts";
import type { WheelFilename } from "../standards/filenames.ts";
import { normalizeName } from "../standards/names.ts";
import { compareVersions, tryParseVersion } from "../standards/version.ts";

/** Where the files of a wheel belong in the tree of a package object (PEP 427, "The .data directory"; docs/formats/dxpkg.md, "The tree"). */
export interface WheelTree {
  /** "numpy-2.0.0.dist-info", as the wheel writes it. */
  distInfo: string;
  files: TreeFile[];
}

export interface TreeFile {
  entry: ZipEntry;
  /** `lib/…`, `scripts/…`, `headers/…`, `data/…`. */
  path: string;
  executable: boolean;
}

/** Failure `DXPY_BAD_WHEEL` that names the wheel. */
export function badWheel(filename: string, what: string): Failure {
  return new Failure("DXPY_BAD_WHEEL", `${filename} cannot be unpacked: ${what}`, {
    context: { file: filename },
  });
}

const PLACES: Record<string, string> = {
  purelib: "lib",
  platlib: "lib",
  scripts: "scripts",
  headers: "headers",
  data: "data",
};

/** Failure `DXPY_BAD_WHEEL` when the `.dist-info` is missing, not alone or not that of the file name, or two files would have one place. */
export function planWheelTree(
  entries: readonly ZipEntry[],
  wheel: WheelFilename,
  filename: string,
): WheelTree {
  const distInfo = findDistInfo(entries, wheel, filename);
  const dataFolders = new Map<string, boolean>();
  const isData = (folder: string) => {
    let known = dataFolders.get(folder);
    if (known === undefined) {
      known = folder.endsWith(".data") && isOf(folder.slice(0, -".data".length), wheel);
      dataFolders.set(folder, known);
    }
    return known;
  };
  const register = createPathRegister();
  let moved = false;
  const files: TreeFile[] = [];
  for (const entry of entries) {
    if (entry.isDirectory) continue;
    const slash = entry.path.indexOf("/");
    const first = slash === -1 ? "" : entry.path.slice(0, slash);
    let path = `lib/${entry.path}`;
    if (first !== "" && isData(first)) {
      path = placeOfData(entry.path.slice(slash + 1), entry.path, filename);
      moved = true;
    }
    files.push({ entry, path, executable: entry.executable || path.startsWith("scripts/") });
  }
  // Without a .data folder the places are the archive's own, which were compared when it was opened.
  if (moved) {
    for (const { path, entry } of files) {
      const fault = register.add(path, false);
      if (fault !== undefined)
        throw badWheel(
          filename,
          `${quoted(entry.path)} has the same place as another file (${path} ${fault})`,
        );
    }
  }
  return { distInfo, files };
}

function placeOfData(rest: string, path: string, filename: string): string {
  const slash = rest.indexOf("/");
  const place = slash === -1 ? undefined : PLACES[rest.slice(0, slash)];
  if (place === undefined || !Object.hasOwn(PLACES, rest.slice(0, slash))) {
    throw badWheel(filename, `${quoted(path)} is not in a folder of .data that the wheel format knows`);
  }
  return `${place}/${rest.slice(slash + 1)}`;
}

function findDistInfo(entries: readonly ZipEntry[], wheel: WheelFilename, filename: string): string {
  const found = new Set<string>();
  for (const { path, isDirectory } of entries) {
    const slash = path.indexOf("/");
    const first = slash === -1 ? (isDirectory ? path : "") : path.slice(0, slash);
    if (first.endsWith(".dist-info")) found.add(first);
  }
  const [distInfo, another] = [...found].sort();
  if (distInfo === undefined) throw badWheel(filename, "it has no .dist-info folder");
  if (another !== undefined) {
    throw badWheel(
      filename,
      `it has more than one .dist-info folder (${quoted(distInfo)}, ${quoted(another)})`,
    );
  }
  if (!isOf(distInfo.slice(0, -".dist-info".length), wheel)) {
    throw badWheel(filename, `its ${quoted(distInfo)} is not that of its file name`);
  }
  return distInfo;
}

/** `name-version` for the name and version of the file name, normalised or not. */
function isOf(stem: string, wheel: WheelFilename): boolean {
  const dash = stem.indexOf("-");
  if (dash === -1 || normalizeName(stem.slice(0, dash)) !== wheel.name) return false;
  // Some tools keep a `-` of the local version that the file name writes as `_`.
  const version = tryParseVersion(stem.slice(dash + 1).replaceAll("_", "-"));
  return version !== undefined && compareVersions(version, wheel.version) === 0;
}
