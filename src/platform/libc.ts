import { dlopen, FFIType, type Pointer, read } from "bun:ffi";

/** The few functions of the C library that Bun has no wrapper for: locks and read-only mappings. Unix only. */
const SYMBOLS = {
  open: { args: [FFIType.cstring, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  close: { args: [FFIType.i32], returns: FFIType.i32 },
  flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  mmap: {
    args: [FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.i32, FFIType.i32, FFIType.i64],
    returns: FFIType.ptr,
  },
  munmap: { args: [FFIType.ptr, FFIType.u64], returns: FFIType.i32 },
} as const;

const LINUX = {
  ...SYMBOLS,
  __errno_location: { args: [], returns: FFIType.ptr },
} as const;
const DARWIN = { ...SYMBOLS, __error: { args: [], returns: FFIType.ptr } } as const;

export type LibcSymbols = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

export interface Libc {
  readonly symbols: LibcSymbols;
  /** `errno` of the call just made. */
  errno(): number;
}

/** `undefined` where there is none to be loaded (Windows, an unknown C library): callers have another way. */
export function loadLibc(): Libc | undefined {
  if (loaded === undefined) loaded = tryLoad() ?? null;
  return loaded ?? undefined;
}
let loaded: Libc | null | undefined;

function tryLoad(): Libc | undefined {
  if (process.platform === "darwin") {
    try {
      const { symbols } = dlopen("libSystem.B.dylib", DARWIN);
      return { symbols, errno: () => errnoAt(symbols.__error()) };
    } catch {
      return undefined;
    }
  }
  const symbols = process.platform === "linux" ? openOnLinux(LINUX) : undefined;
  return symbols && { symbols, errno: () => errnoAt(symbols.__errno_location()) };
}

/** Linux's `ioctl`, for requests that take a pointer; `undefined` elsewhere. Apart, because each symbol costs to load. */
export function loadIoctl() {
  if (process.platform !== "linux") return undefined;
  return openOnLinux({
    ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
  })?.ioctl;
}

function openOnLinux<T extends Parameters<typeof dlopen>[1]>(symbols: T) {
  const musl = process.arch === "arm64" ? "libc.musl-aarch64.so.1" : "libc.musl-x86_64.so.1";
  for (const name of ["libc.so.6", musl]) {
    try {
      return dlopen<T>(name, symbols).symbols;
    } catch {
      // The other C library, or none.
    }
  }
  return undefined;
}

function errnoAt(address: Pointer | bigint | null): number {
  return address === null ? 0 : read.i32(Number(address) as Pointer, 0);
}
