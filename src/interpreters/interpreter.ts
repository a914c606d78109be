import type { MarkerEnvironment } from "../standards/marker-environment.ts";

/** What an interpreter said about itself. Asked once, remembered by path, size and modification time. */
export interface Interpreter {
  /** Absolute path that starts it, symlinks resolved, never inside a virtual environment. */
  executable: string;
  /** Bytes, and nanoseconds since the epoch: the key of the memory, checked on the warm path. */
  size: number;
  mtimeNs: bigint;
  implementation: "cpython" | "pypy" | "other";
  /** `3.12.1`, `3.14.0rc1`. */
  version: string;
  markers: MarkerEnvironment;
  /** Every compatible tag (`cp312-cp312-manylinux_2_36_x86_64`), the best first (PEP 425, 600, 656). */
  tags: readonly string[];
  /** `sys.base_prefix`. */
  basePrefix: string;
  /** Install paths relative to a prefix, as `sysconfig`'s `venv` scheme gives them. */
  paths: { purelib: string; platlib: string; scripts: string; data: string; include: string };
  /** `sys.implementation.cache_tag`, for `__pycache__`: `cpython-312`. */
  cacheTag: string;
  pointerBits: 32 | 64;
  debug: boolean;
  /** PEP 703 build. */
  freeThreaded: boolean;
  /** PEP 668. */
  externallyManaged: boolean;
  /** What this interpreter's own pip calls its default index; absent when it has no pip and no ensurepip. */
  defaultIndex?: string;
  /** Lower-case hex BLAKE3 of all that a layout depends on: executable, version, paths, cache tag. */
  fingerprint: string;
}
