/** One job of the wheel pipeline: a wheel, or a packed package object from a binary cache, becomes an object of the store. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import type { PackedForm } from "./compressed-package.ts";
import { badPackage } from "./dxpkg-layout.ts";
import { unpackWheel } from "./ingest.ts";

export interface WheelJob {
  /** Verified by the caller against the wheel's hash. Given away: do not use it afterwards. */
  bytes?: Uint8Array;
  /** Instead of them, for a compressed package object: what came of it, in order; or where it is, and how long it was when it was looked at. */
  pieces?: Uint8Array[];
  file?: { path: string; size: number };
  filename: string;
  name?: string;
  version?: string;
  /** It is not a wheel but a compressed package object, and this is what it must become; `filename` is for messages. */
  packed?: PackedForm;
}

export async function runUnpackJob(
  job: WheelJob,
  home: Home,
  root: string,
): Promise<{ outputHash: string; warnings: string[] }> {
  const { packed, filename } = job;
  if (packed === undefined) {
    const bytes = job.bytes ?? new Uint8Array();
    return await unpackWheel({ ...job, bytes, home, store: { root }, verifyRecord: false });
  }
  const pieces = job.file === undefined ? (job.pieces ?? []) : piecesOf(job.file, filename);
  const [{ compressedSource }, { unpackPacked }] = await Promise.all([
    import("./packed-source.ts"),
    import("./pack.ts"),
  ]);
  const reading = pieces[Symbol.iterator]();
  try {
    const { outputHash } = await unpackPacked({
      from: compressedSource(reading, packed.size, filename),
      outputHash: packed.outputHash,
      home,
      store: { root },
      source: filename,
    });
    return { outputHash, warnings: [] };
  } finally {
    // A file that was not read to its end is still open.
    reading.return?.(undefined);
  }
}

/** What one thread reads files into, again and again: it stays in the processor's cache. */
let scratch: Uint8Array | undefined;
const SCRATCH = 256 * 1024;

/** Each piece is valid until the next is asked for. Failure `DXPY_BAD_PACKAGE` for a file that is not what it was. */
function* piecesOf({ path, size }: { path: string; size: number }, name: string): Generator<Uint8Array> {
  let file: number | undefined;
  try {
    // What took its place meanwhile may be a pipe, which would be waited for.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size !== size) throw badPackage(name, "it is not what it was");
    scratch ??= new Uint8Array(SCRATCH);
    for (let at = 0; at < size; ) {
      const got = readSync(file, scratch, 0, Math.min(SCRATCH, size - at), null);
      if (got === 0) throw badPackage(name, "it became shorter while it was read");
      at += got;
      yield scratch.subarray(0, got);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw badPackage(name, `it could not be read (${(error as { code?: string }).code})`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
