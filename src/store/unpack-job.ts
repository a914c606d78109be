/** One job of the wheel pipeline: a wheel, or a packed package object from a binary cache, becomes an object of the store. */
import type { Home } from "../platform/home.ts";
import { unpackWheel } from "./ingest.ts";
import type { WheelJob } from "./wheel-pipeline.ts";

export async function runUnpackJob(
  job: WheelJob,
  home: Home,
  root: string,
): Promise<{ outputHash: string; warnings: string[] }> {
  const { packed, bytes, filename } = job;
  if (packed === undefined) {
    return await unpackWheel({ ...job, home, store: { root }, verifyRecord: false });
  }
  const [{ decompressPackage }, { unpackPacked }] = await Promise.all([
    import("./compressed-package.ts"),
    import("./pack.ts"),
  ]);
  const { outputHash } = await unpackPacked({
    bytes: decompressPackage(bytes, packed.size, filename),
    outputHash: packed.outputHash,
    home,
    store: { root },
    source: filename,
  });
  return { outputHash, warnings: [] };
}
