import { sha256Hex } from "../platform/sha256.ts";
import type { CoreMetadata } from "../standards/metadata.ts";
import type { DistributionFile } from "./distribution.ts";

/** Core metadata as a record of the cache: one text that is decoded and split once. */
export type KnownMetadata = CoreMetadata | "needs-build";

const FORMAT = "1";
const NEEDS_BUILD = "needs-build";

/** A file is known by its hash wherever it lies; without one, by its URL. 32 hex digits. */
export function metadataKey(file: Pick<DistributionFile, "hashes" | "url">): string {
  const sha256 = file.hashes["sha256"];
  const known = sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256);
  return (known ? sha256 : sha256Hex(file.url)).slice(0, 32);
}

/** Lines: format, three counts, metadata version, name, version, `+` and Requires-Python or nothing, then the lists. */
export function encodeMetadata(metadata: KnownMetadata): Uint8Array {
  if (metadata === "needs-build") return Buffer.from(NEEDS_BUILD);
  const { requiresDist, providesExtra, dynamic } = metadata;
  const fields = [
    FORMAT,
    `${requiresDist.length} ${providesExtra.length} ${dynamic.length}`,
    metadata.metadataVersion,
    metadata.name,
    metadata.version,
    metadata.requiresPython === undefined ? "" : `+${metadata.requiresPython}`,
    ...requiresDist,
    ...providesExtra,
    ...dynamic,
  ];
  // A folded header keeps its line breaks; where one is white space, a space is the same.
  return Buffer.from(
    fields.map((field) => (/[\r\n]/.test(field) ? field.replace(/[\r\n]+/g, " ") : field)).join("\n"),
  );
}

/** `undefined` for a record of another format. */
export function decodeMetadata(payload: Uint8Array): KnownMetadata | undefined {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8");
  if (text === NEEDS_BUILD) return "needs-build";
  const lines = text.split("\n");
  const [format, counts = "", metadataVersion = "", name = "", version = "", requiresPython = ""] = lines;
  const [requires = 0, extras = 0, dynamic = 0] = counts.split(" ").map(Number);
  if (format !== FORMAT || lines.length !== 6 + requires + extras + dynamic) return undefined;
  return {
    metadataVersion,
    name,
    version,
    ...(requiresPython === "" ? {} : { requiresPython: requiresPython.slice(1) }),
    requiresDist: lines.slice(6, 6 + requires),
    providesExtra: lines.slice(6 + requires, 6 + requires + extras),
    dynamic: lines.slice(6 + requires + extras),
  };
}
