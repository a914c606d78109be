/**
 * The executable is built to stay in the interpreter for longer than usual: a command that takes 50 ms is over before what the
 * compiler's threads made of it is of use, and they take the cores from its own thread.
 */

/** From now on code is compiled as soon as it is worth it for who runs for seconds. */
export function expectLongRun(): void {
  Bun.unsafe.setJITPolicy(1);
}

/**
 * For a thread, which begins with the usual policy: code is compiled a hundred times later. Where most of the time is spent in native code (zstd,
 * files, BLAKE3), compiling the rest took a tenth of all processor time.
 */
export function expectLittleCode(): void {
  Bun.unsafe.setJITPolicy(100);
}
