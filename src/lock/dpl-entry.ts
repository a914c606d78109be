import {
  bitmapNames,
  bytesAt,
  fail,
  listAt,
  pairs,
  type Region,
  requiredTextAt,
  textAt,
  wideAt,
  withinBudget,
} from "./byte-cursor.ts";
import {
  D,
  DEPENDENCY_SIZE,
  E,
  ENTRY_FLAGS,
  F,
  FILE_FLAGS,
  FILE_SIZE,
  REFERENCE_SIZE,
  S,
  SOURCE_FLAGS,
  SOURCE_KINDS,
  SOURCE_SIZE,
  unpackVersion,
} from "./dpl-layout.ts";
import { isFileName } from "./file-name.ts";
import type { LockedDependency, LockedFile, LockedPackage, LockedSource } from "./lock-model.ts";

/** One package of a DPL. Its checksums have been checked; a field is decoded when it is asked for. */
export interface DplEntry {
  /** Position among the entries. */
  readonly index: number;
  readonly nameHash: number;
  readonly name: string;
  readonly version: string | undefined;
  /** The release's first three numbers; 0 where it has fewer. Absent like the version. */
  readonly packedVersion: { major: number; minor: number; patch: number } | undefined;
  readonly marker: string | undefined;
  readonly requiresPython: string | undefined;
  /** The extras that the lock's edges ask of this package. */
  readonly extras: string[];
  /** The same, one bit for each name of `extrasTable`, lowest bit of the first byte first. */
  readonly extrasBitmap: Uint8Array;
  readonly extrasTable: string[];
  readonly source: LockedSource;
  readonly dependencies: LockedDependency[];
  readonly sdist: LockedFile | undefined;
  readonly wheelCount: number;
  /** The file name alone, for choosing among many wheels. */
  wheelName(number: number): string;
  wheel(number: number): DplWheel;
  readonly wheels: DplWheel[];
  /** Pinned outputs: output hash by build hash. */
  readonly outputs: Record<string, string> | undefined;
  /** As in the lock, without what only the DPL knows. */
  toLocked(): LockedPackage;
}

export interface DplWheel extends LockedFile {
  /** Lower-case hex BLAKE3 of the wheel's `package` derivation; absent where the lock has no SHA-256 for it. */
  buildHash?: string;
}

/** `entry` and `body` are regions whose checksums were right. Sizes and counts are checked here, contents on access. */
export function dplEntry(index: number, entry: Region, body: Region): DplEntry {
  const flags = entry.view.getUint32(E.flags, true);
  if ((flags & ~ENTRY_FLAGS.all) !== 0) fail(entry, "has flags that this version does not know", "VERSION");
  const dependencyCount = entry.view.getUint32(E.dependencies, true);
  const fileCount = entry.view.getUint32(E.files, true);
  const extrasCount = entry.view.getUint32(E.extras, true);
  const hasSdist = (flags & ENTRY_FLAGS.sdist) !== 0;
  const filesAt = SOURCE_SIZE + dependencyCount * DEPENDENCY_SIZE;
  const extrasAt = filesAt + fileCount * FILE_SIZE;
  const outputsAt = extrasAt + extrasCount * REFERENCE_SIZE;
  const hasOutputs = (flags & ENTRY_FLAGS.outputs) !== 0;
  const textsFrom = hasOutputs ? outputsAt + REFERENCE_SIZE : outputsAt;
  if (textsFrom > body.bytes.length) fail(entry, "counts more than it can hold");
  body.textsFrom = textsFrom;
  if (hasSdist && fileCount === 0) fail(entry, "says that it has an sdist, and has no file");
  const wheelsAt = hasSdist ? filesAt + FILE_SIZE : filesAt;
  const wheelCount = hasSdist ? fileCount - 1 : fileCount;
  const parts = flags & ENTRY_FLAGS.releaseParts;
  let extrasTable: string[] | undefined;

  const wheelAt = (number: number): number => {
    if (number < 0 || number >= wheelCount) throw new RangeError(`no wheel ${number}`);
    return wheelsAt + number * FILE_SIZE;
  };

  const readDependencies = (self: DplEntry) =>
    Array.from({ length: dependencyCount }, (_, i) =>
      readDependency(body, SOURCE_SIZE + i * DEPENDENCY_SIZE, () => self.extrasTable),
    );

  return {
    index,
    nameHash: entry.view.getUint32(E.nameHash, true),
    get name() {
      return requiredTextAt(entry, E.name, body);
    },
    get version() {
      if (parts === 0) return undefined;
      const text = textAt(entry, E.version, body);
      if (text !== undefined) return text;
      const { view } = entry;
      return unpackVersion(
        view.getUint32(E.major, true),
        view.getUint32(E.minor, true),
        view.getUint32(E.patch, true),
        parts,
      );
    },
    get packedVersion() {
      if (parts === 0) return undefined;
      const { view } = entry;
      return {
        major: view.getUint32(E.major, true),
        minor: view.getUint32(E.minor, true),
        patch: view.getUint32(E.patch, true),
      };
    },
    get marker() {
      return textAt(entry, E.marker, body);
    },
    get requiresPython() {
      return textAt(entry, E.requiresPython, body);
    },
    get extrasTable() {
      extrasTable ??= Array.from({ length: extrasCount }, (_, i) =>
        requiredTextAt(body, extrasAt + i * REFERENCE_SIZE),
      );
      return extrasTable;
    },
    get extrasBitmap() {
      return bytesAt(entry, E.extrasBitmap, body) ?? new Uint8Array();
    },
    get extras() {
      return withinBudget(body, () => bitmapNames(this.extrasBitmap, this.extrasTable, body));
    },
    get source() {
      return readSource(body);
    },
    get dependencies() {
      return withinBudget(body, () => readDependencies(this));
    },
    get sdist() {
      return hasSdist ? readFile(body, filesAt) : undefined;
    },
    wheelCount,
    wheelName: (number) => fileNameAt(body, wheelAt(number)),
    wheel(number) {
      const at = wheelAt(number);
      const file: DplWheel = readFile(body, at);
      if ((body.view.getUint32(at + F.flags, true) & FILE_FLAGS.buildHash) !== 0) {
        file.buildHash = body.bytes.subarray(at + F.buildHash, at + F.buildHash + 32).toHex();
      }
      return file;
    },
    get wheels() {
      return withinBudget(body, () => Array.from({ length: wheelCount }, (_, i) => this.wheel(i)));
    },
    get outputs() {
      return hasOutputs ? readOutputs(body, outputsAt) : undefined;
    },
    toLocked() {
      const { version, marker, requiresPython } = this;
      return withinBudget(body, () => ({
        name: this.name,
        ...(version === undefined ? {} : { version }),
        ...(marker === undefined ? {} : { marker }),
        ...(requiresPython === undefined ? {} : { requiresPython }),
        source: this.source,
        dependencies: readDependencies(this),
        ...(hasSdist ? { sdist: readFile(body, filesAt) } : {}),
        wheels: Array.from({ length: wheelCount }, (_, i) => readFile(body, wheelAt(i))),
        ...(hasOutputs ? { outputs: readOutputs(body, outputsAt) } : {}),
      }));
    },
  };
}

