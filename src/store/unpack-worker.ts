import { loadBulkBlake3 } from "../platform/blake3.ts";
import { Failure } from "../platform/errors.ts";
import { sharedInflater } from "../platform/inflate.ts";
import { expectLittleCode } from "../platform/just-in-time.ts";
import { releaseStaging } from "../platform/staging.ts";
import { runUnpackJob } from "./unpack-job.ts";
import type { FromWorker, ToWorker } from "./wheel-pipeline.ts";

/** A thread that unpacks whole wheels. An entry point of its own in the executable: see wheel-pipeline.ts. */
declare const self: Worker & { postMessage(message: FromWorker): void };

/** One job after the other: what they work in is one for each thread. */
let last: Promise<void> = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  last = last.then(() => answer(data));
};

async function answer(data: ToWorker): Promise<void> {
  if (data.kind === "close") {
    releaseStaging();
    self.postMessage({ kind: "closed" });
    return;
  }
  const { id, job, home, root } = data;
  if (job.packed !== undefined) expectLittleCode();
  try {
    const { outputHash, warnings } = await runUnpackJob(job, home, root);
    self.postMessage({ kind: "done", id, outputHash, warnings });
  } catch (error) {
    self.postMessage({ kind: "failed", id, error: describe(error) });
  }
}

self.postMessage({ kind: "ready" });
// What every wheel needs is loaded while the first is still on its way.
void loadBulkBlake3().catch(() => {});
sharedInflater();

/** A Failure loses its class on the way to the other thread: what it says is sent. */
function describe(error: unknown): Extract<FromWorker, { kind: "failed" }>["error"] {
  if (error instanceof Failure) {
    const { code, message, context, hint, exitCode } = error;
    return { code, message, context, exitCode, ...(hint === undefined ? {} : { hint }) };
  }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
