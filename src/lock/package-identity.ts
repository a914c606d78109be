import { blake3Hex } from "../platform/blake3.ts";
import type { LockedFile } from "./lock-model.ts";

/**
 * The build hash of a wheel's package object: BLAKE3 of its `package` derivation, which names the file and its SHA-256 and no
 * URL, so that the same wheel from a mirror is the same object.
 */

/** The derivation as canonical JSON (RFC 8785): members sorted, no white space, strings as `JSON.stringify` writes them. */
export function packageDerivationText(wheelFilename: string, sha256: string): string {
  return `{"fetch":{"filename":${JSON.stringify(wheelFilename)},"sha256":"${sha256}"},"format":1,"kind":"package"}`;
}

/** Lower-case hex. `sha256` is lower-case hex of the whole wheel. */
export function packageBuildHash(wheelFilename: string, sha256: string): string {
  return blake3Hex(packageDerivationText(wheelFilename, sha256));
}

/** The same of a wheel in a lock; `undefined` where the lock has no SHA-256 for it. */
export function wheelBuildHash({ name, hashes }: LockedFile): string | undefined {
  const { sha256 } = hashes;
  return sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256) ? undefined : packageBuildHash(name, sha256);
}
