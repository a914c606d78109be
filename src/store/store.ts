import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { type Mapping, mapReadOnly } from "../platform/mapping.ts";
import { findFile, manifestBytes, readHeader, readManifest } from "./dxpkg-reader.ts";
import type { ManifestEntry } from "./manifest.ts";
import type { PackageObject } from "./package-object.ts";
import { checkHash, indexPath, levelHas, listLevel, readLevelObject, treePath } from "./store-level.ts";
import { type VerifyResult, verifyObject } from "./verify.ts";

/** The store: package objects by their output hash, in the user's folder and, below it, one that may belong to the system. */
export interface Store {
  readonly home: Home;
  /** The user's level: what is added goes here. */
  readonly root: string;
  /** All levels in the order in which they are asked. */
  readonly levels: readonly string[];
  has(hash: string): boolean;
  /** Failure `DXPY_NOT_IN_STORE`; `DXPY_BAD_PACKAGE` for a damaged file. */
  open(hash: string): StoredPackage;
  /** One small read. Failures as of `open`. */
  readPackageObject(hash: string): PackageObject;
  /** The same; `undefined` when no level has it. */
  findPackageObject(hash: string): PackageObject | undefined;
  /** The unpacked tree where it is; where it would be in the user's level when there is none. */
  objectPath(hash: string): string;
  /** Reads every file and compares it with the manifest. Failure `DXPY_NOT_IN_STORE`. */
  verify(hash: string): Promise<VerifyResult>;
  /** All output hashes of all levels, sorted. */
  list(): string[];
}

/** A package object, mapped into memory. */
export interface StoredPackage {
  readonly object: PackageObject;
  /** Absolute path of the unpacked tree. */
  readonly treePath: string;
  /** The level that has it. */
  readonly level: string;
  /** The files are in the `.dxpkg` itself. */
  readonly packed: boolean;
  /** The file's bytes as a slice of a mapping, without a copy; valid until `close`. Failure `DXPY_NO_SUCH_FILE`. */
  file(path: string): Uint8Array;
  has(path: string): boolean;
  /** In the order of the manifest. Failure `DXPY_BAD_PACKAGE`. */
  manifest(): Iterable<ManifestEntry>;
  /** The manifest's own bytes: their BLAKE3 is the output hash. */
  manifestBytes(): Uint8Array;
  close(): void;
}

export interface StoreOptions {
  /** A store folder that is only read, asked after the user's. */
  system?: string;
}

/** Opening touches nothing on disk. */
export function openStore(home: Home, options: StoreOptions = {}): Store {
  const root = home.store;
  const levels = options.system === undefined ? [root] : [root, options.system];
  const levelOf = (hash: string) => levels.find((level) => levelHas(level, checkHash(hash)));
  const findPackageObject = (hash: string) => {
    checkHash(hash);
    for (const level of levels) {
      const found = readLevelObject(level, hash);
      if (found !== undefined) return found.object;
    }
    return undefined;
  };
  return {
    home,
    root,
    levels,
    has: (hash) => levelOf(hash) !== undefined,
    findPackageObject,
    readPackageObject(hash) {
      const object = findPackageObject(hash);
      if (object === undefined) throw notInStore(hash, levels);
      return object;
    },
    open(hash) {
      const level = levelOf(hash);
      if (level === undefined) throw notInStore(hash, levels);
      return openPackage(level, hash);
    },
    // With one level there is only one place where it can be.
    objectPath: (hash) => treePath(levels.length === 1 ? root : (levelOf(hash) ?? root), checkHash(hash)),
    async verify(hash) {
      const level = levelOf(hash);
      if (level === undefined) throw notInStore(hash, levels);
      return await verifyObject(level, hash);
    },
    list: () => [...new Set(levels.flatMap(listLevel))].sort(),
  };
}

function notInStore(hash: string, levels: readonly string[]): Failure {
  return new Failure("DXPY_NOT_IN_STORE", `the package ${hash} is not in the store (${levels.join(", ")})`, {
    hint: "Run `dx-py install` in the project that needs it: it is fetched or built again.",
  });
}

function openPackage(level: string, hash: string): StoredPackage {
  const path = indexPath(level, hash);
  const found = readLevelObject(level, hash);
  if (found === undefined) throw notInStore(hash, [level]);
  const { object, header } = found;
  const tree = treePath(level, hash);
  let index: Mapping | undefined;
  const mapped = () => {
    if (index === undefined) {
      index = mapReadOnly(path);
      // It may have been exchanged since the header was read.
      readHeader(index.bytes, index.bytes.length, path);
    }
    return index.bytes;
  };
  const files = new Map<string, Mapping>();
  return {
    object,
    treePath: tree,
    level,
    packed: header.packed,
    has: (name) => findFile(mapped(), header, name, path) !== undefined,
    file(name) {
      const entry = findFile(mapped(), header, name, path);
      if (entry === undefined) {
        throw new Failure("DXPY_NO_SUCH_FILE", `${object.name} ${object.version} has no file ${name}`, {
          context: { package: object.name, path: name },
        });
      }
      if (header.packed) return mapped().subarray(entry.dataAt, entry.dataAt + entry.size);
      let mapping = files.get(name);
      if (mapping === undefined) {
        mapping = mapTreeFile(`${tree}/${name}`, entry.size, object);
        files.set(name, mapping);
      }
      return mapping.bytes;
    },
    manifest: () => readManifest(mapped(), header, path),
    manifestBytes: () => manifestBytes(mapped(), header, path),
    close() {
      index?.close();
      index = undefined;
      for (const mapping of files.values()) mapping.close();
      files.clear();
    },
  };
}

function mapTreeFile(path: string, size: number, object: PackageObject): Mapping {
  let mapping: Mapping | undefined;
  try {
    mapping = mapReadOnly(path);
  } catch {
    // Told below.
  }
  if (mapping?.bytes.length === size) return mapping;
  mapping?.close();
  throw new Failure(
    "DXPY_DAMAGED_PACKAGE",
    `${object.name} ${object.version} is damaged: ${path} is not as it was`,
    {
      context: { package: object.name, path },
      hint: "Run `dx-py cache clean --store`, then `dx-py install`: it is fetched or built again.",
    },
  );
}
