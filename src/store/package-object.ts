/** A package object: the unpacked content of one wheel, and what installing it needs to know without looking at the files. */
export interface PackageObject {
  /** Lower-case hex BLAKE3 of the canonical manifest (docs/formats/dxpkg.md, "The manifest"). */
  outputHash: string;
  /** As METADATA writes it. */
  name: string;
  /** As METADATA writes it. */
  version: string;
  /** The name of the `.dist-info` folder in `lib/`: "numpy-2.0.0.dist-info". */
  distInfo: string;
  /** `Root-Is-Purelib` of the WHEEL file. Both kinds are unpacked into `lib/`. */
  rootIsPurelib: boolean;
  /** The entries of `lib/`, sorted by the bytes of their names; the `.dist-info` folder is one of them. */
  topLevel: TopLevelEntry[];
  /** The files of `scripts/` (the wheel's `.data/scripts`), sorted. */
  scripts: ScriptFile[];
  /** `console_scripts` and `gui_scripts` of `entry_points.txt`, in the order of the file. */
  entryPoints: ScriptEntryPoint[];
  /** There are files in `data/` (relative to the prefix). */
  hasData: boolean;
  /** There are files in `headers/`. */
  hasHeaders: boolean;
  /** A native library has an RPATH that climbs out of the wheel: it must not be linked by directory. */
  realPaths: boolean;
  /** A `.pth` file stands at the top of `lib/`. */
  hasPth: boolean;
  /** The wheel's own RECORD lists exactly the files of `lib/`: an installed RECORD is this one with lines added. */
  plainRecord: boolean;
  /** Number of files in the tree. */
  files: number;
  /** Sum of their sizes. */
  bytes: number;
}

export interface TopLevelEntry {
  name: string;
  isDirectory: boolean;
  /** A folder without `__init__.py`: other packages may have a part in it (PEP 420). */
  namespace: boolean;
}

export interface ScriptFile {
  name: string;
  /** It begins with `#!python` (the installer puts its interpreter there) or `#!pythonw`; the file is kept raw. */
  shebang: "python" | "pythonw" | "none";
}

export interface ScriptEntryPoint {
  group: "console_scripts" | "gui_scripts";
  name: string;
  module: string;
  /** Dotted, after the colon. */
  attribute: string;
  /** Normalised; the script is made whether or not they are selected, as pip does. */
  extras: string[];
}

/** The folders of an unpacked tree. */
export const TREE_FOLDERS = ["data", "headers", "lib", "scripts"] as const;
export type TreeFolder = (typeof TREE_FOLDERS)[number];
