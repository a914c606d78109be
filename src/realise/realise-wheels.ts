/**
 * Wheels become package objects: downloaded, the largest first, and unpacked by workers while others download, within a
 * budget of memory. When one fails, none is begun any more, and what is being unpacked ends before the failure is told.
 */

import type { LockedFile } from "../lock/lock-model.ts";
import { packageBuildHash, packageDerivationText } from "../lock/package-identity.ts";
import { writeDrvOut } from "../store/drv-out.ts";
import { createWheelPipeline } from "../store/wheel-pipeline.ts";
import { createByteBudget } from "./byte-budget.ts";
import { writeDerivation, writeDerivationText } from "./drv-store.ts";
import { type FetchedFile, fetchFile } from "./fetch-file.ts";
import type { RealiseContext } from "./realise-context.ts";

export interface WheelJob {
  /** Normalised name of the project. */
  name: string;
  version?: string;
  file: LockedFile;
}

export interface UnpackedWheel {
  outputHash: string;
  /** Build hash of its `package` derivation. */
  derivation: string;
}

const defaultMemory = 256 * 1024 * 1024;
const defaultConnections = 16;
/** Counted for a file of unknown size. */
const guessedSize = 8 * 1024 * 1024;

/** Results in the order of the jobs. Writes derivations and `drv-out` (requirements V1, V2). */
export async function realiseWheels(
  jobs: readonly WheelJob[],
  context: RealiseContext,
): Promise<UnpackedWheel[]> {
  if (jobs.length === 0) return [];
  const budget = createByteBudget(context.memoryLimit ?? defaultMemory);
  const pipeline = createWheelPipeline({
    store: context.store,
    expected: jobs.length,
    ...(context.workers === undefined ? {} : { workers: context.workers }),
  });
  const results = new Array<UnpackedWheel>(jobs.length);
  const unpacking: Promise<void>[] = [];
  // The largest takes longest, and would be waited for alone if it came last. The smallest are here first, and unpacked meanwhile.
  const sizes = jobs.map(likelySize);
  const order = jobs.map((_, index) => index).sort((a, b) => sizes[b]! - sizes[a]!);
  let failure: { error: unknown } | undefined;
  const stopped = Promise.withResolvers<void>();

  async function download(_: unknown, lane: number): Promise<void> {
    const next = () => (lane % 4 === 3 ? order.pop() : order.shift());
    for (let index = next(); index !== undefined && !failure; index = next()) {
      const job = jobs[index]!;
      const release = await budget.take(sizeOf(job));
      try {
        if (failure) return;
        const fetched = await fetchWheel(job, context);
        if (failure) return;
        unpacking.push(unpack(index, job, fetched).catch(fail).finally(release));
      } catch (error) {
        release();
        fail(error);
      }
    }
  }

  async function unpack(index: number, job: WheelJob, fetched: FetchedFile): Promise<void> {
    const { filename } = fetched.derivation;
    const { outputHash } = await pipeline.add({
      bytes: fetched.bytes,
      filename,
      name: job.name,
      ...(job.version === undefined ? {} : { version: job.version }),
    });
    results[index] = { outputHash, derivation: recordWheel(fetched, outputHash, context) };
  }

  function fail(error: unknown): void {
    failure ??= { error };
    stopped.resolve();
  }

  const { signal } = context;
  const abort = () => fail(signal?.reason);
  signal?.addEventListener("abort", abort);
  try {
    const connections = Math.min(jobs.length, context.connections ?? defaultConnections);
    // A download that hangs is not waited for once another has failed.
    await Promise.race([Promise.all(Array.from({ length: connections }, download)), stopped.promise]);
    await Promise.all(unpacking);
  } finally {
    signal?.removeEventListener("abort", abort);
    await pipeline.close();
  }
  if (failure !== undefined) throw failure.error;
  return results;
}

async function fetchWheel(job: WheelJob, context: RealiseContext): Promise<FetchedFile> {
  const { name, file } = job;
  const filename = file.name;
  context.onProgress?.({
    kind: "download",
    name,
    filename,
    ...(file.size === undefined ? {} : { bytes: file.size }),
  });
  return await fetchFile(name, file, context, (count) =>
    context.onProgress?.({ kind: "bytes", name, filename, count }),
  );
}

/** The derivations of an unpacked wheel and the way from one to the other; returns the `package` derivation's build hash. */
function recordWheel(fetched: FetchedFile, outputHash: string, context: RealiseContext): string {
  const { filename, sha256 } = fetched.derivation;
  const root = context.store.root;
  const fetch = writeDerivation(root, fetched.derivation);
  const hash = packageBuildHash(filename, sha256);
  writeDerivationText(root, hash, packageDerivationText(filename, sha256));
  writeDrvOut(root, hash, outputHash, { fetch });
  return hash;
}

/** For the order only. Many indexes do not tell sizes; wheels with native code are most of the large ones. */
function likelySize({ file }: WheelJob): number {
  return file.size ?? (file.name.endsWith("-none-any.whl") ? guessedSize / 8 : guessedSize);
}

function sizeOf(job: WheelJob): number {
  return job.file.size ?? guessedSize;
}
