import { Failure } from "../../platform/errors.ts";
import type { CoreMetadata } from "../../standards/metadata.ts";
import type { BuildInterface } from "../build-interface.ts";
import type { ResolvedSource } from "../resolution.ts";

/** Where every direct source says this of itself, and nothing else can be built. */
export function sourcesSaying(
  metadata: Partial<Pick<CoreMetadata, "version" | "requiresDist" | "providesExtra">>,
  locked: (name: string) => ResolvedSource,
): BuildInterface {
  return {
    metadataOfSdist: () => Promise.reject(new Failure("DXPY_BUILD_FAILED", "nothing is built here")),
    metadataOfSource: async (_source, name) => ({
      metadata: {
        metadataVersion: "2.2",
        name,
        version: "1.0",
        requiresDist: [],
        providesExtra: [],
        dynamic: [],
        ...metadata,
      },
      locked: locked(name),
    }),
  };
}