function readOutputs(body: Region, at: number): Record<string, string> {
  const outputs = pairs(listAt(body, at) ?? fail(body, "lacks the outputs that it says it pins"), body);
  const sound = Object.entries(outputs)
    .flat()
    .every((hash) => /^[0-9a-f]{64}$/.test(hash));
  return sound ? outputs : fail(body, "pins an output by what is no hash");
}

function readSource(body: Region): LockedSource {
  const kind = SOURCE_KINDS[body.bytes[S.kind]!];
  const flags = body.bytes[S.flags]!;
  if ((flags & ~SOURCE_FLAGS.all) !== 0)
    fail(body, "has source flags that this version does not know", "VERSION");
  const url = textAt(body, S.url);
  const subdirectory = textAt(body, S.subdirectory);
  const inside = subdirectory === undefined ? {} : { subdirectory };
  switch (kind) {
    case "index":
      return url === undefined ? { kind } : { kind, url };
    case "git": {
      const requestedRevision = textAt(body, S.requestedRevision);
      return {
        kind,
        url: url ?? fail(body, "lacks the URL of its git source"),
        ...(requestedRevision === undefined ? {} : { requestedRevision }),
        commitId: requiredTextAt(body, S.commitId),
        ...inside,
      };
    }
    case "directory":
      return {
        kind,
        path: requiredTextAt(body, S.path),
        editable: (flags & SOURCE_FLAGS.editable) !== 0,
        ...((flags & SOURCE_FLAGS.virtualGiven) === 0
          ? {}
          : { virtual: (flags & SOURCE_FLAGS.virtual) !== 0 }),
        ...inside,
      };
    case "archive": {
      const path = textAt(body, S.path);
      const size = wideAt(body, S.size);
      return {
        kind,
        ...(url === undefined ? {} : { url }),
        ...(path === undefined ? {} : { path }),
        ...(size === undefined ? {} : { size }),
        hashes: pairs(listAt(body, S.hashes) ?? [], body),
        ...inside,
      };
    }
    default:
      return fail(body, "has a kind of source that this version does not know", "VERSION");
  }
}

function readDependency(body: Region, at: number, table: () => string[]): LockedDependency {
  const version = textAt(body, at + D.version);
  const marker = textAt(body, at + D.marker);
  const bitmap = bytesAt(body, at + D.extras);
  return {
    name: requiredTextAt(body, at + D.name),
    ...(version === undefined ? {} : { version }),
    ...(bitmap === undefined ? {} : { extras: bitmapNames(bitmap, table(), body) }),
    ...(marker === undefined ? {} : { marker }),
  };
}

function fileNameAt(body: Region, at: number): string {
  const name = requiredTextAt(body, at + F.name);
  return isFileName(name) ? name : fail(body, `names a file ${JSON.stringify(name)}`);
}

function readFile(body: Region, at: number): LockedFile {
  const flags = body.view.getUint32(at + F.flags, true);
  if ((flags & ~FILE_FLAGS.all) !== 0)
    fail(body, "has file flags that this version does not know", "VERSION");
  const name = fileNameAt(body, at);
  const start = textAt(body, at + F.url);
  const path = textAt(body, at + F.path);
  const size = wideAt(body, at + F.size);
  const uploadTime = wideAt(body, at + F.uploadTime);
  const others = listAt(body, at + F.hashes);
  const hashes = others === undefined ? {} : pairs(others, body);
  if ((flags & FILE_FLAGS.sha256) !== 0) {
    hashes["sha256"] = body.bytes.subarray(at + F.sha256, at + F.sha256 + 32).toHex();
  }
  return {
    name,
    ...(start === undefined ? {} : { url: (flags & FILE_FLAGS.urlEndsInName) === 0 ? start : start + name }),
    ...(path === undefined ? {} : { path }),
    ...(size === undefined ? {} : { size }),
    ...(uploadTime === undefined ? {} : { uploadTime }),
    hashes,
  };
}
