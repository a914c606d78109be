/** What `pylock.toml` says, as any tool may have written it (PEP 751). */
import type { TomlTable } from "./toml-shape.ts";

/** Markers and specifiers are text that has been found valid. */
export interface PylockDocument {
  readonly lockVersion: string;
  readonly environments: readonly string[];
  readonly requiresPython?: string;
  readonly extras: readonly string[];
  readonly dependencyGroups: readonly string[];
  readonly defaultGroups: readonly string[];
  readonly createdBy: string;
  readonly packages: readonly PylockPackage[];
  readonly tool?: TomlTable;
}

/** Either `sdist` or `wheels` or both, or exactly one of `vcs`, `directory` and `archive`. */
export interface PylockPackage {
  /** Normalised. */
  readonly name: string;
  readonly version?: string;
  readonly marker?: string;
  readonly requiresPython?: string;
  /** Each a table that says of an entry of `packages` as much as identifies it. */
  readonly dependencies: readonly TomlTable[];
  readonly vcs?: PylockVcs;
  readonly directory?: PylockDirectory;
  readonly archive?: PylockFile & { readonly subdirectory?: string };
  readonly index?: string;
  readonly sdist?: PylockFile;
  readonly wheels: readonly PylockFile[];
  readonly attestationIdentities: readonly TomlTable[];
  readonly tool?: TomlTable;
}

export interface PylockVcs {
  readonly type: string;
  readonly url?: string;
  readonly path?: string;
  readonly requestedRevision?: string;
  readonly commitId: string;
  readonly subdirectory?: string;
}

export interface PylockDirectory {
  readonly path: string;
  readonly editable: boolean;
  readonly subdirectory?: string;
}

/** A url or a path or both. */
export interface PylockFile {
  /** The file's name; for an archive, which needs none, what its path or URL ends with, perhaps nothing. */
  readonly name: string;
  readonly url?: string;
  readonly path?: string;
  /** Bytes. */
  readonly size?: number;
  /** Milliseconds since the epoch. */
  readonly uploadTime?: number;
  /** Hex by algorithm; one at least. */
  readonly hashes: Readonly<Record<string, string>>;
}
