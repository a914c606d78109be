/** Brings package objects from a cache into the store: received within bounds, verified to the last file, then placed. */
import { closeSync, openSync } from "node:fs";
import { writeWhole } from "../platform/atomic-file.ts";
import { createStaging, removeTree } from "../platform/staging.ts";
import { decompressToFile } from "../store/compressed-package.ts";
import { IN_MEMORY } from "../store/packed-source.ts";
import type { Store } from "../store/store.ts";
import type { WheelJob } from "../store/unpack-job.ts";
import { createWheelPipeline, type WheelPipeline } from "../store/wheel-pipeline.ts";
import { type CacheBackend, readPieces } from "./backend.ts";
import { badAnswer, compressedLimit, type Mapping, objectPath } from "./protocol.ts";
import type { TransferGate } from "./transfer-gate.ts";

export interface ObjectPullerOptions {
  backend: CacheBackend;
  store: Store;
  gate: TransferGate;
  /** True: nothing more is begun. */
  stopped: () => boolean;
  workers?: number;
  /** How many objects will come: threads for them start with the first request. */
  expected?: number;
}

export interface ObjectPuller {
  /** False when it was stopped. Failures of the backend, `DXPY_BAD_CACHE_ANSWER`, `DXPY_BAD_PACKAGE`. */
  pull(mapping: Mapping): Promise<boolean>;
  close(): Promise<void>;
}

export function createObjectPuller(options: ObjectPullerOptions): ObjectPuller {
  const { backend, store, gate, workers } = options;
  let pipeline: WheelPipeline | undefined;
  /** Two derivations may have one output. */
  const underWay = new Map<string, Promise<boolean>>();

  async function pullNow({ outputHash, size }: Mapping): Promise<boolean> {
    if (store.has(outputHash)) return true;
    return await gate.run(size, async () => {
      if (options.stopped()) return false;
      const path = objectPath(outputHash);
      if (size > IN_MEMORY) {
        await pullLarge(backend, path, outputHash, size, store);
        return true;
      }
      pipeline ??= createWheelPipeline({
        store,
        ...(workers === undefined ? {} : { workers }),
        ...(options.expected === undefined ? {} : { expected: options.expected }),
      });
      const content = await contentOf(path, compressedLimit(size));
      if (options.stopped()) return false;
      const filename = `${backend.name}/${path}`;
      await pipeline.add({ ...content, filename, packed: { outputHash, size } });
      return true;
    });
  }

  /** What is on this machine is read by the thread that unpacks it. */
  async function contentOf(path: string, limit: number): Promise<Pick<WheelJob, "pieces" | "file">> {
    if (backend.locate !== undefined) {
      const file = backend.locate(path, limit);
      if (file === undefined) throw absent(backend, path);
      return { file };
    }
    const pieces = await readPieces(backend, path, limit);
    if (pieces === undefined) throw absent(backend, path);
    return { pieces };
  }

  return {
    pull(mapping) {
      const { outputHash } = mapping;
      let pulled = underWay.get(outputHash);
      if (pulled === undefined) {
        pulled = pullNow(mapping).finally(() => underWay.delete(outputHash));
        underWay.set(outputHash, pulled);
      }
      return pulled;
    },
    close: async () => await pipeline?.close(),
  };
}

/** What does not fit into memory goes through two files, of which the second is mapped. */
async function pullLarge(
  backend: CacheBackend,
  path: string,
  outputHash: string,
  size: number,
  store: Store,
): Promise<void> {
  const staging = createStaging(store.home);
  try {
    const [compressed, packed] = [`${staging}/compressed`, `${staging}/packed`];
    let file: number | undefined;
    try {
      const found = await backend.read(
        path,
        {
          begin() {
            if (file !== undefined) closeSync(file);
            file = openSync(compressed, "w", 0o600);
          },
          take: (chunk) => writeWhole(file as number, chunk),
        },
        compressedLimit(size),
      );
      if (!found) throw absent(backend, path);
    } finally {
      if (file !== undefined) closeSync(file);
    }
    const source = `${backend.name}/${path}`;
    const length = await decompressToFile(compressed, packed, size, source);
    if (length !== size) throw badAnswer(backend.name, path, `it has ${length} bytes, not ${size}`);
    const { unpackPacked } = await import("../store/pack.ts");
    await unpackPacked({ path: packed, outputHash, home: store.home, store, source });
  } finally {
    removeTree(staging);
  }
}

function absent(backend: CacheBackend, path: string): Error {
  return badAnswer(backend.name, path, "it does not have the object that its mapping names");
}
