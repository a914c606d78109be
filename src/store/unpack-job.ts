/** One job of the wheel pipeline: a wheel, or a packed package object from a binary cache, becomes an object of the store. */
import type { Home } from "../platform/home.ts";
import type { PackedForm } from "./compressed-package.ts";
import { unpackWheel } from "./ingest.ts";

export interface WheelJob {
  /** Verified by the caller against the wheel's hash. Given away: do not use it afterwards. */
  bytes: Uint8Array;
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
  const { packed, bytes, filename } = job;
  if (packed === undefined) {
    return await unpackWheel({ ...job, home, store: { root }, verifyRecord: false });
  }
  const [{ compressedSource }, { unpackPacked }] = await Promise.all([
    import("./packed-source.ts"),
    import("./pack.ts"),
  ]);
  const { outputHash } = await unpackPacked({
    from: compressedSource(bytes, packed.size, filename),
    outputHash: packed.outputHash,
    home,
    store: { root },
    source: filename,
  });
  return { outputHash, warnings: [] };
}
