/** What is asked of the store, and what came: the plain data that passes in and out of realising. */
import type { LockedFile, LockedSource } from "../lock/lock-model.ts";
import type { PackageObject } from "../store/package-object.ts";

/** One package of a lock, for one environment: the wheel that was chosen, or what to build. */
export interface WantedPackage {
  /** Normalised. */
  name: string;
  /** Absent where only the source knows. */
  version?: string;
  /** The wheel to install. `buildHash` (of its `package` derivation) is empty where the lock has no SHA-256. */
  wheel?: LockedFile & { buildHash: string };
  /** What is built when there is no wheel and the source is an index. */
  sdist?: LockedFile;
  source: LockedSource;
  /** What the lock pins: output hash by build hash of the `package` derivation. */
  outputs?: Readonly<Record<string, string>>;
}

export interface RealisedPackage {
  /** Normalised, as it was wanted. */
  name: string;
  /** 64 lower-case hex digits. */
  outputHash: string;
  /** Build hash of the `package` derivation. */
  derivation: string;
  object: PackageObject;
  how: "store" | "system" | "cache" | "downloaded" | "built";
}
