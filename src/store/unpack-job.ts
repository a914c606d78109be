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
  const pieces = job.file === undefined ? (job.pieces ?? []) : [readWhole(job.file, filename)];
  const [{ compressedSource }, { unpackPacked }] = await Promise.all([
    import("./packed-source.ts"),
    import("./pack.ts"),
  ]);
  const { outputHash } = await unpackPacked({
    from: compressedSource(pieces, packed.size, filename),
    outputHash: packed.outputHash,
    home,
    store: { root },
    source: filename,
  });
  return { outputHash, warnings: [] };
}

/** What one thread reads files into, again and again; larger ones have memory of their own. */
let scratch: Uint8Array | undefined;
const SCRATCH = 32 * 1024 * 1024;

function readWhole({ path, size }: { path: string; size: number }, name: string): Uint8Array {
  let file: number | undefined;
  try {
    // What took its place meanwhile may be a pipe, which would be waited for.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size !== size) throw badPackage(name, "it is not what it was");
    if (size <= SCRATCH) scratch ??= new Uint8Array(SCRATCH);
    const buffer = size <= SCRATCH ? scratch! : new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const got = readSync(file, buffer, at, size - at, null);
      if (got === 0) throw badPackage(name, "it became shorter while it was read");
      at += got;
    }
    return buffer.subarray(0, size);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw badPackage(name, `it could not be read (${(error as { code?: string }).code})`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
